"""Malformed photographs, as many as wanted, and what the decoder makes of each: pixels, or a refusal with a key.

The decoder is the box's own, in its process with limits of time and memory. Anything else that comes out of it, or a
process that does not come back, is a fault. The same number and seed make the same files.

    python tests/security/malformed.py --files 10000
    python tests/security/malformed.py --files 3000 --only HEIF
"""

import argparse
import io
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from pillow_heif import register_heif_opener

from appliance.errors import PhotoRefused
from appliance.vision.sandbox import Decoder
from training.golden import draw

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "HEIF": "image/heic"}
SAID_EVERY = 1000

Harm = Callable[[bytearray, random.Random], bytes]


def whole_files() -> list[tuple[str, bytes]]:
    """One of each form that a phone or a program writes: the declared type and the file."""
    register_heif_opener()
    colours = Image.fromarray(draw(3))
    exif = Image.Exif()
    exif[0x0112] = 6
    forms: list[tuple[str, Image.Image, dict[str, object]]] = [
        ("JPEG", colours, {"quality": 90}),
        ("JPEG", colours, {"progressive": True}),
        ("JPEG", colours, {"exif": exif.tobytes(), "subsampling": 0}),
        ("JPEG", colours.convert("CMYK"), {}),
        ("JPEG", colours.convert("L"), {}),
        ("PNG", colours, {}),
        ("PNG", colours.convert("P"), {}),
        ("PNG", colours.convert("RGBA"), {"exif": exif.tobytes()}),
        ("PNG", Image.fromarray(draw(4)[..., 0].astype(np.uint16) * 256), {}),
        ("WEBP", colours, {"quality": 80}),
        ("WEBP", colours, {"lossless": True}),
        ("HEIF", colours, {"quality": 70}),
        ("HEIF", colours.convert("L"), {}),
        ("HEIF", colours.convert("RGBA"), {"exif": exif.tobytes()}),
        ("HEIF", colours, {"save_all": True, "append_images": [colours.rotate(90)], "chroma": 444}),
    ]
    files = []
    for kind, picture, options in forms:
        file = io.BytesIO()
        picture.save(file, kind, **options)
        files.append((TYPES[kind], file.getvalue()))
    return files


def _cut(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(len(data))])


def _begun_late(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[chance.randrange(1, len(data)) :])


def _flipped(data: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 3, 20, 300))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _head_overwritten(data: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.randrange(1, 12)):
        data[chance.randrange(min(200, len(data)))] = chance.randrange(256)
    return bytes(data)


def _extreme_numbers(data: bytearray, chance: random.Random) -> bytes:
    """Lengths, sizes and offsets that are as large or as small as they can be."""
    at = chance.randrange(min(2000, len(data) - 8))
    width = chance.choice((2, 4, 8))
    data[at : at + width] = chance.choice((b"\xff" * width, b"\x00" * width, b"\x7f" + b"\xff" * (width - 1)))
    return bytes(data)


def _piece_repeated(data: bytearray, chance: random.Random) -> bytes:
    at, length = chance.randrange(len(data)), chance.randrange(1, 4000)
    return bytes(data[:at] + data[at : at + length] * chance.choice((2, 3, 50)) + data[at + length :])


def _piece_left_out(data: bytearray, chance: random.Random) -> bytes:
    at, length = chance.randrange(len(data)), chance.randrange(1, 4000)
    return bytes(data[:at] + data[at + length :])


def _noise_put_in(data: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return bytes(data[:at] + chance.randbytes(chance.randrange(1, 5000)) + data[at:])


def _noise_behind_the_head(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(4, 64)]) + chance.randbytes(chance.randrange(0, 20000))


HARMS: tuple[Harm, ...] = (
    _cut,
    _begun_late,
    _flipped,
    _head_overwritten,
    _extreme_numbers,
    _piece_repeated,
    _piece_left_out,
    _noise_put_in,
    _noise_behind_the_head,
)


def corpus(count: int, seed: int = 1, only: str | None = None) -> Iterator[tuple[str | None, bytes]]:
    """``count`` malformed files with what they are said to be: harmed once or more, or of two kinds, or under a wrong
    name. ``only``: made of whole files of that one of ``TYPES``. A few are still photographs."""
    chance, whole = random.Random(seed), [each for each in whole_files() if only in (None, each[0])]
    for _ in range(count):
        declared, data = chance.choice(whole)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            if len(data) > 16:
                data = chance.choice(HARMS)(bytearray(data), chance)
        if chance.random() < 0.1:
            data = data[: len(data) // 2] + chance.choice(whole)[1]
        yield (chance.choice((*TYPES.values(), None)) if chance.random() < 0.1 else declared), data


@dataclass
class Outcome:
    """What came of a corpus."""

    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """How many for each error's key."""
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def look(decoder: Decoder, files: Iterator[tuple[str | None, bytes]], say: Callable[[str], object] = print) -> Outcome:
    """Decode each."""
    outcome = Outcome()
    for number, (declared, data) in enumerate(files, start=1):
        began = time.monotonic()
        try:
            pixels = decoder(data, declared)
        except PhotoRefused as refused:
            outcome.refused[refused.key] += 1
        except Exception as fault:  # noqa: BLE001  # whatever it is, it is what is looked for
            outcome.faults.append(f"file {number}: {fault!r}")
        else:
            outcome.read += 1
            if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
                outcome.faults.append(f"file {number}: {pixels.dtype} {pixels.shape}")
        outcome.slowest_s = max(outcome.slowest_s, time.monotonic() - began)
        if number % SAID_EVERY == 0:
            say(f"{number} files")
    return outcome


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=TYPES, help="made of whole files of this format alone")
    asked = parser.parse_args()
    with Decoder() as decoder:
        outcome = look(decoder, corpus(asked.files, asked.seed, TYPES[asked.only] if asked.only else None))
    refused = ", ".join(f"{key} {count}" for key, count in outcome.refused.most_common())
    print(f"{asked.files} files, seed {asked.seed}: {outcome.read} read; refused: {refused}")
    print(f"slowest {outcome.slowest_s:.1f} s; {len(outcome.faults)} faults")
    print(*outcome.faults, sep="\n")
    sys.exit(1 if outcome.faults else 0)


if __name__ == "__main__":
    main()

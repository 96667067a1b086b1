"""One photograph looked at: can it be read, what does the gate say, how does it compare."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from appliance.errors import DermkioskError
from appliance.vision import colour, lesion, morphology, quality
from appliance.vision import preprocess as preprocessing
from appliance.vision.assessment import Quality
from appliance.vision.assessor import Assessor
from appliance.vision.bundle import FILE
from appliance.vision.photo import MIN_SIDE_PX, Pixels, decode
from training.bundle_files import sha256_of
from training.curation import duplicates, resemblance
from training.curation.collections.record import Box
from training.curation.duplicates import Fingerprint
from training.quiet import holding_back

QUALITY: Final = 95
"""JPEG quality of a crop."""


@dataclass(frozen=True)
class Task:
    """What to examine, and where what was found is kept."""

    file: Path
    box: Box | None
    margin: float
    cache: Path
    crops: Path | None
    """Folder for the crop to ``box``; None: the photograph stays whole."""
    bundle: Path
    """The model whose gate looks at it."""


@dataclass(frozen=True)
class Examined:
    """What one photograph is. ``problem`` is the reason it cannot be read, and then there is no print."""

    problem: str = ""
    print: Fingerprint | None = None
    width: int = 0
    height: int = 0
    flags: tuple[str, ...] = ()
    """Ids of the gate's checks that object."""
    crop: str = ""
    """Name of the crop's file, where one was made."""


def examine(task: Task) -> Examined:
    """Look at one photograph, or read what was found when its bytes were looked at before."""
    try:
        data = task.file.read_bytes()
    except OSError as missing:
        return Examined(problem=f"cannot be opened: {missing.strerror}")
    sha256 = hashlib.sha256(data).hexdigest()
    kept = task.cache / sha256[:2] / f"{_name(sha256, task)}.npz"
    known = _recall(kept, task)
    return known if known is not None else _look(data, sha256, task, kept)


def cropped(pixels: Pixels, box: Box, margin: float) -> Pixels:
    """``box`` and ``margin`` times its longer side around it, within the picture; the whole for an empty box.

    As far as the picture reaches no side is shorter than what can be decoded as a photograph.
    """
    left, top, right, bottom = box
    around = margin * max(right - left, bottom - top)
    high, wide = pixels.shape[:2]
    x0, x1 = _span(left - around, right + around, wide)
    y0, y1 = _span(top - around, bottom + around, high)
    return pixels[y0:y1, x0:x1] if x1 > x0 and y1 > y0 else pixels


def _span(low: float, high: float, side: int) -> tuple[int, int]:
    """Whole pixels from ``low`` to ``high`` within 0 … ``side``, widened to ``MIN_SIDE_PX``; (0, 0) for nothing."""
    first, last = max(0, math.floor(low)), min(side, math.ceil(high))
    if last <= first:
        return 0, 0
    length = max(last - first, min(MIN_SIDE_PX, side))
    first = min(max(0, (first + last - length) // 2), side - length)
    return first, first + length


def judged(pixels: Pixels, bundle: Path) -> Quality:
    """The verdict of a bundle's gate: its own limits, on what its network would see.

    Raises a :class:`appliance.errors.ModelError` where the bundle cannot be used or has no gate.
    """
    return _assessor(bundle).assess(pixels, use_gate=False).quality


@lru_cache
def _assessor(bundle: Path) -> Assessor:
    """Once in each process. Its network takes one thread: there are as many processes as wanted."""
    with holding_back():  # that TensorFlow Lite made a delegate
        return Assessor.open(bundle, threads=1)


def _name(sha256: str, task: Task) -> str:
    """The file's content and whatever else decides what is found."""
    asked = json.dumps([sha256, task.box if task.crops else None, task.margin, _code(), _card(task.bundle)])
    return hashlib.sha256(asked.encode()).hexdigest()


@lru_cache
def _code() -> str:
    """Of the gate and the fingerprint: what other code found is not taken for what this one would find."""
    modules = (quality, duplicates, resemblance, preprocessing, colour, lesion, morphology)
    files = sorted(Path(str(module.__file__)) for module in modules)
    files += [Path(__file__), *sorted(Path(str(quality.__file__)).parent.glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@lru_cache
def _card(bundle: Path) -> str:
    """Of bundle.json, which holds the hash of everything else in the bundle."""
    return sha256_of(bundle / FILE)


def _look(data: bytes, sha256: str, task: Task, kept: Path) -> Examined:
    try:
        pixels = decode(data, task.file.name)
    except DermkioskError as refused:
        return Examined(problem=f"unreadable: {refused.key}")
    crop = ""
    if task.crops is not None and task.box is not None:
        pixels, crop = cropped(pixels, task.box, task.margin), f"{_name(sha256, task)[:16]}.jpg"
        Image.fromarray(pixels).save(task.crops / crop, quality=QUALITY)
    flags = tuple(check.id for check in judged(pixels, task.bundle).reasons)
    found = Examined("", Fingerprint.of(data, pixels), pixels.shape[1], pixels.shape[0], flags, crop)
    _keep(kept, found)
    return found


def _keep(file: Path, found: Examined) -> None:
    if found.print is None:
        return
    print_ = found.print
    told = [print_.sha256, print_.phash, print_.dhash, found.width, found.height, found.flags, found.crop]
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".tmp").open("wb") as unfinished:
        np.savez(unfinished, miniature=print_.miniature, told=json.dumps(told))
    file.with_suffix(".tmp").replace(file)


def _recall(file: Path, task: Task) -> Examined | None:
    try:
        with file.open("rb") as stored, np.load(stored) as kept:
            told, small = json.loads(str(kept["told"])), np.asarray(kept["miniature"])
    except (OSError, KeyError, ValueError, BadZipFile):
        return None
    sha256, phash, dhash, width, height, flags, crop = told
    if crop and (task.crops is None or not (task.crops / crop).is_file()):
        return None
    return Examined("", Fingerprint(sha256, phash, dhash, small), width, height, tuple(flags), crop)

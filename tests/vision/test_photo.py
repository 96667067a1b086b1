import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pillow_heif import register_heif_opener

from appliance import errors
from appliance.vision.photo import MAX_BYTES, MAX_SIDE_PX, Pixels, decode
from training.golden import draw

Encode = Callable[..., bytes]
TYPES = {"JPEG": "a.jpg", "PNG": "a.png", "WEBP": "a.webp", "HEIF": "a.heic"}


@pytest.mark.parametrize("kind", TYPES)
def test_decodes_each_format(kind: str, skin: Pixels, encoded: Encode) -> None:
    register_heif_opener()
    pixels = decode(encoded(skin, kind, quality=95), TYPES[kind])
    assert pixels.shape == skin.shape
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - skin).mean() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_applies_every_orientation(orientation: int, encoded: Encode) -> None:
    upright = np.zeros((160, 320, 3), np.uint8)
    upright[:80, :160] = 255  # white top left quarter
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encoded(np.ascontiguousarray(stored), "PNG", exif=exif.tobytes()))
    assert np.array_equal(pixels, upright)


def test_transparent_grey_and_palette_pictures_become_rgb(encoded: Encode) -> None:
    for mode in ("RGBA", "L", "LA", "P", "CMYK", "I;16"):
        file = io.BytesIO()
        Image.new(mode, (200, 200)).save(file, "TIFF" if mode == "CMYK" else "PNG")
        if mode == "CMYK":
            file = io.BytesIO()
            Image.new(mode, (200, 200)).save(file, "JPEG")
        assert decode(file.getvalue()).shape == (200, 200, 3)


def test_large_photographs_are_scaled_down(encoded: Encode) -> None:
    pixels = decode(encoded(np.full((3000, 4000, 3), 150, np.uint8), "JPEG"))
    assert pixels.shape == (1536, MAX_SIDE_PX, 3)


def test_a_broken_colour_profile_means_srgb(skin: Pixels, encoded: Encode) -> None:
    assert np.array_equal(decode(encoded(skin, "PNG", icc_profile=b"no profile")), skin)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(errors.PhotoEmpty):
        decode(b"")


def test_a_file_over_the_byte_limit_is_refused() -> None:
    with pytest.raises(errors.PhotoTooLarge):
        decode(b"\xff\xd8" + bytes(MAX_BYTES))


def test_text_named_jpg_is_refused() -> None:
    with pytest.raises(errors.PhotoUnknownFormat):
        decode(b"this is no photograph", "photo.jpg")


def test_a_gif_is_refused(encoded: Encode) -> None:
    with pytest.raises(errors.PhotoUnknownFormat):
        decode(encoded(np.zeros((200, 200, 3), np.uint8), "GIF"))


@pytest.mark.parametrize("declared", ["photo.jpg", "image/jpeg", "photo.HEIC", "image/webp; charset=binary"])
def test_a_png_with_another_label_is_refused(declared: str, skin: Pixels, encoded: Encode) -> None:
    with pytest.raises(errors.PhotoMislabelled):
        decode(encoded(skin, "PNG"), declared)


@pytest.mark.parametrize(
    "declared",
    [None, "photo.PNG", "image/png", "image/png; x=y", "photo", "a.jpg.bak", "image/*", "application/octet-stream"],
)
def test_a_label_that_claims_nothing_else_is_fine(declared: str | None, skin: Pixels, encoded: Encode) -> None:
    assert decode(encoded(skin, "PNG"), declared).shape == skin.shape


def test_a_thumbnail_is_refused(encoded: Encode) -> None:
    with pytest.raises(errors.PhotoTooFewPixels):
        decode(encoded(np.zeros((100, 300, 3), np.uint8), "PNG"))


@pytest.mark.parametrize(("width", "height"), [(20_000, 10_000), (9_000, 9_000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    with pytest.raises(errors.PhotoTooManyPixels):
        decode(_png_that_claims(width, height), "bomb.png")


def _png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(2**16), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (2**31, 2**31), (1, 2**32 - 1)])
def test_a_heic_that_claims_to_be_huge_is_refused(width: int, height: int, encoded: Encode) -> None:
    with pytest.raises(errors.PhotoRefused):
        decode(_claiming(_heic(encoded), width, height), "bomb.heic")


@pytest.mark.parametrize("side", [128, 200, 511])
def test_a_heic_that_holds_more_than_it_says_is_damaged(side: int, encoded: Encode) -> None:
    try:
        pixels = decode(_claiming(_heic(encoded), side, side))
    except errors.PhotoDamaged:
        return
    assert max(pixels.shape) <= 512


def test_an_iphones_photograph_is_turned_upright_once(encoded: Encode) -> None:
    """A HEIC says twice how it lies: in its own boxes, and in EXIF."""
    register_heif_opener()
    lying = np.zeros((256, 512, 3), np.uint8)
    lying[:128, :256] = 255  # white top left quarter
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = decode(encoded(lying, "HEIF", quality=90, exif=exif.tobytes()), "IMG_0001.HEIC")
    assert pixels.shape == (512, 256, 3)
    assert pixels[:200, 140:].mean() > 240  # now top right
    assert pixels[300:].mean() < 20


def _heic(encoded: Encode) -> bytes:
    register_heif_opener()
    return encoded(np.full((512, 512, 3), 160, np.uint8), "HEIF", quality=50)


def _claiming(heic: bytes, width: int, height: int) -> bytes:
    """The file with another size in its header (its ``ispe`` boxes)."""
    data, start = bytearray(heic), 0
    while (start := data.find(b"ispe", start)) != -1:
        data[start + 8 : start + 16] = struct.pack(">II", width % 2**32, height % 2**32)
        start += 16
    return bytes(data)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_a_truncated_file_is_refused(kind: str, share: float, skin: Pixels, encoded: Encode) -> None:
    register_heif_opener()
    data = encoded(skin, kind, quality=90)
    with pytest.raises(errors.PhotoRefused):
        decode(data[: int(len(data) * share)], TYPES[kind])


def _with_exif(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker"
    exif.get_ifd(0x8825)[1] = "N"
    file = io.BytesIO()
    Image.fromarray(draw(2)).save(file, kind, exif=exif.tobytes())
    return file.getvalue()


WHOLE = {kind: _with_exif(kind) for kind in ("JPEG", "PNG", "WEBP")}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), min_size=1, max_size=6))
def test_an_odd_exif_block_is_no_reason_to_refuse_a_photograph(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE["JPEG"])
    start, end = data.index(b"Exif") + 6, data.index(b"maker") + 5  # the block's own length stays right
    for position, value in changes:
        data[start + position % (end - start)] = value
    assert decode(bytes(data)).shape == (384, 384, 3)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=20))
def test_a_corrupted_file_is_either_read_or_refused(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE[kind])
    for position, value in changes:
        data[position % len(data)] = value
    try:
        pixels = decode(bytes(data))
    except errors.PhotoRefused:
        return
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3

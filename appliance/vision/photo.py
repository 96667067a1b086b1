"""A file's bytes in, upright sRGB pixels out; or a reason why not.

EXIF, GPS, comments and thumbnails end here: nothing but pixels leaves :func:`decode`. The function is
pure; :mod:`appliance.vision.sandbox` runs it in a process of its own with a time limit.
"""

import io
import struct
import warnings
from pathlib import PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, UnidentifiedImageError
from pillow_heif import register_heif_opener

from appliance.errors import (
    PhotoDamaged,
    PhotoEmpty,
    PhotoMislabelled,
    PhotoTooFewPixels,
    PhotoTooLarge,
    PhotoTooManyPixels,
    PhotoUnknownFormat,
)

Pixels = NDArray[np.uint8]

MAX_BYTES: Final = 32 * 2**20
MAX_PIXELS: Final = 64_000_000
MIN_SIDE_PX: Final = 128
MAX_SIDE_PX: Final = 2048
"""The longest side kept: three times what the gate and the network look at, a tenth of the bytes."""

FORMATS: Final = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "WEBP": "WebP", "HEIF": "HEIC"}
"""Pillow's name of a format: the name people know. An MPO is a JPEG with a second picture behind it."""
OPENED: Final = ("JPEG", "PNG", "WEBP", "HEIF")
CLAIMS: Final = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    ".png": "PNG",
    "image/png": "PNG",
    ".webp": "WebP",
    "image/webp": "WebP",
    ".heic": "HEIC",
    ".heif": "HEIC",
    "image/heic": "HEIC",
    "image/heif": "HEIC",
}
"""What a file's suffix or media type says it is. Everything else claims nothing."""
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation (CIPA DC-008, 4.6.4): what makes it upright."""
ORIENTATION: Final = 0x0112
MALFORMED: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,  # libheif's, where a file holds more than it says
    SyntaxError,
    TypeError,
    ValueError,
)
"""What Pillow's readers raise, besides struct.error, on files that are cut or nonsense."""


def decode(data: bytes, declared: str | None = None) -> Pixels:
    """Decode one photograph.

    ``declared`` is the file name or media type it came with; if it names one of the formats, the content
    must be of that format. Returns uint8 RGB, H×W×3, upright, sRGB, longest side at most ``MAX_SIDE_PX``.
    Raises a :class:`appliance.errors.PhotoRefused`.
    """
    _check_size(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which is dropped anyway
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = _open(data)
        _check_label(image, declared)
        _check_dimensions(image)
        return np.asarray(_upright_srgb(image))


def _check_size(data: bytes) -> None:
    if not data:
        raise PhotoEmpty
    if len(data) > MAX_BYTES:
        raise PhotoTooLarge(f"{len(data)} bytes", megabytes=MAX_BYTES // 2**20)


def _open(data: bytes) -> Image.Image:
    register_heif_opener(thumbnails=False)
    try:
        return Image.open(io.BytesIO(data), formats=OPENED)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as bomb:
        raise PhotoTooManyPixels(str(bomb), megapixels=MAX_PIXELS // 1_000_000) from bomb
    except UnidentifiedImageError as unknown:
        raise PhotoUnknownFormat(str(unknown)) from unknown
    except (*MALFORMED, struct.error) as damaged:
        raise PhotoDamaged(str(damaged)) from damaged


def _check_label(image: Image.Image, declared: str | None) -> None:
    content = FORMATS[str(image.format)]
    said = _claimed(declared or "")
    if said is not None and said != content:
        raise PhotoMislabelled(f"{declared!r} contains {content}", said=said, content=content)


def _claimed(declared: str) -> str | None:
    """The format a name or media type claims; ``None`` where it claims none of ours."""
    media_type = declared.partition(";")[0].strip().lower()
    return CLAIMS.get(media_type) or CLAIMS.get(PurePath(declared).suffix.lower())


def _check_dimensions(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoTooManyPixels(f"{width}×{height}", megapixels=MAX_PIXELS // 1_000_000)
    if min(width, height) < MIN_SIDE_PX:
        raise PhotoTooFewPixels(f"{width}×{height}", pixels=MIN_SIDE_PX)


def _upright_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    # Any library of the same process may have allowed them, and half a photograph must not be judged.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        image.draft("RGB", (MAX_SIDE_PX, MAX_SIDE_PX))  # a JPEG's cheap halving; other formats ignore it
        image.load()
    except (*MALFORMED, struct.error) as damaged:
        raise PhotoDamaged(str(damaged)) from damaged
    turn = UPRIGHT.get(_orientation(image))
    upright = image if turn is None else image.transpose(turn)
    upright.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    return _to_srgb(upright.convert("RGB"), profile) if upright.mode in ("RGB", "RGBA") else upright.convert("RGB")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or the EXIF block cannot be read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except (*MALFORMED, struct.error):
        return 1


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Phones write Display P3; the network learned sRGB. An unreadable profile means sRGB, as in a browser."""
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image
    return image if converted is None else converted

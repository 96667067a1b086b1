"""A file's bytes in, upright sRGB pixels out; or a reason why not.

EXIF, GPS, comments and thumbnails end here: nothing but pixels leaves :func:`decode`. The function is
pure; :mod:`appliance.vision.sandbox` runs it in a process of its own with a time limit.
"""

import io
import mimetypes
import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
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

FORMATS: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "HEIF": "image/heic"}
_SAME_FORMAT: Final = {"image/heif": "image/heic", "image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg"}


def decode(data: bytes, declared: str | None = None) -> Pixels:
    """Decode one photograph.

    ``declared`` is the file name or media type it came with; a known image type that contradicts the
    content is refused. Returns uint8 RGB, H×W×3, upright, sRGB, longest side at most ``MAX_SIDE_PX``.
    Raises a :class:`appliance.errors.PhotoRefused`.
    """
    _check_size(data)
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
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=list(FORMATS))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as bomb:
        raise PhotoTooManyPixels(str(bomb), megapixels=MAX_PIXELS // 1_000_000) from bomb
    except UnidentifiedImageError as unknown:
        raise PhotoUnknownFormat(str(unknown)) from unknown
    except (OSError, ValueError, SyntaxError) as damaged:  # Pillow's plugins raise all three on bad headers
        raise PhotoDamaged(str(damaged)) from damaged


def _check_label(image: Image.Image, declared: str | None) -> None:
    content = "image/jpeg" if image.format == "MPO" else FORMATS[str(image.format)]
    said = _media_type(declared)
    if said is not None and said != content:
        raise PhotoMislabelled(f"{declared!r} contains {content}", said=said, content=content)


def _media_type(declared: str | None) -> str | None:
    """The image type a name or media type claims; ``None`` where it claims nothing."""
    if not declared:
        return None
    known = declared if "/" in declared and declared.startswith(("image/", "text/", "application/")) else None
    guess = known or mimetypes.guess_type(declared)[0]
    guess = _SAME_FORMAT.get(guess or "", guess)
    return None if guess in (None, "application/octet-stream") else guess


def _check_dimensions(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoTooManyPixels(f"{width}×{height}", megapixels=MAX_PIXELS // 1_000_000)
    if min(width, height) < MIN_SIDE_PX:
        raise PhotoTooFewPixels(f"{width}×{height}", pixels=MIN_SIDE_PX)


def _upright_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    try:
        image.draft("RGB", (MAX_SIDE_PX, MAX_SIDE_PX))  # a JPEG's cheap halving; other formats ignore it
        upright = ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, EOFError) as damaged:
        raise PhotoDamaged(str(damaged)) from damaged
    upright.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    return _to_srgb(upright.convert("RGB"), profile) if upright.mode in ("RGB", "RGBA") else upright.convert("RGB")


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

"""Pixels as a browser wants them."""

import io
from typing import Final

from flask import Response
from PIL import Image

from appliance.vision.photo import Pixels

PAGE_SIDE_PX: Final = 1024
PREVIEW_SIDE_PX: Final = 800
QUALITY: Final = 85


def jpeg(pixels: Pixels, side_px: int) -> Response:
    """A JPEG of uint8 RGB pixels (H×W×3), longest side at most ``side_px``."""
    image = Image.fromarray(pixels)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return Response(file.getvalue(), mimetype="image/jpeg")

"""Pixels as a browser wants them."""

import io
from typing import Final

import numpy as np
from flask import Response
from PIL import Image

from appliance.cases.store import Case
from appliance.request_errors import PageUnknown
from appliance.vision.classes import CLASSES
from appliance.vision.overlay import overlay, positive_share
from appliance.vision.photo import Pixels
from appliance.web.services import services

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


def class_map(case: Case, class_id: str) -> Response:
    """A PNG of the case's photo under the map of one class. Raises :class:`PageUnknown` where there is none."""
    maps = services().store.class_maps(case)
    if maps is None or class_id not in CLASSES:
        raise PageUnknown
    grid = positive_share(np.asarray(maps[..., list(CLASSES).index(class_id)]))
    return Response(overlay(services().store.photo(case), grid), mimetype="image/png")

"""Fixtures all tests share."""

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels
from training.golden import draw

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "models/skin8-inceptionv3"

# A script's background job ignores Ctrl-C, and so would everything that the tests start and then interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run: what passes here passes there. Look for new ones with --hypothesis-profile=default.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder of real photographs, which is never in the repository."""
    folder = Path(os.environ.get("DERMKIOSK_TEST_PHOTOS", ROOT.parent / "shared/data/skin8"))
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"the skin8 photographs are not in {folder} (set DERMKIOSK_TEST_PHOTOS)")
    return folder


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """The bundle that ships."""
    return BUNDLE


@pytest.fixture(scope="session")
def assessor() -> Assessor:
    """The shipped model on the real runtime."""
    return Assessor.open(BUNDLE, threads=2)


@pytest.fixture
def skin() -> Pixels:
    """A drawn picture of skin with a plaque, uint8 RGB 384×384×3, that the gate accepts."""
    return draw(seed=1)


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    """Pixels → a file's bytes: ``encoded(pixels, "JPEG", quality=90)``."""

    def encode(pixels: Pixels, format: str = "JPEG", **options: object) -> bytes:  # noqa: A002  # Pillow's own word
        file = io.BytesIO()
        Image.fromarray(np.asarray(pixels)).save(file, format, **options)
        return file.getvalue()

    return encode

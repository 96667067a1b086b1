import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance.cases.photos import Pixels
from appliance.cases.store import Intake, Store


def noise(seed: int, side: int = 32) -> Pixels:
    """A photograph that nothing compresses: as many bytes on the disk as it has pixels times three."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.fixture
def intake() -> Callable[..., Intake]:
    def make(seed: int = 0, side: int = 32, **others: object) -> Intake:
        pixels = noise(seed, side)
        values = {
            "pixels": pixels,
            "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
            "source": "phone_camera",
            "site": "forearm",
            "consent": True,
            "capture": None,
            "simulated": False,
        }
        return Intake(**(values | others))  # type: ignore[arg-type]

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store(folder) as opened:
        yield opened

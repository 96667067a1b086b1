"""What every part of ``bundle.json`` and ``gate.json`` is: strict, and weights in base64."""

import base64

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from appliance.vision.colour import Floats


class Part(BaseModel):
    """Strict and frozen: an unknown or missing name is an error, not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def encoded(weights: NDArray[np.floating]) -> str:
    """Weights as the file keeps them: base64 of little-endian float16."""
    return base64.b64encode(weights.astype("<f2").tobytes()).decode("ascii")


def decoded(weights: str) -> Floats:
    """What :func:`encoded` wrote. Raises ``ValueError`` where it is something else."""
    return np.frombuffer(base64.b64decode(weights, validate=True), "<f2").astype(np.float32)

"""What can be said of the network without building it: its blocks, its input's scaling, its normalisation."""

from typing import Final, Literal

Scaling = Literal["unit", "symmetric"]
"""What the starting weights expect of a pixel x in 0 … 255: x/255, or Keras's own x/127.5 − 1."""
Normalisation = Literal["folded", "live"]
"""Batch normalisation: in the convolutions, or beside them, where it learns the statistics of the photographs."""

FIRST_CONVOLUTION: Final = {
    "all": 0,
    "mixed0": 5,
    "mixed1": 12,
    "mixed2": 19,
    "mixed3": 26,
    "mixed4": 30,
    "mixed5": 40,
    "mixed6": 50,
    "mixed7": 60,
    "mixed8": 70,
    "mixed9": 76,
    "mixed10": 85,
    "head": 94,
}
"""Where training may begin: the number of the first convolution of each block (Szegedy et al. 2016, as in Keras)."""


def normalisation_for(weights: str) -> Normalisation:
    """Live, but for a bundle's weights: there it is in the convolutions already."""
    return "folded" if weights.endswith(".tflite") else "live"

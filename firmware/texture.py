"""Random planes with the statistics of skin, made in the frequency domain."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Plane = NDArray[np.float32]
"""One number for each point of a scene, H×W."""
OCTAVES: Final = 4
SCENE_HEIGHT_PX: Final = 1200
"""Lengths are in pixels of a scene of this height; a scene in another size looks the same."""


class Texture:
    """Draws random planes of one shape. Each has mean 0 and standard deviation 1 unless said otherwise."""

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator, zoom: float = 1.0) -> None:
        """``shape``: height and width, px. ``zoom``: below 1, the skin is farther away and all of it smaller."""
        self.zoom = zoom
        self._shape = shape
        self._rng = rng
        down, across = np.meshgrid(fft.fftfreq(shape[0]), fft.rfftfreq(shape[1]), indexing="ij")
        self._unit = shape[0] / SCENE_HEIGHT_PX * zoom
        self._frequency = np.hypot(down, across).astype(np.float32) * np.float32(self._unit)
        self._angle = np.arctan2(down, across).astype(np.float32)

    def smooth(self, scale_px: float) -> Plane:
        """Clouds: nothing finer than about ``scale_px``."""
        return self._filtered(np.exp(-0.5 * (self._frequency * scale_px * 2) ** 2))

    def cloudy(self, scale_px: float) -> Plane:
        """Clouds with finer ones on them (1/f), from ``scale_px`` down."""
        power = np.zeros_like(self._frequency)
        for octave in range(OCTAVES):
            finer = scale_px / 2**octave
            power += np.float32((finer / 1.7**octave) ** 2) * np.exp(-((self._frequency * finer * 2) ** 2))
        return self._filtered(np.sqrt(power))

    def cells(self, size_px: float) -> Plane:
        """Blobs about ``size_px`` across."""
        return self._filtered(self._band(size_px))

    def furrows(self, spacing_px: float, degrees: float) -> Plane:
        """Broken lines in one direction: 1 in a furrow, 0 between. Where a band of waves crosses zero."""
        turned = np.sin(self._angle - np.float32(np.radians(degrees)))
        waves = self._filtered(self._band(spacing_px) * bell(turned, 0, 0.3))
        return bell(waves, 0, 0.28)

    def streaks(self, width_px: float, length_px: float, degrees: float) -> Plane:
        """Clouds drawn out in one direction: nothing finer than ``width_px`` across it, ``length_px`` along it."""
        turned = self._angle - np.float32(np.radians(degrees))
        along, across = np.cos(turned) * length_px, np.sin(turned) * width_px
        return self._filtered(np.exp(-0.5 * (self._frequency * np.hypot(along, across) * 2) ** 2))

    def spots(self, count: int, radius_px: float) -> Plane:
        """Round spots of varied size and depth, 0…1, each about ``radius_px``."""
        plane = np.zeros(self._shape, np.float32)
        count = round(count / self.zoom**2)  # more of the skin is in view from farther away
        rows = self._rng.integers(0, self._shape[0], count)
        columns = self._rng.integers(0, self._shape[1], count)
        plane[rows, columns] = self._rng.uniform(0.2, 1.0, count)
        sigma = radius_px * self._unit
        blurred = ndimage.gaussian_filter(plane, sigma, mode="wrap")
        return np.asarray(np.clip(blurred * (2 * np.pi * sigma**2), 0, 1), np.float32)

    def _band(self, size_px: float) -> Plane:
        centre = 0.5 / size_px
        return bell(self._frequency, centre, 0.35 * centre)

    def _filtered(self, spectrum: Plane) -> Plane:
        white = fft.rfft2(self._rng.standard_normal(self._shape, dtype=np.float32))
        return _standard(fft.irfft2(white * spectrum, s=self._shape).astype(np.float32))


def step(plane: Plane, edge: float, width: float) -> Plane:
    """0 below ``edge``, 1 above ``edge + width``, smooth between (Hermite)."""
    t = np.clip((plane - np.float32(edge)) / np.float32(width), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def bell(plane: Plane, centre: float, width: float) -> Plane:
    """1 at ``centre``, falling off on both sides (Gaussian of standard deviation ``width``)."""
    return np.asarray(np.exp(-0.5 * ((plane - np.float32(centre)) / np.float32(width)) ** 2), np.float32)


def _standard(plane: Plane) -> Plane:
    return np.asarray((plane - plane.mean()) / max(float(plane.std()), 1e-9), np.float32)

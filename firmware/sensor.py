"""The synthetic camera's sensor: what it makes of light. Exposure and gain, an automatic, noise, and the picture."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from firmware.devices import CaptureSettings, Pixels
from firmware.linear import to_codes
from firmware.skin import Radiance

COLOUR_GAINS: Final = (1.92, 1.61)
"""Those under which a white sheet is white when the ring light is as it should be."""
FULL_WELL_ELECTRONS: Final = 9000
READ_NOISE_ELECTRONS: Final = 4
NOMINAL_US: Final = 8000.0
LONGEST_US: Final = 33000.0
"""The automatic's: longer would slow the live view down. Who locks the exposure may go beyond."""
EXPOSURE_RANGE: Final = (0.05, 30.0)
EXPOSURE_TARGET: Final = 0.30
"""Mean signal the automatic aims at."""
EXPOSURE_COMPENSATION: Final = 0.7
"""It makes up for part of the difference, as real ones do: dark skin stays darker than light skin."""


@dataclass(frozen=True)
class Exposure:
    """Exposure time, gains, and the automatic that decides the next."""

    time_us: float = NOMINAL_US
    analogue_gain: float = 1.0
    colour_gains: tuple[float, float] = COLOUR_GAINS
    automatic: bool = True

    @classmethod
    def of(cls, relative: float, automatic: bool = True) -> "Exposure":
        """``relative``: light gathered, as a multiple of 8 ms at gain 1; gain comes in where a frame is too short."""
        time_us = min(relative * NOMINAL_US, LONGEST_US)
        return cls(time_us, relative * NOMINAL_US / time_us, automatic=automatic)

    @classmethod
    def locked(cls, settings: CaptureSettings) -> "Exposure":
        """What it was told; a sensor's gain is never below 1."""
        return cls(settings.exposure_us, max(settings.analogue_gain, 1.0), settings.colour_gains, automatic=False)

    @property
    def relative(self) -> float:
        """Light gathered, as a multiple of 8 ms at gain 1."""
        return self.time_us * self.analogue_gain / NOMINAL_US

    @property
    def balance(self) -> Radiance:
        """What its colour gains make of a white sheet under the light they should be for, 3 numbers."""
        red, blue = (gain / neutral for gain, neutral in zip(self.colour_gains, COLOUR_GAINS, strict=True))
        return np.array([red, 1.0, blue], np.float32)

    def metered(self, light: Radiance) -> "Exposure":
        """What the automatic decides after a frame of ``light`` (as in :func:`develop`); what clipped it cannot see."""
        scene = float(np.minimum(light[::8, ::8] * np.float32(self.relative), 1).mean()) / self.relative
        wanted = (EXPOSURE_TARGET / max(scene, 1e-6)) ** EXPOSURE_COMPENSATION
        return Exposure.of(float(np.clip(wanted, *EXPOSURE_RANGE)))


def develop(light: Radiance, exposure: Exposure, rng: np.random.Generator) -> Pixels:
    """The picture of ``light`` (H×W×3, 1 fills the sensor at the nominal exposure), uint8 of that shape."""
    noisy = _add_noise(light * np.float32(exposure.relative), exposure.analogue_gain, rng)
    return to_codes(noisy * exposure.balance)


def _add_noise(signal: Radiance, gain: float, rng: np.random.Generator) -> Radiance:
    """Shot noise of the electrons and read noise, both as a share of full scale; a full well stays full."""
    shot = np.float32(gain / FULL_WELL_ELECTRONS)
    read = np.float32((READ_NOISE_ELECTRONS * gain / FULL_WELL_ELECTRONS) ** 2)
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    noise *= np.sqrt(signal * shot + read)
    noise += signal
    return np.asarray(np.minimum(noise, 1), np.float32)

"""A camera that does not exist, in front of skin that does not exist, under physics that does.

Light adds up, exposure and gain multiply, electrons come in whole numbers, a lens can be out of focus,
a hand is never still. Faults can be switched on, and then it fails as a real one does.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from threading import Event
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firmware.calls import DriverCalls
from firmware.devices import ClosedOnExit, Frame, Light, Pixels
from firmware.errors import CameraUnplugged
from firmware.skin import Radiance, Scene, Skin, render

SIZE: Final = (1536, 1152)
PREVIEW_SIZE: Final = (800, 600)
MARGIN_PX: Final = 24
"""The scene reaches beyond the picture by this much on each side, so that a hand can move."""
COLOUR_GAINS: Final = (1.92, 1.61)
FULL_WELL_ELECTRONS: Final = 9000
READ_NOISE_ELECTRONS: Final = 4
CODES: Final = 4096
"""Steps of a 12-bit converter."""
NOMINAL_US: Final = 8000.0
LONGEST_US: Final = 33000.0
EXPOSURE_RANGE: Final = (0.05, 30.0)
EXPOSURE_TARGET: Final = 0.30
"""Mean signal the automatic aims at."""
EXPOSURE_COMPENSATION: Final = 0.7
"""It makes up for part of the difference, as real ones do: dark skin stays darker than light skin."""
EXPOSURE_DELAY_FRAMES: Final = 3
"""So many frames are still taken as before when a new exposure was decided: they are in the sensor's pipeline."""
HANG_CHECK_S: Final = 0.02


class Fault(Enum):
    """What can go wrong with a camera."""

    HANG = "calls do not return"
    UNPLUG = "the cable is loose"
    STALE = "the same picture comes again and again"
    BLACK = "no light reaches the sensor"


@dataclass(frozen=True)
class _Optics:
    """What the lens makes of a scene in one position of focus, in both sizes."""

    scene: Scene
    defocus_px: float
    full: Scene
    preview: Scene


@dataclass(frozen=True)
class Exposure:
    """Exposure time and gain, and the automatic that decides the next."""

    relative: float = 1.0
    """Light gathered, as a multiple of the nominal exposure: 8 ms at gain 1."""
    automatic: bool = True

    @property
    def time_us(self) -> float:
        """Exposure time; gain comes in where it would be longer than a frame."""
        return min(self.relative * NOMINAL_US, LONGEST_US)

    @property
    def analogue_gain(self) -> float:
        """Gain, 1 or more."""
        return self.relative * NOMINAL_US / self.time_us

    def metered(self, signal: Radiance) -> "Exposure":
        """What the automatic decides after a frame. ``signal``: that frame's."""
        if not self.automatic:
            return self
        scene = float(np.minimum(signal[::8, ::8], 1).mean()) / self.relative
        wanted = (EXPOSURE_TARGET / max(scene, 1e-6)) ** EXPOSURE_COMPENSATION
        return Exposure(float(np.clip(wanted, *EXPOSURE_RANGE)))


class SyntheticCamera(ClosedOnExit):
    """Sees ``scene`` under ``light`` and the room's light. The same seed and calls give the same frames."""

    name = "synthetic"
    simulated = True

    def __init__(self, light: Light, scene: Scene | None = None, seed: int = 0) -> None:
        """``scene``: of :func:`draw`; the default one if not given."""
        self.scene = draw(Skin()) if scene is None else scene
        self.faults: set[Fault] = set()
        self.ambient_level = 0.08
        """Light of the room, as a share of the ring light's."""
        self.defocus_px = 0.0
        """Standard deviation of the lens's blur in pixels of a full frame."""
        self.exposure_delay = EXPOSURE_DELAY_FRAMES
        self._exposure = Exposure()
        self._decided: deque[Exposure] = deque()
        self._light = light
        self._rng = np.random.default_rng(seed)
        self._optics: _Optics | None = None
        self._calls = DriverCalls()
        self._closed = Event()
        self._last: Frame | None = None
        self._sequence = 0

    @property
    def exposure(self) -> Exposure:
        """That of the next frame. Setting it takes effect at once; the automatic's decisions come late."""
        return self._exposure

    @exposure.setter
    def exposure(self, exposure: Exposure) -> None:
        self._exposure = exposure
        self._decided.clear()

    def preview(self, timeout_s: float) -> Frame:
        """A fresh frame, 800×600. Raises :class:`firmware.errors.CameraError`."""
        return self._calls.within(timeout_s, lambda: self._take(PREVIEW_SIZE))

    def capture(self, timeout_s: float) -> Frame:
        """A fresh frame, 1536×1152. Raises :class:`firmware.errors.CameraError`."""
        return self._calls.within(timeout_s, lambda: self._take(SIZE))

    def close(self) -> None:
        """Calls that hang return now, and no further picture is taken."""
        self._closed.set()

    def _take(self, size: tuple[int, int]) -> Frame:
        while Fault.HANG in self.faults and not self._closed.wait(HANG_CHECK_S):
            pass
        if Fault.UNPLUG in self.faults or self._closed.is_set():
            raise CameraUnplugged("the synthetic camera is not there")
        if Fault.STALE in self.faults and self._last is not None:
            return self._last
        self._last = self._expose(size)
        return self._last

    def _expose(self, size: tuple[int, int]) -> Frame:
        self._sequence += 1
        exposure = self.exposure
        signal = self._light_on_sensor(size) * np.float32(exposure.relative)
        pixels = _develop(_add_noise(signal, exposure.analogue_gain, self._rng))
        self._decide(exposure.metered(signal))
        return Frame(pixels, self._sequence, exposure.time_us, exposure.analogue_gain, COLOUR_GAINS)

    def _decide(self, exposure: Exposure) -> None:
        self._decided.append(exposure)
        if len(self._decided) > self.exposure_delay:
            self._exposure = self._decided.popleft()

    def _light_on_sensor(self, size: tuple[int, int]) -> Radiance:
        """Ring and room, each by its strength; H×W×3, 1 fills the sensor at the nominal exposure."""
        view = self._framed(size)
        if Fault.BLACK in self.faults:
            return np.zeros_like(view.ring)
        ambient = view.ambient * np.float32(self.ambient_level)
        return view.ring + ambient if self._light.lit else ambient

    def _framed(self, size: tuple[int, int]) -> Scene:
        """What the moving hand leaves of the scene."""
        optics = self._focused()
        scene, scale = (optics.full, 1.0) if size == SIZE else (optics.preview, PREVIEW_SIZE[0] / SIZE[0])
        breath = 6 * np.sin(self._sequence / 5)
        shift = np.clip(self._rng.normal((0, breath), 2), -MARGIN_PX, MARGIN_PX)
        left, top = ((MARGIN_PX + shift) * scale).astype(int)
        part = (slice(top, top + size[1]), slice(left, left + size[0]))
        return Scene(scene.ring[part], scene.ambient[part])

    def _focused(self) -> _Optics:
        """Blurring a scene is slow, so it is done once for each position of focus."""
        known = self._optics
        if known is not None and known.scene is self.scene and known.defocus_px == self.defocus_px:
            return known
        full = _defocused(self.scene, self.defocus_px)
        self._optics = _Optics(self.scene, self.defocus_px, full, full.resized(*_with_margin(PREVIEW_SIZE)))
        return self._optics


def draw(skin: Skin) -> Scene:
    """``skin`` as a scene of the size the camera needs; takes a second or two."""
    return render(skin, *_with_margin(SIZE))


def _with_margin(size: tuple[int, int]) -> tuple[int, int]:
    margin = 2 * MARGIN_PX * size[0] // SIZE[0]
    return size[0] + margin, size[1] + margin


def _defocused(scene: Scene, sigma_px: float) -> Scene:
    if sigma_px <= 0:
        return scene
    blur = (sigma_px, sigma_px, 0)
    return Scene(ndimage.gaussian_filter(scene.ring, blur), ndimage.gaussian_filter(scene.ambient, blur))


def _add_noise(signal: Radiance, gain: float, rng: np.random.Generator) -> Radiance:
    """Shot noise of the electrons and read noise, both as a share of full scale."""
    shot = np.float32(gain / FULL_WELL_ELECTRONS)
    read = np.float32((READ_NOISE_ELECTRONS * gain / FULL_WELL_ELECTRONS) ** 2)
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    noise *= np.sqrt(signal * shot + read)
    noise += signal
    return noise


def _develop(signal: Radiance) -> Pixels:
    """12-bit conversion and the sRGB curve."""
    codes = np.clip(signal * np.float32(CODES - 1), 0, CODES - 1).astype(np.uint16)
    return np.asarray(_srgb_curve()[codes], np.uint8)


def _srgb_curve() -> NDArray[np.uint8]:
    """sRGB code of each 12-bit code (IEC 61966-2-1)."""
    linear = np.arange(CODES) / (CODES - 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(encoded * 255 + 0.5, np.uint8)

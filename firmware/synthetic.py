"""A camera that does not exist, in front of skin that does not exist, under physics that does.

Light adds up, exposure and gain multiply, electrons come in whole numbers, a lens can be out of focus, a hand
is never still. Faults can be switched on, and then it fails as a real one does. The sensor: :mod:`firmware.sensor`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from threading import Event
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firmware.calls import DriverCalls
from firmware.devices import CaptureSettings, ClosedOnExit, Frame, Light
from firmware.errors import CameraTimeout, CameraUnplugged, Unfocused
from firmware.sensor import Exposure, develop
from firmware.sharpness import sharpness
from firmware.skin import NOMINAL_DISTANCE_MM, Radiance, Scene, Skin, render

SIZE: Final = (1536, 1152)
PREVIEW_SHARE: Final = 25 / 48
"""Of a full frame's sides: 800×600."""
MARGIN_PX: Final = 24
"""The scene reaches beyond the picture by this much on each side, so that a hand can move."""
EXPOSURE_DELAY_FRAMES: Final = 3
"""So many frames are still taken as before when a new exposure was decided: they are in the sensor's pipeline."""
BLUR_PX_PER_DIOPTRE: Final = 1.6
"""Standard deviation of the blur in a full frame, for each dioptre between the lens's focus and the skin."""
MACRO_DIOPTRES: Final = (8.0, 22.0)
FOCUS_STEPS: Final = 8
FOCUS_CONTRAST: Final = 1.3
"""The sharpest position over the bluntest; below it there is nothing to focus on."""
HANG_CHECK_S: Final = 0.02
CLOSE_TIMEOUT_S: Final = 5.0
T = TypeVar("T")


class Fault(Enum):
    """What can go wrong with a camera."""

    HANG = "frames do not come"
    HANG_LOCK = "the call that sets exposure and gains does not return"
    HANG_FOCUS = "the call that focuses does not return"
    HANG_CLOSE = "the call that closes does not return"
    UNPLUG = "the cable is loose"
    STALE = "the same picture comes again and again"
    BLACK = "no light reaches the sensor"
    WRONG_METADATA = "the sensor does not do what it was told, and says so"
    MEMORY = "no memory for a picture"


@dataclass
class Physics:
    """What a test turns. May be changed between frames."""

    ambient_level: float = 0.08
    """Light of the room, as a share of the ring light's."""
    ring_level: float = 1.0
    """Strength of the ring light, 1 when new."""
    ring_colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Red, green and blue of the ring light, 1 when new; it yellows with age."""
    sensor_matrix: NDArray[np.float32] | None = None
    """How the sensor's filters mix red, green and blue, 3×3, rows add up to 1; ``None``: not at all."""
    shading: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """By how much the lens darkens the corners in red, green and blue, share."""
    defocus_px: float = 0.0
    """Blur beside the one that distance and focus make: standard deviation in pixels of a full frame."""
    hand_px_per_s: float = 0.0
    """Speed of the hand; what it moves during an exposure is smeared."""
    autofocus: bool = False
    """Whether the lens can be moved; if not, it is focused on the cup's rim."""


class SyntheticCamera(ClosedOnExit):
    """Sees ``scene`` under ``light`` and the room's light. The same seed and calls give the same frames."""

    name = "synthetic"
    simulated = True
    hardware_id: str | None = "synthetic"

    def __init__(self, light: Light, scene: Scene | None = None, seed: int = 0, size: tuple[int, int] = SIZE) -> None:
        """``scene``: of :func:`draw`, for the same ``size`` of a full frame; the default one if not given."""
        self.scene = draw(Skin(), size) if scene is None else scene
        self._size = size
        self._preview_size = (round(size[0] * PREVIEW_SHARE), round(size[1] * PREVIEW_SHARE))
        self.faults: set[Fault] = set()
        self.physics = Physics()
        self.exposure_delay = EXPOSURE_DELAY_FRAMES
        self.lens_dioptres = 1000 / NOMINAL_DISTANCE_MM
        self.close_timeout_s = CLOSE_TIMEOUT_S
        self._exposure = Exposure()
        self._automatic = True
        self._decided: deque[Exposure] = deque()
        self._locked: CaptureSettings | None = None
        self._light = light
        self._rng = np.random.default_rng(seed)
        self._seen = self.scene
        self._views: dict[tuple[object, ...], Scene] = {}
        self._calls = DriverCalls()
        self._closed = Event()
        self._given_up = Event()
        self._last: Frame | None = None
        self._sequence = 0

    @property
    def size(self) -> tuple[int, int]:
        """Of a full frame, px."""
        return self._size

    @property
    def stuck(self) -> bool:
        """True while a call that was given up has not returned."""
        return self._calls.stuck

    @property
    def exposure(self) -> Exposure:
        """That of the next frame. Setting it takes effect at once; what is decided or locked comes late."""
        return self._exposure

    @exposure.setter
    def exposure(self, exposure: Exposure) -> None:
        self._exposure = exposure
        self._automatic = exposure.automatic
        self._decided.clear()

    def preview(self, timeout_s: float) -> Frame:
        """A fresh frame, 800×600. Raises :class:`firmware.errors.CameraError`."""
        return self._driven(Fault.HANG, timeout_s, lambda: self._take(self._preview_size))

    def capture(self, timeout_s: float) -> Frame:
        """A fresh frame, 1536×1152. Raises :class:`firmware.errors.CameraError`."""
        return self._driven(Fault.HANG, timeout_s, lambda: self._take(self._size))

    def lock(self, settings: CaptureSettings | None, timeout_s: float) -> None:
        """Takes effect as late as the automatic's decisions do. Raises :class:`firmware.errors.CameraError`."""
        self._driven(Fault.HANG_LOCK, timeout_s, lambda: self._lock(settings))

    def focus(self, timeout_s: float) -> float | None:
        """Look for the sharpest position, coarsely, then finely. Raises :class:`Unfocused`, and as the others."""
        return self._driven(Fault.HANG_FOCUS, timeout_s, lambda: self._focus() if self.physics.autofocus else None)

    def close(self) -> None:
        """Calls that hang return now, and no further picture is taken."""
        self._closed.set()
        try:
            self._calls.within(self.close_timeout_s, lambda: self._hang_while(Fault.HANG_CLOSE, self._given_up))
        except CameraTimeout:  # left behind, like a real one's
            return

    def let_go(self) -> None:
        """End a :data:`Fault.HANG_CLOSE`, so that a test leaves no thread behind."""
        self._given_up.set()

    def _driven(self, hangs: Fault, timeout_s: float, action: Callable[[], T]) -> T:
        """``action`` in the driver's thread, unless a fault comes first."""

        def call() -> T:
            self._hang_while(hangs, self._closed)
            if Fault.UNPLUG in self.faults or self._closed.is_set():
                raise CameraUnplugged("the synthetic camera is not there")
            return action()

        return self._calls.within(timeout_s, call)

    def _hang_while(self, fault: Fault, end: Event) -> None:
        while fault in self.faults and not end.wait(HANG_CHECK_S):
            pass

    def _lock(self, settings: CaptureSettings | None) -> None:
        """From the next decision on; the pipeline's frames are still taken as before."""
        self._locked = settings
        self._automatic = settings is None

    def _take(self, size: tuple[int, int]) -> Frame:
        if Fault.MEMORY in self.faults:
            raise MemoryError
        if Fault.STALE in self.faults and self._last is not None:
            return self._last
        self._last = self._expose(size)
        return self._last

    def _expose(self, size: tuple[int, int]) -> Frame:
        self._sequence += 1
        exposure = self.exposure
        signal = self._light_on_sensor(size, exposure)
        pixels = develop(signal, exposure, self._rng)
        self._decide(exposure, signal)
        said = replace(exposure, time_us=exposure.time_us / 2) if Fault.WRONG_METADATA in self.faults else exposure
        lens = self.lens_dioptres if self.physics.autofocus else None
        return Frame(pixels, self._sequence, said.time_us, said.analogue_gain, said.colour_gains, lens)

    def _decide(self, exposure: Exposure, light: Radiance) -> None:
        if self._locked is not None:
            exposure = Exposure.locked(self._locked)
        elif self._automatic:
            exposure = exposure.metered(light)
        self._decided.append(exposure)
        if len(self._decided) > self.exposure_delay:
            self._exposure = self._decided.popleft()

    def _light_on_sensor(self, size: tuple[int, int], exposure: Exposure) -> Radiance:
        """Ring and room, each by its strength; H×W×3, 1 fills the sensor at the nominal exposure."""
        view = self._framed(size)
        if Fault.BLACK in self.faults:
            return np.zeros_like(view.ring)
        world = self.physics
        light = view.ambient * np.float32(world.ambient_level)
        if self._light.lit:
            light += view.ring * np.array(world.ring_colour, np.float32) * np.float32(world.ring_level)
        smear_px = world.hand_px_per_s * exposure.time_us / 1e6 * size[0] / SIZE[0]
        if smear_px >= 2:
            light = ndimage.uniform_filter1d(light, round(smear_px), axis=1)
        if world.sensor_matrix is not None:
            light = light @ world.sensor_matrix.T.astype(np.float32)
        return light if not any(world.shading) else light * _shading(size, world.shading)

    def _framed(self, size: tuple[int, int]) -> Scene:
        """What the moving hand leaves of the scene."""
        scene, scale = self._focused(size), size[0] / SIZE[0]
        breath = 6 * np.sin(self._sequence / 5)
        shift = np.clip(self._rng.normal((0, breath), 2), -MARGIN_PX, MARGIN_PX)
        left, top = ((MARGIN_PX + shift) * scale).astype(int)
        part = (slice(top, top + size[1]), slice(left, left + size[0]))
        return Scene(scene.ring[part], scene.ambient[part], scene.distance_mm)

    def _focused(self, size: tuple[int, int]) -> Scene:
        """Blurring a scene is slow, so it is done once for each position of focus."""
        off = abs(1000 / self.scene.distance_mm - self.lens_dioptres)
        blur_px = float(np.hypot(off * BLUR_PX_PER_DIOPTRE, self.physics.defocus_px))
        if self._seen is not self.scene:
            self._seen, self._views = self.scene, {}
        key = (size, round(blur_px, 2))
        if key not in self._views:
            small = self.scene if size == self._size else self.scene.resized(*with_margin(size))
            self._views = {**_newest(self._views), key: _defocused(small, blur_px * size[0] / SIZE[0])}
        return self._views[key]

    def _focus(self) -> float:
        """Two scans of the preview's contrast, the second around the best of the first."""
        coarse = np.linspace(*MACRO_DIOPTRES, FOCUS_STEPS)
        scores = [self._sharpness_at(float(position)) for position in coarse]
        if max(scores) < FOCUS_CONTRAST * min(scores):
            raise Unfocused("no position is sharper than another")
        best, gap = float(coarse[int(np.argmax(scores))]), float(coarse[1] - coarse[0])
        fine = np.linspace(best - gap, best + gap, FOCUS_STEPS + 1)
        self._sharpness_at(max((float(position) for position in fine), key=self._sharpness_at))
        return self.lens_dioptres

    def _sharpness_at(self, position: float) -> float:
        self.lens_dioptres = position
        return sharpness(self._take(self._preview_size).pixels)


def draw(skin: Skin, size: tuple[int, int] = SIZE) -> Scene:
    """``skin`` as a scene for a camera whose full frame has ``size``; takes seconds."""
    return render(skin, *with_margin(size))


def _newest(views: dict[tuple[object, ...], Scene]) -> dict[tuple[object, ...], Scene]:
    """The last few: a full frame's view takes 40 MB."""
    return dict(list(views.items())[-2:])


def with_margin(size: tuple[int, int]) -> tuple[int, int]:
    """The size of a scene for a frame of ``size``, px."""
    margin = 2 * MARGIN_PX * size[0] // SIZE[0]
    return size[0] + margin, size[1] + margin


def _defocused(scene: Scene, sigma_px: float) -> Scene:
    if sigma_px <= 0.1:
        return scene
    blur = (sigma_px, sigma_px, 0)
    ring, ambient = (ndimage.gaussian_filter(light, blur) for light in (scene.ring, scene.ambient))
    return Scene(ring, ambient, scene.distance_mm)


def _shading(size: tuple[int, int], shading: tuple[float, float, float]) -> Radiance:
    """What the lens lets through, H×W×3: 1 in the middle, less towards the corners."""
    down, across = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    radius = ((across**2 + down**2) / 2)[..., None]
    return np.asarray(1 - radius * np.array(shading), np.float32)

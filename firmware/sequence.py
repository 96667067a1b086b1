"""One photograph, from the dark room to the dark room: the states of a capture, in the order they happen."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from firmware.calibration import Calibration
from firmware.devices import CaptureSettings, Frame, IndicatorState, Light
from firmware.errors import (
    CameraBlack,
    CameraError,
    CameraSettingsIgnored,
    CaptureRefused,
    DermkioskError,
    RoomTooBright,
)
from firmware.frames import Frames, mean_light
from firmware.linear import to_light
from firmware.sharpness import sharpness

State = Literal["room", "light", "settle", "share", "focus", "burst", "dark"]
ROOM_US: Final = (500_000.0, 50_000.0, 8_000.0)
"""The room is looked at for half a second, or as long as does not clip it: whole periods of a lamp on 50 or 60 Hz
mains where the light allows."""
ROOM_CLIPS: Final = 0.9
ROOM_LIMIT: Final = 0.15
"""Share of the light. A warm lamp's 15 % shifts the colour of skin by about as much as two people's skin differs."""
LATE_FRAMES: Final = 4
"""A sensor takes up a new exposure two to four frames after it was decided: frames this early tell of the dark room."""
SETTLED_FRAMES: Final = LATE_FRAMES + 1
"""Longer than one decision lasts, or the frames between two decisions would look settled."""
SETTLE_FRAMES_AT_MOST: Final = 24
SETTLED_CHANGE: Final = 0.02
"""Of exposure times gain, which nothing but the automatic changes."""
SETTLED_LIGHT_CHANGE: Final = 0.05
"""Of the picture's mean light, which a hand that breathes changes too."""
BLACK: Final = 12
"""Of 255. Half of a lit picture is brighter, or it shows nothing but the noise of a gain turned up."""
FOCUS_TIMEOUT_S: Final = 8.0
BURST: Final = 3
BURST_AT_MOST: Final = 5
BURNS: Final = 0.95
"""Light, 0…1, from which on it counts as burnt out; noise leaves it a little below 1."""
SHORTER: Final = 0.7
SHORTER_AT_MOST: Final = 3
"""Half a stop at a time, one and a half at most: where scales lie on dark skin, the skin must still be seen."""
STEADY_HAND: Final = 0.7
"""The bluntest frame's sharpness over the sharpest one's; below it the hand moves, and more frames are taken."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Captured:
    """The photograph a capture ended in, and the conditions it was taken under."""

    frame: Frame
    """Its colours are corrected where the box is calibrated."""
    ambient_share: float | None
    """Share of the light that was the room's, 0…1; ``None`` where the camera knows no exposure."""
    sharpness: float
    frames: int
    """Length of the burst it was chosen from."""
    camera: str
    record: dict[str, object]
    """What else was set and measured: members of the result document's ``capture``."""

    def conditions(self) -> dict[str, object]:
        """For the result document's ``capture``."""
        return {
            "camera": self.camera,
            "exposure_us": self.frame.exposure_us,
            "analogue_gain": self.frame.analogue_gain,
            "colour_gains": self.frame.colour_gains and list(self.frame.colour_gains),
            "ambient_share": self.ambient_share,
            **self.record,
        }


class Sequence:
    """One capture. :attr:`state` says where it stands; it is run once."""

    def __init__(self, frames: Frames, light: Light, calibration: Calibration | None, room_limit: float) -> None:
        """``calibration``: what the camera is locked to; without one, to what its automatic settles on."""
        self.state: State = "dark"
        self._frames = frames
        self._light = light
        self._calibration = calibration
        self._room_limit = room_limit
        self._wanted = None if calibration is None else calibration.settings
        self._locked_to: Literal["calibration", "automatic"] | None = None if self._wanted is None else "calibration"
        self._room: Frame | None = None
        self._lit: Frame | None = None
        self._settled = True
        self._share: float | None = None
        self._lens: float | None = None
        self._best: list[tuple[float, Frame]] = []

    def run(self) -> Captured:
        """Take the photograph. The light is off and the camera free afterwards, come what may.

        Raises :class:`CameraError`, :class:`firmware.errors.LightError`, :class:`CaptureRefused`.
        """
        steps: tuple[tuple[State, Callable[[], None]], ...] = (
            ("room", self._look_at_the_room),
            ("light", self._light.on),
            ("settle", self._settle),
            ("share", self._refuse_a_bright_room),
            ("focus", self._focus),
            ("burst", self._burst),
        )
        try:
            for self.state, step in steps:
                step()
        finally:
            self._light.off()
            self.state = "dark"
            self._unlock()
        return self._captured()

    def _look_at_the_room(self) -> None:
        first = self._frames.preview()
        if first.settings is None:
            return  # a folder: its light is over
        gains = (self._wanted or first.settings).colour_gains
        self._room = self._frames.locked(CaptureSettings(ROOM_US[-1], 1.0, gains))
        longest = next((us for us in ROOM_US if _peak(self._room) * us / ROOM_US[-1] < ROOM_CLIPS), ROOM_US[-1])
        if longest != ROOM_US[-1]:
            self._room = self._frames.locked(CaptureSettings(longest, 1.0, gains))

    def _settle(self) -> None:
        """Let light and settings come to rest, and hold the settings from then on."""
        if self._room is None:
            return
        self._frames.lock(self._wanted)
        self._lit = self._at_rest()
        if self._wanted is None and self._lit.settings is not None:
            self._wanted, self._locked_to = self._lit.settings, "automatic"
            # the automatic's last frames look like locked ones, and must not count
            self._lit = self._frames.locked(self._wanted, LATE_FRAMES)
            self._spare_what_burns(self._wanted)

    def _spare_what_burns(self, settings: CaptureSettings) -> None:
        """Less than the automatic chose, where more than one in a hundred of the middle burns out.

        An automatic exposes for the mean: on dark skin it burns the scales of a lesion out. A calibration does not.
        """
        for _ in range(SHORTER_AT_MOST):
            if self._lit is None or _peak(_middle(self._lit)) < BURNS:
                return
            self._wanted = settings = settings.gathering(SHORTER)
            self._lit = self._frames.locked(settings)

    def _at_rest(self) -> Frame:
        """The first frame of which the last few say that nothing changes any more.

        Light that never holds still must not keep the patient waiting: the picture is taken anyway, and
        the quality gate judges it. Settings that are not taken up are a fault.
        """
        seen: list[Frame] = []
        for number in range(SETTLE_FRAMES_AT_MOST):
            frame = self._frames.preview()
            taken_up = number >= LATE_FRAMES if self._wanted is None else _obeys(frame, self._wanted)
            seen += [frame] * taken_up
            if _steady([mean_light(each) for each in seen[-SETTLED_FRAMES:]], SETTLED_LIGHT_CHANGE) and _steady(
                [_gathered(each) for each in seen[-SETTLED_FRAMES:]], SETTLED_CHANGE
            ):
                return frame
        if not seen:
            raise CameraSettingsIgnored(f"asked for {self._wanted}, got {frame.settings}")
        self._settled = False
        return frame

    def _refuse_a_bright_room(self) -> None:
        if self._room is None or self._lit is None:
            return
        _refuse_black(self._lit)
        self._share = _share(self._room, self._lit)
        if self._share > self._room_limit:
            share, limit = (f"{value:.0%}" for value in (self._share, self._room_limit))
            raise RoomTooBright(f"{share} of the light is the room's", share=share, limit=limit)

    def _focus(self) -> None:
        self._frames.before()
        self._lens = self._frames.camera.focus(FOCUS_TIMEOUT_S)

    def _burst(self) -> None:
        """Three frames where the hand is still, up to five where it moves."""
        while len(self._best) < BURST or (len(self._best) < BURST_AT_MOST and self._moves()):
            frame = self._frames.capture() if self._wanted is None else self._frames.captured(self._wanted)
            self._best.append((sharpness(frame.pixels), frame))

    def _moves(self) -> bool:
        scores = [score for score, _ in self._best]
        return min(scores) < STEADY_HAND * max(scores)

    def _unlock(self) -> None:
        """The live view chooses its own exposure again. A camera that cannot is said by the next who asks it."""
        try:
            self._frames.camera.lock(None, self._frames.timeout_s)
        except CameraError as error:
            log.warning("the camera was not unlocked: %s", error)

    def _captured(self) -> Captured:
        score, frame = max(self._best, key=lambda each: each[0])
        _refuse_black(frame)
        if self._calibration is not None:
            frame = replace(frame, pixels=self._calibration.corrected(frame.pixels))
        return Captured(frame, self._share, score, len(self._best), self._frames.camera.name, self._record(score))

    def _record(self, score: float) -> dict[str, object]:
        calibration = self._calibration
        return {
            "mm_per_pixel": None if calibration is None else calibration.mm_per_pixel,
            "set": self._wanted and _as_json(self._wanted),
            "locked_to": self._locked_to,
            "settled": self._settled,
            "room_exposure_us": self._room and self._room.exposure_us,
            "lens_position": self._lens,
            "burst": len(self._best),
            "sharpness": round(score, 6),
            "calibration": None if calibration is None else calibration.summary(),
        }


def shown_after(error: DermkioskError | None) -> IndicatorState:
    """What the indicator shows when a capture ended in ``error``, or well."""
    if error is None:
        return "ready"
    return "refused" if isinstance(error, CaptureRefused) else "fault"


def _as_json(settings: CaptureSettings) -> dict[str, Any]:
    return {
        "exposure_us": settings.exposure_us,
        "analogue_gain": settings.analogue_gain,
        "colour_gains": list(settings.colour_gains),
    }


def _refuse_black(frame: Frame) -> None:
    middle = float(np.median(frame.pixels[::8, ::8]))
    if middle < BLACK:
        raise CameraBlack(f"the median is {middle:.0f} of 255")


def _obeys(frame: Frame, wanted: CaptureSettings) -> bool:
    return frame.settings is not None and frame.settings.matches(wanted)


def _steady(values: list[float], change: float) -> bool:
    """They are enough, and lie no further apart than ``change``, a share of the smallest."""
    return len(values) == SETTLED_FRAMES and max(values) <= min(values) * (1 + change)


def _middle(frame: Frame) -> Frame:
    """Half of its height and width: the lesion, without what lies beside the patient."""
    height, width = frame.pixels.shape[:2]
    return replace(frame, pixels=frame.pixels[height // 4 : -(height // 4), width // 4 : -(width // 4)])


def _gathered(frame: Frame) -> float:
    return 1.0 if frame.settings is None else frame.settings.gathered


def _peak(frame: Frame) -> float:
    """The light that one pixel in a hundred exceeds."""
    return float(np.quantile(to_light(frame.pixels[::8, ::8]), 0.99))


def _share(room: Frame, lit: Frame) -> float:
    """Mean light without the ring over mean light with it, each divided by its frame's exposure and gain; 0…1."""
    share = (mean_light(room) / _gathered(room)) / max(mean_light(lit) / _gathered(lit), 1e-12)
    return round(min(share, 1.0), 4)

"""What to change before the photograph is taken: one hint for each frame of the live view, by cheap classical measures.

No network and no verdict: the gate judges the photograph. A hint is only there so that it has less to refuse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from appliance.vision import lesion
from appliance.vision.colour import Floats, halved, halved_light, lab, skin_coloured
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import INPUT_SIDE_PX, central_square
from appliance.vision.quality.sharpness import sharpness

Number = TypeVar("Number", np.uint8, np.float32)
Hint = Literal["dark", "glare", "no_skin", "far", "still", "blurred", "ready"]
HINTS: Final[tuple[Hint, ...]] = get_args(Hint)
"""In the order in which they are said: what stands before hides what comes after."""
SMALL_PX: Final = 149
DARK: Final = 45.0
"""Mean grey level of the middle, of 255: the automatic cannot make it lighter."""
BURNT: Final = 250
GLARE: Final = 0.3
"""Share of the middle that is burnt out; white scales on dark skin come to half of it."""
SPARKS: Final = 0.01
"""So little of it is enough where it lies in sparks …"""
SPARKLING: Final = 0.72
"""… which make the finest contrast larger than skin and scales do."""
SKIN: Final = 0.15
FAR: Final = 0.26
"""Diameter of the lesion over the side of the square; at the cup's rim it is 0.4 or more."""
CONTRAST: Final = 5.0
"""Below it nothing stands out far enough to be called small."""
CHANGE: Final = 0.4
"""Mean difference to the frame before over the frame's own contrast: breathing makes up to 0.3."""
SMEARED: Final = 0.8
"""Finest contrast along the smear over that across it."""
SMEAR_LIMIT: Final = 0.4
BLURRED: Final = 0.35
"""As the gate's focus, but stricter: the preview is sharper than the photograph because it is smaller."""
SHOWN_S: Final = 1.0
"""A hint stays at least so long: nobody reads faster."""
SURE_S: Final = 0.35
"""So long must another be true before it takes its place."""


@dataclass(frozen=True)
class Measures:
    """Of one frame."""

    brightness: float
    burnt: float
    skin: float
    diameter: float
    """0 where nothing stands out."""
    change: float
    near_far: float
    """Fine over coarse contrast in the steadiest direction."""
    direction: float
    """That over the same in the direction with the most."""
    sharpness: float


class Hinter:
    """Hints for a live view, one at a time and steady. Not thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock``: seconds, only differences count."""
        self._clock = clock
        self._before: Floats | None = None
        self._shown: Hint | None = None
        self._since_s = 0.0
        self._next: Hint | None = None
        self._next_since_s = 0.0

    def look(self, frame: Pixels) -> Hint:
        """The hint to show with this frame (uint8 RGB, H×W×3)."""
        measured, self._before = measure(frame, self._before)
        return self._steadied(hint_of(measured), self._clock())

    def _steadied(self, seen: Hint, now_s: float) -> Hint:
        if self._shown is None:
            self._shown, self._since_s = seen, now_s
        if seen != self._next:
            self._next, self._next_since_s = seen, now_s
        if now_s - self._since_s >= SHOWN_S and now_s - self._next_since_s >= SURE_S and seen != self._shown:
            self._shown, self._since_s = seen, now_s
        return self._shown


def hint_of(seen: Measures) -> Hint:
    """The most useful hint, first in :data:`HINTS`."""
    smeared = seen.near_far < SMEAR_LIMIT and seen.direction < SMEARED
    sparkling = seen.burnt > SPARKS and seen.sharpness > SPARKLING
    tests = (
        seen.brightness < DARK,
        seen.burnt > GLARE or sparkling,
        seen.skin < SKIN,
        0 < seen.diameter < FAR,
        seen.change > CHANGE or smeared,
        seen.sharpness < BLURRED,
    )
    return next((hint for hint, true in zip(HINTS, tests, strict=False) if true), "ready")


def measure(frame: Pixels, before: Floats | None) -> tuple[Measures, Floats]:
    """Measure a frame; ``before`` and the second value are the small grey pictures of two frames in a row."""
    image, box = Image.fromarray(frame), central_square(frame)
    size = (INPUT_SIDE_PX, INPUT_SIDE_PX)
    small = np.asarray(image.resize((SMALL_PX, SMALL_PX), Image.Resampling.BILINEAR, box=box))
    grey = np.asarray(image.convert("L").resize(size, Image.Resampling.BILINEAR, box=box))
    colours = lab(halved_light(small))
    found = lesion.find_in(colours)
    now = halved(halved(grey))
    low, high = _near_far(grey[::2].astype(np.float32)), _near_far(grey[:, ::2].T.astype(np.float32))
    measured = Measures(
        brightness=float(_middle(now).mean()),
        burnt=_burnt(frame, box),
        skin=float(skin_coloured(colours).mean()),
        diameter=found.diameter(1.0) if found.contrast >= CONTRAST else 0.0,
        change=0.0 if before is None else float(np.abs(now - before).mean() / (before.std() + 4)),
        near_far=min(low, high),
        direction=min(low, high) / max(low, high, 1e-6),
        sharpness=sharpness(grey),
    )
    return measured, now


def _burnt(frame: Pixels, box: tuple[float, float, float, float]) -> float:
    """Share of single pixels in the middle that are burnt out: a mean over several would hide a spark."""
    left, top, right, bottom = (int(side) for side in box)
    middle = _middle(frame[top:bottom:4, left:right:4])
    bright = (middle >= BURNT).sum(axis=2)
    return float((bright >= 2).mean())


def _near_far(rows: Floats, near: int = 2, far: int = 12) -> float:
    """Root mean square of differences ``near`` px apart along the rows' length over those ``far`` apart."""
    return _spread(rows, near) / (_spread(rows, far) + 1.0)


def _spread(rows: Floats, steps: int) -> float:
    return float(np.sqrt(np.square(rows[:, steps:] - rows[:, :-steps]).mean()))


def _middle(picture: NDArray[Number]) -> NDArray[Number]:
    height, width = picture.shape[:2]
    return picture[height // 5 : height - height // 5, width // 5 : width - width // 5]

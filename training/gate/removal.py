"""Faults taken off a photograph that has them: what is then left of the gate's evidence is not about the fault.

Takes and gives the network's view (uint8 RGB, 299×299×3). Ink, hair and fluid are found by colour and shape alone, as
the page after a refusal marks them, and filled in from around; what is not found stays, so that a fall of the evidence
is rather too small.

Filling in might by itself make the evidence fall. So each has a control on the same photograph, which is given the same
treatment where the fault is not, or without its purpose: what the evidence falls then is owed to the treatment.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from appliance.vision.marks import where
from appliance.vision.photo import Pixels
from appliance.vision.quality.scene import Scene

Mask = NDArray[np.bool_]
REACH_PX: Final = (1.5, 3, 6, 12, 24, 48)
"""How far around is looked for something to fill in with; the nearest that there is."""
ENOUGH: Final = 0.15
"""Share of the surroundings that must be whole."""
GRAIN_PX: Final = 3
FROM: Final = ((0, 60), (60, 0), (0, -60), (-60, 0), (60, 60), (-60, -60))
"""Where the grain is taken from, pixels down and across."""
LINES: Final = 20
"""Grey levels that a hair differs by from both sides."""
NEARER: Final = 2.5


def residue(view: Pixels) -> Mask:
    """Ink, dye and cream."""
    return _marked(view, "residue", wider=5)


def exudate(view: Pixels) -> Mask:
    """Reflections, raw and crusted places."""
    return _marked(view, "exudate", wider=3)


def hair(view: Pixels) -> Mask:
    """Thin dark and light lines."""
    scene = Scene(view)
    return np.asarray(ndimage.binary_dilation(np.maximum(scene.dark_lines, scene.light_lines) > LINES))


def nearer(view: Pixels) -> Pixels:
    """From two and a half times as near, at the place that is deepest in the lesion; the middle where there is none."""
    size, mask = len(view), Scene(view).lesion.mask
    inside = ndimage.distance_transform_edt(mask)
    found = np.unravel_index(np.argmax(inside), mask.shape) if mask.any() else (len(mask) // 2,) * 2
    side = size / NEARER
    top, left = (min(max(place / len(mask) * size - side / 2, 0), size - side) for place in found)
    box = (float(left), float(top), float(left + side), float(top + side))
    return np.asarray(Image.fromarray(view).resize((size, size), Image.Resampling.LANCZOS, box=box))


def as_coarse(view: Pixels) -> Pixels:
    """From where it was, but with no more detail than :func:`nearer` has."""
    size, small = view.shape[:2], (round(len(view) / NEARER),) * 2
    return np.asarray(Image.fromarray(view).resize(small, Image.Resampling.BOX).resize(size, Image.Resampling.LANCZOS))


def elsewhere(mask: Mask) -> Mask:
    """The same shape where the fault is not: turned, mirrored or moved to overlap least, less the overlap."""
    half = len(mask) // 2
    ways = [np.rot90(each, turns) for each in (mask, mask[:, ::-1]) for turns in range(4)]
    ways += [np.roll(mask, offset, (0, 1)) for offset in ((0, half), (half, 0), (half, half))]
    return np.asarray(min(ways, key=lambda each: int(np.count_nonzero(each & mask))) & ~mask)


def _marked(view: Pixels, reason: str, wider: int) -> Mask:
    found = where(view, reason)
    if found is None:
        return np.zeros(view.shape[:2], np.bool_)
    large = Image.fromarray(found).resize(view.shape[:2], Image.Resampling.NEAREST)
    return np.asarray(ndimage.binary_dilation(np.asarray(large), iterations=wider))


def _filled(find: Callable[[Pixels], Mask], view: Pixels) -> Pixels:
    return filled_in(view, find(view))


def _filled_elsewhere(find: Callable[[Pixels], Mask], view: Pixels) -> Pixels:
    return filled_in(view, elsewhere(find(view)))


FOUND: Final[dict[str, Callable[[Pixels], Mask]]] = {"residue": residue, "hair": hair, "exudate": exudate}
"""Where the fault is, H×W, by the exclusion case."""
REMOVALS: Final[dict[str, Callable[[Pixels], Pixels]]] = {
    "too_small": nearer,
    **{case: partial(_filled, find) for case, find in FOUND.items()},
}
"""The photograph without its fault, by the exclusion case."""
CONTROLS: Final[dict[str, Callable[[Pixels], Pixels]]] = {
    "too_small": as_coarse,
    **{case: partial(_filled_elsewhere, find) for case, find in FOUND.items()},
}
"""The same photograph with its fault, treated alike."""
WAYS: Final = {"no": REMOVALS, "control": CONTROLS}
KINDS: Final = {f"{way} {case}": (way, case) for way, cases in WAYS.items() for case in cases}
"""Kinds of pictures, as the samples name them."""


def filled_in(view: Pixels, mask: Mask) -> Pixels:
    """``mask`` (H×W) filled with the mean colour of what is around, and with the grain of another place."""
    whole, picture = (~mask).astype(np.float32), view.astype(np.float32)
    smooth, left = picture.copy(), mask.copy()
    for reach in REACH_PX:
        weight = ndimage.gaussian_filter(whole, reach)
        around = (
            ndimage.gaussian_filter(picture * whole[..., None], (reach, reach, 0)) / np.maximum(weight, 1e-6)[..., None]
        )
        now = left & (weight > ENOUGH if reach < REACH_PX[-1] else True)
        smooth[now], left = around[now], left & ~now
    return np.asarray(np.clip(smooth + _grain(picture, mask), 0, 255), np.uint8)


def _grain(picture: NDArray[np.float32], mask: Mask) -> NDArray[np.float32]:
    """Fine contrast for the places of ``mask``, from elsewhere in the picture; 0 where all of that is covered, too."""
    fine = picture - ndimage.gaussian_filter(picture, (GRAIN_PX, GRAIN_PX, 0))
    near = ndimage.binary_dilation(mask, iterations=4 * GRAIN_PX)  # as far as the blur reaches
    grain, left = np.zeros_like(picture), mask.copy()
    for offset in FROM:
        now = left & ~np.roll(near, offset, (0, 1))
        grain[now], left = np.roll(fine, offset, (0, 1))[now], left & ~now
    return grain

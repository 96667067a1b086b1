"""Faults taken off a photograph that has them: what is then left of the gate's evidence is not about the fault.

Takes and gives the network's view (uint8 RGB, 299×299×3). Ink, hair and fluid are found by colour and shape alone, as
the page after a refusal marks them, and filled in from around; what is not found stays, so that a fall of the evidence
is rather too small.
"""

from collections.abc import Callable
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


def residue(view: Pixels) -> Pixels:
    """Without ink, dye and cream."""
    return _without(view, "residue", wider=5)


def exudate(view: Pixels) -> Pixels:
    """Without reflections, raw and crusted places."""
    return _without(view, "exudate", wider=3)


def hair(view: Pixels) -> Pixels:
    """Without thin dark and light lines."""
    scene = Scene(view)
    lines = np.maximum(scene.dark_lines, scene.light_lines) > LINES
    return filled_in(view, ndimage.binary_dilation(lines))


def too_small(view: Pixels) -> Pixels:
    """From two and a half times as near, at the place that is deepest in the lesion; the middle where there is none."""
    size, mask = len(view), Scene(view).lesion.mask
    inside = ndimage.distance_transform_edt(mask)
    found = np.unravel_index(np.argmax(inside), mask.shape) if mask.any() else (len(mask) // 2,) * 2
    side = size / NEARER
    top, left = (min(max(place / len(mask) * size - side / 2, 0), size - side) for place in found)
    box = (float(left), float(top), float(left + side), float(top + side))
    return np.asarray(Image.fromarray(view).resize((size, size), Image.Resampling.LANCZOS, box=box))


REMOVALS: Final[dict[str, Callable[[Pixels], Pixels]]] = {
    "residue": residue,
    "too_small": too_small,
    "hair": hair,
    "exudate": exudate,
}
"""By the exclusion case."""
KINDS: Final = {f"no {case}": case for case in REMOVALS}
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


def _without(view: Pixels, reason: str, wider: int) -> Pixels:
    found = where(view, reason)
    if found is None:
        return view
    large = Image.fromarray(found).resize(view.shape[:2], Image.Resampling.NEAREST)
    return filled_in(view, ndimage.binary_dilation(np.asarray(large), iterations=wider))

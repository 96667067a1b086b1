"""Too dark or too bright to show colour, where it matters: in the lesion and the skin around it.

Value: share of the middle of the picture that is black (brightest channel under 40 of 255), or burnt out (two channels
at 250 or more) times 10. Refused above the limit. A dark background does not count; well exposed skin of any tone is
lighter. Where the skin itself has not begun to burn (under a tenth of what skin is left has a channel at 250 or more),
what is burnt is white and not overexposed: scales on dark skin, a ruler. It then counts down to a quarter as much, so
that a lesion of which the white hides a third of the middle is refused all the same. A solid patch within the picture
(squares of 17 of the view's 299 px fit in) counts in full, for scales are broken up, and a ruler or cloth reaches the
edge: a lamp's or a flash's reflection.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from appliance.vision.assessment import Check
from appliance.vision.morphology import opened
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "exposure"
ADVICE: Final = ("advice.exposure_dark", "advice.exposure_bright")
DARK: Final = 40
BRIGHT: Final = 250
BURNT_WEIGHT: Final = 10.0
"""Burnt skin is rarer in good photographs than black shade is: one per cent of it counts as ten per cent of shade."""
WHITE_WEIGHT: Final = 2.5
"""The same for what is white on well exposed skin."""
BURNING: Final = 0.1
"""Share of the skin that is not burnt yet, but clipped in one channel, from which on the skin is overexposed. Skin
burns in red first; at 1.2 to 2 times white it is over 0.1 in 97 of 100 photographs, under white scales under 0.02."""
SOLID_PX: Final = 9
"""At half size. Into scales drawn on skin of any tone, burnt out, not even a square of 7 px fits."""
LEAST_SKIN: Final = 0.01
"""Share of the middle that is skin and not burnt, below which nothing speaks for the light."""


def check(scene: Scene, limits: GateLimits) -> Check:
    """Share of the middle that is clipped."""
    red, green, blue = np.ascontiguousarray(scene.planes[:, :-1:2, :-1:2])
    brightest = np.maximum(np.maximum(red, green), blue)
    second = np.maximum(np.minimum(red, green), np.minimum(np.maximum(red, green), blue))
    dark = scene.in_the_middle(brightest < DARK)
    burnt = _burnt(scene, second >= BRIGHT, brightest >= BRIGHT)
    value = max(dark, burnt)
    advice = ADVICE[0] if dark >= burnt else ADVICE[1]
    return Check(ID, value <= limits.exposure, value, limits.exposure, advice)


def _burnt(scene: Scene, burnt: NDArray[np.bool_], clipped: NDArray[np.bool_]) -> float:
    """Weighted share of the middle that is burnt, 0 … 1. ``clipped``: in one channel at least."""
    share = scene.in_the_middle(burnt)
    if share == 0:
        return 0.0
    left = scene.skin & ~burnt
    skin = scene.in_the_middle(left)
    burning = scene.in_the_middle(left & clipped) / skin if skin > LEAST_SKIN else 1.0
    white = scene.in_the_middle(burnt & ~_patches(burnt))
    return min(1.0, BURNT_WEIGHT * share - (BURNT_WEIGHT - WHITE_WEIGHT) * white * max(0.0, 1 - burning / BURNING))


def _patches(burnt: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The solid ones that do not reach the edge of the picture."""
    solid = opened(burnt.astype(np.uint8), SOLID_PX).astype(np.bool_)
    if not solid.any():
        return solid
    labels, _ = ndimage.label(burnt)
    reaching = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.asarray(solid & ~np.isin(labels, reaching))

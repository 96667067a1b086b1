"""Light from one side: the skin grows darker from one edge of the picture to the other.

Value: the fall of brightness over the skin along its steepest direction, in stops (log2 of luminance), by the median
distance of the skin from that slope plus 0.3 stops (no unit). The slope is a plane fitted by least absolute differences
to fields of skin colour, so that neither a dark background nor a dark lesion bends it, and the round shade of a limb,
which is no plane, counts less. Refused above the limit.
"""

from typing import Final

import numpy as np

from appliance.vision.assessment import Check
from appliance.vision.colour import Floats, halved, lab
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.scene import Scene

ID: Final = "uneven_light"
ADVICE: Final = ("advice.uneven_light",)
BLACK: Final = 0.0015
"""Linear luminance added, so that black is not infinitely dark."""
LUMINANCE: Final = (0.2126, 0.7152, 0.0722)
LEAST_SKIN: Final = 0.3
"""Share of the picture below which there is no skin to judge the light by."""
ROUNDS: Final = 6
FLOOR_STOPS: Final = 0.3


def check(scene: Scene, limits: GateLimits) -> Check:
    """Fall of brightness over the skin against how far it is from a plain slope."""
    value = slope(scene.half_light)
    return Check(ID, value <= limits.uneven_light, value, limits.uneven_light, ADVICE[0])


def slope(half_light: Floats) -> float:
    """Stops over the skin's extent by the median distance from the plane; 0 where there is too little skin."""
    light = halved(halved(half_light))
    skin = _skin(lab(light))
    if skin.mean() < LEAST_SKIN:
        return 0.0
    stops = np.log2(light[skin] @ np.array(LUMINANCE, np.float32) + BLACK).astype(np.float64)
    down, across = np.nonzero(skin)
    plane = _plane(np.stack([np.ones(len(stops)), down / len(light), across / len(light)], axis=1), stops)
    low, high = np.percentile(plane, (3, 97))
    return float((high - low) / (np.median(np.abs(stops - plane)) + FLOOR_STOPS))


def _skin(colours: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """As :func:`appliance.vision.colour.skin_coloured`, but chroma counts by lightness: shadow on skin is skin."""
    lightness, a, b = colours[..., 0], colours[..., 1], colours[..., 2]
    return np.asarray((a > -1) & (b > -a - 1) & (np.hypot(a, b) > 0.1 * lightness))


def _plane(
    places: np.ndarray[tuple[int, ...], np.dtype[np.float64]], stops: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Fit by least absolute differences, as repeated weighted least squares; the plane's value at each place."""
    weights = np.ones(len(stops))
    for _ in range(ROUNDS):
        weighted = places * weights[:, None]
        tilt = np.linalg.solve(places.T @ weighted + 1e-6 * np.eye(3), weighted.T @ stops)
        weights = 1 / np.maximum(np.abs(stops - places @ tilt), 0.1)
    return np.asarray(places @ tilt)

"""Light from one side: the skin grows darker from one edge of the picture to the other.

Value: the lesser of two measures of the fall of brightness (no unit), so that both must see it. Refused above the
limit.

1. The plane: log2 of luminance over the skin is fitted by a plane, by least absolute differences, so that neither a
   dark background nor a dark lesion bends it; its fall over the skin in stops, by the median distance of the skin from
   it plus 0.3 stops. The round shade of a limb is no plane.
2. The slope everywhere: the median difference of log2 luminance between places a fifth of the picture apart, downwards
   and across; what it comes to over the whole picture in stops, by the median distance of the differences from it plus
   0.6 stops. One lamp makes the same slope everywhere; hair, a shadow or the edge of a limb makes it in one place.

The second is multiplied so that both are exceeded by two in a hundred other photographs at the same value.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

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
APART: Final = 8
"""Of the 37 places a side."""
DARK: Final = 0.003
"""Linear luminance below which a place says nothing: the background of a flash picture."""
LEAST_PAIRS: Final = 60
SLOPE_FLOOR_STOPS: Final = 0.6
ALIKE: Final = 1.79
Real = NDArray[np.float64]


def check(scene: Scene, limits: GateLimits) -> Check:
    """Fall of brightness, as the plane and as the slope everywhere have it."""
    value = fall(scene.half_light)
    return Check(ID, value <= limits.uneven_light, value, limits.uneven_light, ADVICE[0])


def fall(half_light: Floats) -> float:
    """The lesser of :func:`plane` and :func:`slope`; where there is too little skin, the slope alone.

    ``half_light``: linear RGB, 149×149×3.
    """
    light = halved(halved(half_light))
    everywhere = ALIKE * slope(light)
    over_skin = plane(light)
    return everywhere if over_skin is None else min(everywhere, over_skin)


def plane(light: Floats) -> float | None:
    """Stops over the skin's extent by the median distance from the plane; ``None`` where there is too little skin."""
    skin = _skin(lab(light))
    if skin.mean() < LEAST_SKIN:
        return None
    stops = _stops(light)[skin]
    down, across = np.nonzero(skin)
    fitted = _plane(np.stack([np.ones(len(stops)), down / len(light), across / len(light)], axis=1), stops)
    low, high = np.percentile(fitted, (3, 97))
    return float((high - low) / (np.median(np.abs(stops - fitted)) + FLOOR_STOPS))


def slope(light: Floats) -> float:
    """Stops over the picture by the spread of the local differences; 0 where nearly all is black."""
    stops, seen = _stops(light), light @ np.array(LUMINANCE, np.float32) > DARK
    across = _differences(stops, seen)
    down = _differences(stops.T, seen.T)
    if min(len(across), len(down)) < LEAST_PAIRS:
        return 0.0
    spread = np.mean([np.median(np.abs(each - np.median(each))) for each in (across, down)])
    whole = np.hypot(np.median(across), np.median(down)) * len(light) / APART
    return float(whole / (spread + SLOPE_FLOOR_STOPS))


def _stops(light: Floats) -> Real:
    return np.asarray(np.log2(light @ np.array(LUMINANCE, np.float32) + BLACK), np.float64)


def _differences(stops: Real, seen: NDArray[np.bool_]) -> Real:
    """Between places :data:`APART` in a row, where both are lit."""
    pairs = seen[:, APART:] & seen[:, :-APART]
    return np.asarray((stops[:, APART:] - stops[:, :-APART])[pairs])


def _skin(colours: Floats) -> NDArray[np.bool_]:
    """As :func:`appliance.vision.colour.skin_coloured`, but chroma counts by lightness: shadow on skin is skin."""
    lightness, a, b = colours[..., 0], colours[..., 1], colours[..., 2]
    return np.asarray((a > -1) & (b > -a - 1) & (np.hypot(a, b) > 0.1 * lightness))


def _plane(places: Real, stops: Real) -> Real:
    """Fit by least absolute differences, as repeated weighted least squares; the plane's value at each place."""
    weights = np.ones(len(stops))
    for _ in range(ROUNDS):
        weighted = places * weights[:, None]
        tilt = np.linalg.solve(places.T @ weighted + 1e-6 * np.eye(3), weighted.T @ stops)
        weights = 1 / np.maximum(np.abs(stops - places @ tilt), 0.1)
    return np.asarray(places @ tilt)

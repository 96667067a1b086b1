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
from appliance.vision.colour import Floats, halved, lab, length, middle_value, share
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
    luminance = np.tensordot(light, np.array(LUMINANCE, np.float32), 1)
    stops = np.log2(luminance + BLACK).astype(np.float64)
    everywhere = ALIKE * slope(stops, luminance > DARK)
    over_skin = plane(stops, _skin(lab(light)))
    return everywhere if over_skin is None else min(everywhere, over_skin)


def plane(stops: Real, skin: NDArray[np.bool_]) -> float | None:
    """Stops over the skin's extent by the median distance from the plane; ``None`` where there is too little skin.

    ``stops``: log2 of luminance, H×W; ``skin``: where there is any.
    """
    if share(skin) < LEAST_SKIN:
        return None
    of_skin = stops[skin]
    down, across = np.nonzero(skin)
    fitted = _plane(np.stack([np.ones(len(of_skin)), down / len(stops), across / len(stops)]), of_skin)
    low, high = np.percentile(fitted, (3, 97))
    return float((high - low) / (middle_value(np.abs(of_skin - fitted)) + FLOOR_STOPS))


def slope(stops: Real, seen: NDArray[np.bool_]) -> float:
    """Stops over the picture by the spread of the local differences; 0 where nearly all is black.

    ``stops``: log2 of luminance, H×W; ``seen``: where it is not black.
    """
    across = _differences(stops, seen)
    down = _differences(stops.T, seen.T)
    if min(len(across), len(down)) < LEAST_PAIRS:
        return 0.0
    typical = middle_value(across), middle_value(down)
    spreads = [middle_value(np.abs(each - middle)) for each, middle in zip((across, down), typical, strict=True)]
    whole = np.hypot(*typical) * len(stops) / APART
    return float(whole / (sum(spreads) / 2 + SLOPE_FLOOR_STOPS))


def _differences(stops: Real, seen: NDArray[np.bool_]) -> Real:
    """Between places :data:`APART` in a row, where both are lit."""
    pairs = seen[:, APART:] & seen[:, :-APART]
    return np.asarray((stops[:, APART:] - stops[:, :-APART])[pairs])


def _skin(colours: Floats) -> NDArray[np.bool_]:
    """As :func:`appliance.vision.colour.skin_coloured`, but chroma counts by lightness: shadow on skin is skin."""
    lightness, a, b = colours[..., 0], colours[..., 1], colours[..., 2]
    return np.asarray((a > -1) & (b > -a - 1) & (length(a, b) > 0.1 * lightness))


def _plane(places: Real, stops: Real) -> Real:
    """Fit by least absolute differences, as repeated weighted least squares; the plane's value at each place (3×N)."""
    weighted = places
    for _ in range(ROUNDS):
        fitted = np.linalg.solve(weighted @ places.T + 1e-6 * np.eye(3), weighted @ stops) @ places
        weighted = places / np.maximum(np.abs(stops - fitted), 0.1)
    return np.asarray(fitted)

"""Where a refused photograph is at fault, as far as the picture itself tells: what the refusal page marks on it.

The gate's evidence is one number for the whole picture, partly from the network. What is marked here are the places
that its classical measures speak of; a fault without a place (blur, a coloured light) has no mark: a drawing must do.
"""

import io
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from appliance.vision.overlay import COLOUR, SIDE_PX
from appliance.vision.photo import Pixels
from appliance.vision.preprocess import central_square, preprocess
from appliance.vision.quality.exposure import BRIGHT, DARK
from appliance.vision.quality.scene import Scene

Mask = NDArray[np.bool_]
MARKED: Final = (0.0005, 0.85)
"""Share of the view that a mark covers; less is a speck, more is no place."""
LEAST_PX: Final = 5
"""Of the 149 px wide mask: smaller spots are noise."""
SMOOTH_PX: Final = 1.5
SMOOTH_LEVEL: Final = 0.4
TINT: Final = 0.22
LINE_PX: Final = 4
STRAND_PX: Final = 12
"""A hair is longer than a pore, in pixels of the mask."""
RING: Final = 0.5
"""Diameter that a lesion should have, share of the view's side."""
SHADE_STOPS: Final = 0.5
"""Darker than the middle brightness by this much counts as the shaded side."""
INK: Final = (20, 25, 30)


def where(view: Pixels, reason: str) -> Mask | None:
    """The places at fault in the network's view (uint8 RGB, 299×299×3): 149×149, ``None`` where there are none.

    ``reason``: what follows ``advice.`` in the key of the check's advice.
    """
    find = FINDERS.get(reason)
    if find is None:
        return None
    mask = _cleaned(find(Scene(view)))
    least, most = MARKED
    return mask if least <= mask.mean() <= most else None


def marked(pixels: Pixels, reason: str) -> bytes | None:
    """JPEG, 640×640, of the square of a photograph (uint8 RGB, H×W×3) that was judged, with the fault marked on it.

    ``None`` where it has no place.
    """
    mask = where(preprocess(pixels), reason)
    if mask is None and reason not in RINGED:
        return None
    size = (SIDE_PX, SIDE_PX)
    image = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, box=central_square(pixels))
    if mask is not None:
        image = _outlined(image, mask)
    if reason in RINGED:
        _draw_ring(image)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return file.getvalue()


def has_mark(pixels: Pixels, reason: str) -> bool:
    """Whether :func:`marked` has something to show."""
    return reason in RINGED or where(preprocess(pixels), reason) is not None


def _dark(scene: Scene) -> Mask:
    return np.asarray((scene.view.max(axis=2) < DARK)[:-1:2, :-1:2])


def _burnt(scene: Scene) -> Mask:
    return np.asarray((np.sort(scene.view, axis=2)[..., 1] >= BRIGHT)[:-1:2, :-1:2])


def _shaded(scene: Scene) -> Mask:
    light = ndimage.gaussian_filter(scene.half_light.mean(axis=2), 12) + 1e-3
    return np.asarray(np.log2(light / np.median(light)) < -SHADE_STOPS)


def _lesion(scene: Scene) -> Mask:
    small = np.kron(scene.lesion.mask, np.ones((2, 2), np.bool_))
    return np.asarray(np.pad(small, ((0, 149 - len(small)), (0, 149 - len(small))), mode="edge"))


def _residue(scene: Scene) -> Mask:
    """Bluer, violet or greener, or paler and greyer than the skin around."""
    darker, redder, yellower = scene.apart.transpose(2, 0, 1)
    dye = ((yellower < -12) | (redder < -12)) & (darker < 3)
    cream = (darker > 8) & (scene.chroma < 0.6 * np.hypot(scene.tone[1], scene.tone[2]))
    return np.asarray((dye | cream) & scene.body)


def _hair(scene: Scene) -> Mask:
    lines = np.maximum(scene.dark_lines, scene.light_lines) > 20
    long = ndimage.binary_opening(ndimage.binary_dilation(lines[:-1:2, :-1:2]), np.ones((2, 2), np.bool_))
    labels, count = ndimage.label(long, np.ones((3, 3)))
    reach = [max(part[0].stop - part[0].start, part[1].stop - part[1].start) for part in ndimage.find_objects(labels)]
    return np.isin(labels, 1 + np.flatnonzero(np.array(reach) >= STRAND_PX)) if count else long


def _wet(scene: Scene) -> Mask:
    """Reflections, raw and crusted colours."""
    darker, redder, yellower = scene.apart.transpose(2, 0, 1)
    sparks = (scene.light_lines > 35) & (scene.view.min(axis=2) > 170)
    raw = ((redder > 12) & (darker < -12)) | ((redder > 5) & (darker < -25)) | ((yellower > 10) & (redder < 8))
    return np.asarray(raw | ndimage.binary_dilation(sparks[:-1:2, :-1:2]))


FINDERS: Final[Mapping[str, Callable[[Scene], Mask]]] = {
    "exposure_dark": _dark,
    "exposure_bright": _burnt,
    "uneven_light": _shaded,
    "too_small": _lesion,
    "residue": _residue,
    "hair": _hair,
    "exudate": _wet,
}
RINGED: Final = frozenset({"too_small", "no_lesion"})
"""Reasons that are shown where the lesion should be, and how large."""


def _cleaned(mask: Mask) -> Mask:
    """Without specks, and in regions a person would draw: strands and sparks that lie close together are one place."""
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = ndimage.binary_dilation(mask & (sizes >= LEAST_PX)[labels])
    return np.asarray(ndimage.gaussian_filter(kept.astype(np.float32), SMOOTH_PX) > SMOOTH_LEVEL)


def _outlined(image: Image.Image, mask: Mask) -> Image.Image:
    """The places tinted, with a yellow line between two dark ones: it can be seen on any skin."""
    soft = Image.fromarray((mask * 255).astype(np.uint8)).resize(image.size, Image.Resampling.BICUBIC)
    inside = np.asarray(soft) > 127
    tinted = np.asarray(image).astype(np.float32)
    tinted[inside] = tinted[inside] * (1 - TINT) + np.array(COLOUR, np.float32) * TINT
    wide = ndimage.binary_dilation(inside, iterations=LINE_PX + 2) & ~ndimage.binary_erosion(inside, iterations=2)
    line = ndimage.binary_dilation(inside, iterations=LINE_PX) & ~inside
    tinted[wide] = INK
    tinted[line] = COLOUR
    return Image.fromarray(tinted.astype(np.uint8))


def _draw_ring(image: Image.Image) -> None:
    """A dashed ring, as in the kiosk's live view: so large should it be, and there."""
    pen, side = ImageDraw.Draw(image), image.width
    left, right = side * (1 - RING) / 2, side * (1 + RING) / 2
    for start in range(0, 360, 12):
        for colour, width in ((INK, 8), ((255, 255, 255), 4)):
            pen.arc((left, left, right, right), start, start + 7, fill=colour, width=width)

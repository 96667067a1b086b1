"""The calibration card: 24 patches, four corner marks and a millimetre scale, and the plain grey card beside it.

Its geometry stands here once: it is printed from it, drawn for the synthetic camera, and found in a frame by it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firmware.colour import Colours, from_lab_d50
from firmware.errors import CardNotFound
from firmware.linear import Light, to_codes
from firmware.skin import NOMINAL_WIDTH_MM, Scene, lit

PATCHES_LAB_D50: Final = (
    (37.54, 14.37, 14.92), (64.66, 19.27, 17.5), (49.32, -3.82, -22.54), (43.46, -12.74, 22.72),
    (54.94, 9.61, -24.79), (70.48, -32.26, -0.37), (62.73, 35.83, 56.5), (39.43, 10.75, -45.17),
    (50.57, 48.64, 16.67), (30.1, 22.54, -20.87), (71.77, -24.13, 58.19), (71.51, 18.24, 67.37),
    (28.37, 15.42, -49.8), (54.38, -39.72, 32.27), (42.43, 51.05, 28.62), (81.8, 2.67, 80.41),
    (50.63, 51.28, -14.12), (49.57, -29.71, -28.32), (95.19, -1.03, 2.93), (81.29, -0.57, 0.44),
    (66.89, -0.75, -0.06), (50.76, -0.13, 0.14), (35.63, -0.46, -0.48), (20.64, 0.07, -0.46),
)  # fmt: skip
"""The usual 24 colours by rows (X-Rite 2016, "ColorChecker Classic after November 2014")."""
COLUMNS: Final = 6
ROWS: Final = 4
SIZE_MM: Final = (36.0, 27.0)
PITCH_MM: Final = 4.4
PATCH_MM: Final = 3.8
MARKS_MM: Final = (32.0, 23.0)
"""Between the middles of the marks, across and down."""
MARK_MM: Final = 3.0
SCALE_MM: Final = 20
PAPER: Final = 0.88
BLACK: Final = 0.035
GREY: Final = 0.18
"""Share of light that the grey card sends back."""
FLOOR: Final = 0.3
"""What lies under the card."""
READ_SHARE: Final = 0.5
"""Of a patch's side: its edges are left out."""
DARK_SHARE: Final = 0.28
"""Of the paper's light: a mark is darker."""
MARK_AREA: Final = (0.001, 0.03)
"""Share of the picture that one mark covers."""
MARK_FILLS: Final = 0.7
"""Of its own bounding box: it is a square, turned by no more than ten degrees."""
SKEW_AT_MOST: Final = 0.03
POINTS: Final = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64) * np.array(MARKS_MM) / 2
"""Middles of the marks from the card's middle, mm: upper left, upper right, lower right, lower left."""


def reference() -> Colours:
    """What the patches are, linear sRGB, 24×3. Two lie a little outside of sRGB."""
    return from_lab_d50(PATCHES_LAB_D50)


def centres_mm() -> NDArray[np.float64]:
    """Middles of the patches from the card's middle, across and down, 24×2."""
    across = (np.arange(COLUMNS) - (COLUMNS - 1) / 2) * PITCH_MM
    down = (np.arange(ROWS) - (ROWS - 1) / 2) * PITCH_MM
    return np.array([(x, y) for y in down for x in across])


def card_scene(width: int, height: int, shift_mm: tuple[float, float] = (0.0, 0.0), turn_degrees: float = 0.0) -> Scene:
    """The card at the cup's rim, for the synthetic camera; a little off its place where wanted."""
    down, across = np.mgrid[:height, :width].astype(np.float64)
    mm = NOMINAL_WIDTH_MM / width
    x, y = (across - width / 2) * mm - shift_mm[0], (down - height / 2) * mm - shift_mm[1]
    turn = np.radians(turn_degrees)
    x, y = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
    diffuse = np.full((height, width, 3), FLOOR, np.float32)
    diffuse[_within(x, y, (0, 0), SIZE_MM)] = PAPER
    for point in POINTS:
        diffuse[_within(x, y, point, (MARK_MM, MARK_MM))] = BLACK
    for point, colour in zip(centres_mm(), np.clip(reference(), 0.004, 1), strict=True):
        diffuse[_within(x, y, point, (PATCH_MM, PATCH_MM))] = colour
    return lit(diffuse, np.zeros((height, width), np.float32))


def grey_scene(width: int, height: int) -> Scene:
    """The grey card, from edge to edge."""
    return lit(np.full((height, width, 3), GREY, np.float32), np.zeros((height, width), np.float32))


def read(light: Light) -> tuple[Colours, float]:
    """The 24 patches and the scale in mm per pixel. ``light``: linear, H×W×3. Raises :class:`CardNotFound`.

    The marks are looked for in the four corners of the picture, so the card must lie upright or upside down, turned
    by no more than ten degrees; which way up it lies is seen by its colours.
    """
    marks = _marks(light[..., 1])
    turned = np.roll(marks, 2, axis=0)
    upright, upside_down = (_patches(light, corners) for corners in (marks, turned))
    return min(upright, upside_down, key=_strangeness), _mm_per_pixel(marks)


def svg() -> str:
    """The card to print at 100 %, with the grey card beside it, in one SVG file of A6 size."""
    shapes = [_rectangle((30, 30), SIZE_MM, "#fff", 'stroke="#999" stroke-width="0.1"')]
    shapes += [_rectangle(_on_sheet(point), (MARK_MM, MARK_MM), "#000") for point in POINTS]
    for point, colour in zip(centres_mm(), to_codes(reference()), strict=True):
        shapes.append(_rectangle(_on_sheet(point), (PATCH_MM, PATCH_MM), _hex(colour)))
    for tick in range(SCALE_MM + 1):
        long = 1.6 if tick % 5 == 0 else 0.9
        shapes.append(_rectangle((30 - SCALE_MM / 2 + tick, 30 + 11.5), (0.12, long), "#000"))
    grey = _hex(to_codes(np.full(3, GREY, np.float32)))
    shapes.append(_rectangle((95, 30), (60, 50), grey))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="148mm" height="62mm" viewBox="0 0 148 62">'
        + "".join(shapes)
        + "</svg>\n"
    )


def _on_sheet(point: NDArray[np.float64]) -> tuple[float, float]:
    return 30 + float(point[0]), 30 + float(point[1])


def _rectangle(centre: tuple[float, float], size: tuple[float, float], fill: str, more: str = "") -> str:
    left, top = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    return f'<rect x="{left:.2f}" y="{top:.2f}" width="{size[0]}" height="{size[1]}" fill="{fill}" {more}/>'


def _hex(codes: NDArray[np.uint8]) -> str:
    return "#" + "".join(f"{code:02x}" for code in codes)


def _within(x: Light, y: Light, centre: object, size: tuple[float, float]) -> NDArray[np.bool_]:
    middle = np.asarray(centre)
    return np.asarray((abs(x - middle[0]) <= size[0] / 2) & (abs(y - middle[1]) <= size[1] / 2))


def _marks(green: Light) -> NDArray[np.float64]:
    """Middles of the marks, across and down, px, 4×2, in the order of :data:`POINTS`."""
    rows, columns = green.shape
    labels, _ = ndimage.label(green < DARK_SHARE * float(np.quantile(green, 0.9)))
    blots = [
        ((y.start, x.start), labels[y, x] == number) for number, (y, x) in enumerate(ndimage.find_objects(labels), 1)
    ]
    found = [_middle(corner, blot, green.size) for corner, blot in blots]
    squares = np.array([each for each in found if each is not None])
    corners = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)])
    if len(squares) < len(corners):
        raise CardNotFound(f"{len(squares)} of 4 corner marks are in the picture")
    nearest = [int(np.hypot(*(squares - corner).T).argmin()) for corner in corners]
    marks = squares[nearest]
    if len(set(nearest)) < len(corners) or _skew(marks) > SKEW_AT_MOST:
        raise CardNotFound("the corner marks do not form the card's rectangle")
    return np.asarray(marks)


def _middle(corner: tuple[int, int], blot: NDArray[np.bool_], pixels: int) -> tuple[float, float] | None:
    """Of a dark blot that can be a mark, else ``None``. ``corner``: upper left of its bounding box, down, across."""
    rows, columns = blot.shape
    area = int(blot.sum())
    low, high = (share * pixels for share in MARK_AREA)
    if not low <= area <= high or area < MARK_FILLS * blot.size or not 0.7 < rows / columns < 1.4:
        return None
    down, across = ndimage.center_of_mass(blot)
    return float(across) + corner[1], float(down) + corner[0]


def _sides(marks: NDArray[np.float64]) -> NDArray[np.float64]:
    """mm per pixel by each side of the rectangle of marks, 4."""
    lengths_px = np.hypot(*(np.roll(marks, -1, axis=0) - marks).T)
    return np.asarray(np.array([*MARKS_MM, *MARKS_MM]) / lengths_px)


def _skew(marks: NDArray[np.float64]) -> float:
    sides = _sides(marks)
    return float(sides.max() / sides.min() - 1)


def _mm_per_pixel(marks: NDArray[np.float64]) -> float:
    return float(np.mean(_sides(marks)))


def _patches(light: Light, marks: NDArray[np.float64]) -> Colours:
    """Median of the middle of each patch, 24×3."""
    half = max(1, round(PATCH_MM * READ_SHARE / 2 / _mm_per_pixel(marks)))
    middles = np.rint(_pixels(centres_mm(), marks)).astype(int)
    windows = [light[y - half : y + half + 1, x - half : x + half + 1] for x, y in middles]
    return np.array([np.median(window.reshape(-1, 3), axis=0) for window in windows], np.float32)


def _pixels(points_mm: NDArray[np.float64], marks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places on the card as pixels, N×2: the affine map fitted to the four marks."""
    known = np.column_stack([POINTS, np.ones(len(POINTS))])
    fitted = np.linalg.lstsq(known, marks, rcond=None)[0]
    return np.asarray(np.column_stack([points_mm, np.ones(len(points_mm))]) @ fitted)


def _strangeness(patches: Colours) -> float:
    """How far the patches are from the card's, brightness aside."""
    wanted = reference()
    return float(np.abs(patches / patches.mean() - wanted / wanted.mean()).sum())

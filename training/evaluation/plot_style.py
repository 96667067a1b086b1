"""One look for every plot: colours that the colour-blind tell apart, float and INT8 in the same two everywhere."""

from typing import Any, Final

from matplotlib.figure import Figure as Sheet

from training.class_names import CARDS

FLOAT: Final = "#0072B2"
INT8: Final = "#D55E00"
GREEN: Final = "#009E73"
GREY: Final = "#767676"
COLOURS: Final = {"float": FLOAT, "int8": INT8}
"""From the palette of Okabe and Ito (2008)."""
NAMES: Final = {"float": "float", "int8": "INT8 (ships)"}
LINES: Final = {"float": (0, (4, 2)), "int8": "solid"}
DPI: Final = 120
STYLE: Final[dict[Any, Any]] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
}


def sheet(rows: int, columns: int, width: float, height: float, **options: Any) -> tuple[Sheet, Any]:
    """A figure with its axes, ``width``×``height`` inches; it belongs to no window and no global state."""
    figure = Sheet(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def english(name: str) -> str:
    """The class's English name."""
    return next((card["en"] for key, card in CARDS.items() if key == name), name.replace("_", " "))

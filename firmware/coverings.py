"""What lies between skin and lens in a clinic: hair, dye, cream, a wet film. Drawn over :mod:`firmware.lesions`."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from firmware.lesions import Surface
from firmware.texture import SCENE_HEIGHT_PX, Plane, Texture, step

HAIRS: Final = 260
"""On a picture that is as hairy as can be."""
SMEAR_DEGREES: Final = 25
"""Which way a finger went."""
HAIR_WIDTH_PX: Final = 4.0
"""0.1 mm."""


@dataclass(frozen=True)
class Coverings:
    """Each a share, 0 (none) … 1: of the surface; of ``HAIRS`` for hair."""

    hair: float = 0.0
    ink: float = 0.0
    """Gentian violet, as used on wounds."""
    cream: float = 0.0
    wet: float = 0.0
    """A film that mirrors the ring light: exudate, or gel."""


NOTHING: Final = Coverings()


def cover(coverings: Coverings, surface: Surface, texture: Texture, rng: np.random.Generator) -> None:
    """Put ``coverings`` on ``surface``, in place. What is not there costs nothing and draws no random number."""
    if coverings.ink:
        _ink(coverings.ink, surface, texture)
    if coverings.cream:
        _cream(coverings.cream, surface, texture)
    if coverings.wet:
        _wet(coverings.wet, surface, texture)
    if coverings.hair:
        _hair(coverings.hair, surface, texture.zoom, rng)


def _ink(share: float, surface: Surface, texture: Texture) -> None:
    """Thicker where it dried, and it runs into the furrows."""
    surface.dye += _patch(share, texture, 220, 0.12) * (1 + 0.25 * texture.cloudy(40))


def _cream(share: float, surface: Surface, texture: Texture) -> None:
    """White, smeared over the lesion: ridges along the strokes, thin and translucent towards its edge."""
    strokes = texture.streaks(16, 48, SMEAR_DEGREES)
    here = _spread(share, texture.streaks(100, 150, SMEAR_DEGREES), texture, 0.8)
    opaque = np.clip(here * (0.95 + 0.1 * strokes + 0.05 * texture.cloudy(10)), 0, 0.97)
    surface.scale *= 1 - opaque
    surface.scale += opaque
    surface.height_px *= 1 - 0.8 * here
    surface.height_px += here * (3 + 1.6 * strokes + 2 * texture.smooth(40) + 0.35 * texture.cells(4))
    surface.gloss += 0.6 * here


def _wet(share: float, surface: Surface, texture: Texture) -> None:
    """It comes from the lesion, fills the furrows, soaks the scales, and its own slow waves and rim mirror."""
    here = _spread(share, texture.smooth(160), texture, 0.25)
    surface.scale *= 1 - 0.6 * here
    surface.gloss *= 1 - here
    surface.height_px *= 1 - 0.7 * here
    surface.height_px += here * (4 + 5.2 * texture.smooth(90) + 0.7 * texture.smooth(26))
    surface.film += here


def _hair(share: float, surface: Surface, zoom: float, rng: np.random.Generator) -> None:
    """Curved strands, most in one direction, drawn twice as large and made smaller: soft edges."""
    rows, columns = surface.hair.shape
    unit = rows / SCENE_HEIGHT_PX * zoom
    sheet = Image.new("L", (2 * columns, 2 * rows))
    pen = ImageDraw.Draw(sheet)
    for _ in range(max(1, round(share * HAIRS))):
        strand = _strand(rng, unit, columns, rows)
        pen.line([tuple(2 * point) for point in strand], fill=255, width=max(2, round(2 * HAIR_WIDTH_PX * unit)))
    drawn = np.asarray(sheet.resize((columns, rows), Image.Resampling.BOX), np.float32) / 255
    np.maximum(surface.hair, drawn, out=surface.hair)


def _strand(rng: np.random.Generator, unit: float, columns: int, rows: int) -> np.ndarray:
    """Points of a quadratic Bézier curve, N×2 (across, down), px."""
    start = rng.uniform((-0.1 * columns, -0.1 * rows), (1.0 * columns, 1.0 * rows))
    turn = np.radians(rng.normal(35, 18))
    along = np.array([np.cos(turn), np.sin(turn)])
    length, bend = rng.uniform(250, 620) * unit, rng.normal(0, 70) * unit
    middle = start + along * length / 2 + np.array([-along[1], along[0]]) * bend
    t = np.linspace(0, 1, 24)[:, None]
    return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * (start + along * length))


def _spread(share: float, clouds: Plane, texture: Texture, softness: float) -> Plane:
    """1 on ``share`` of the surface, around its middle where the lesion is, in an outline as smooth as ``clouds``."""
    rows, columns = clouds.shape
    down, across = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    hill = clouds - 3.0 * np.hypot(down, across * columns / rows) / texture.zoom
    return _above(share, np.asarray(hill, np.float32), softness)


def _patch(share: float, texture: Texture, scale_px: float, softness: float) -> Plane:
    """1 on ``share`` of the surface, in blots of about ``scale_px``, 0 elsewhere."""
    return _above(share, texture.cloudy(scale_px), softness)


def _above(share: float, clouds: Plane, softness: float) -> Plane:
    """1 where ``clouds`` are highest, on ``share`` of the surface; ``softness``: height of the slope to 0."""
    edge = float(np.quantile(clouds[::4, ::4], 1 - min(share, 1.0)))
    return step(clouds, edge - softness / 2, softness)

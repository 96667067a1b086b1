"""What can grow on the procedural skin of :mod:`firmware.skin`, drawn as pigment, blood, scale and relief."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from firmware.texture import SCENE_HEIGHT_PX, Plane, Texture, bell, step

Lesion = Literal["none", "scaly_plaque", "pearly_nodule", "pigmented_plaque"]


@dataclass
class Surface:
    """What light meets, each plane H×W; a lesion changes it in place."""

    melanin: Plane
    """Optical density above that of the skin's tone, 1 = clearly darker."""
    blood: Plane
    """The same for haemoglobin, 1 = clearly red."""
    scale: Plane
    """Share covered by white horn, 0…1."""
    height_px: Plane
    """Relief, in pixels of a scene of the height :data:`firmware.texture.SCENE_HEIGHT_PX`."""
    gloss: Plane
    """Strength of mirror-like reflection, 1 = dry skin."""
    dye: Plane
    """Optical density of a dye on the skin, 1 = clearly violet."""
    hair: Plane
    """Share covered by hair, 0…1."""
    film: Plane
    """Share under a film of fluid, 0…1."""


def add(lesion: Lesion, surface: Surface, texture: Texture) -> None:
    """Draw ``lesion`` into the middle of ``surface``."""
    LESIONS[lesion](surface, texture)


def _none(surface: Surface, texture: Texture) -> None:
    """Healthy skin."""


def _scaly_plaque(surface: Surface, texture: Texture) -> None:
    """As in psoriasis: red, sharply bounded, raised, with silvery flakes that leave the rim free."""
    distance = _distance(surface, texture, radius=0.6, roughness=0.08)
    inside = 1 - step(distance, 0.95, 0.07)
    halo = 1 - step(distance, 0.95, 0.4)
    _smooth_relief(surface, inside, 0.6)
    surface.blood += inside * (0.8 + 0.14 * texture.cloudy(60)) + 0.12 * halo
    surface.melanin += 0.15 * inside
    heaps = 0.9 * texture.cloudy(120) + 0.5 * texture.cloudy(24) - 2.4 * np.maximum(distance - 0.62, 0)
    cracks = np.maximum(texture.furrows(34, 15), texture.furrows(27, 110)) * step(texture.smooth(40), -0.3, 1.0)
    flakes = inside * step(heaps, -0.25, 0.8) * (1 - 0.7 * step(cracks, 0.5, 0.4))
    powder = inside * step(texture.cloudy(10), 0.8, 1.2) * step(heaps, -1.2, 1.0)
    surface.scale += np.clip(flakes * (0.72 + 0.16 * texture.cloudy(14)) + 0.35 * powder, 0, 0.92)
    surface.height_px += 4 * inside + flakes * (2.5 + 1.1 * texture.cloudy(16) + 0.45 * texture.cells(4))
    surface.gloss += 0.5 * inside * (1 - flakes)


def _pearly_nodule(surface: Surface, texture: Texture) -> None:
    """As in basal cell carcinoma: a shining dome with branching vessels and a crusted dip in its middle."""
    distance = _distance(surface, texture, radius=0.44, roughness=0.05)
    inside = 1 - step(distance, 0.7, 0.4)
    crater = 1 - step(distance + 0.08 * texture.cloudy(60), 0.16, 0.22)
    vessels = _vessels(texture) * inside * (1 - crater) * step(distance, 0.15, 0.5)
    _smooth_relief(surface, inside, 0.9)
    surface.melanin -= 0.08 * inside
    surface.blood += inside * (0.42 + 0.1 * texture.cloudy(80)) + 1.6 * vessels
    rolled = bell(distance, 0.62, 0.2)
    surface.height_px += 26 * np.clip(1 - distance**2, 0, 1) + 14 * rolled - 8 * crater
    surface.gloss += 1.1 * inside * (1 - crater) * np.clip(0.6 + 0.5 * texture.smooth(45), 0, 1.5)
    crust = crater * step(texture.cloudy(40), -0.9, 1.4)
    surface.melanin += crust * (0.8 + 0.35 * texture.cloudy(12))
    surface.blood += crater * 0.9
    surface.height_px += crust * (2 + 0.9 * texture.cloudy(10))
    surface.scale += 0.3 * crust * step(texture.cloudy(9), 0.9, 1.0)


def _pigmented_plaque(surface: Surface, texture: Texture) -> None:
    """As in seborrhoeic keratosis: brown, warty, stuck on, with horn cysts and plugged openings."""
    distance = _distance(surface, texture, radius=0.46, roughness=0.06)
    inside = 1 - step(distance, 0.94, 0.08)
    cobbles = np.abs(0.7 * texture.smooth(9) + 0.7 * texture.cells(14))
    valleys = 1 - step(cobbles, 0.0, 0.7)
    _smooth_relief(surface, inside, 1.0)
    surface.melanin += inside * np.maximum(1.15 + 0.38 * texture.cloudy(100) + 0.3 * valleys, 0.2)
    surface.height_px += inside * (
        5 + 1.9 * np.minimum(cobbles, 1.5) + 1.2 * texture.cloudy(18) + 0.3 * texture.cells(4)
    )
    cysts = inside * step(texture.spots(700, 4), 0.6, 0.25)
    plugs = inside * step(texture.spots(500, 5), 0.6, 0.2)
    surface.scale += 0.35 * cysts + 0.12 * inside * step(texture.cloudy(20), 0.8, 1.2)
    surface.melanin += 1.1 * plugs
    surface.height_px -= 4 * plugs
    surface.gloss += 0.35 * inside


LESIONS: Final[dict[Lesion, Callable[[Surface, Texture], None]]] = {
    "none": _none,
    "scaly_plaque": _scaly_plaque,
    "pearly_nodule": _pearly_nodule,
    "pigmented_plaque": _pigmented_plaque,
}


def _distance(surface: Surface, texture: Texture, radius: float, roughness: float) -> Plane:
    """Distance from the middle, 1 at the lesion's edge. ``radius``: share of half the picture's height."""
    rows, columns = surface.height_px.shape
    unit, reference = radius * texture.zoom * rows / 2, radius * SCENE_HEIGHT_PX / 2
    down, across = np.mgrid[:rows, :columns].astype(np.float32)
    plain = np.hypot((down - rows / 2) / unit, (across - columns / 2) / (1.12 * unit))
    edge = texture.smooth(reference / 2) + 0.3 * texture.smooth(reference / 8)
    return np.asarray(plain + roughness * edge, np.float32)


def _smooth_relief(surface: Surface, inside: Plane, share: float) -> None:
    """The lesion stretches or covers the skin's own furrows."""
    surface.height_px *= 1 - share * inside
    surface.melanin *= 1 - 0.6 * share * inside


def _vessels(texture: Texture) -> Plane:
    """Thin branching lines: where clouds of several sizes cross zero."""
    trunk = bell(texture.smooth(55), 0, 0.045)
    twigs = bell(texture.smooth(30), 0, 0.05)
    return np.asarray(np.maximum(trunk, 0.6 * twigs), np.float32)

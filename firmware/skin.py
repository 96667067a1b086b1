"""Procedural close-ups of skin: tone, pores, fine lines and a lesion, as light sent towards the lens.

Two chromophores over a reflecting base (after Tsumura et al. 2003): melanin and haemoglobin absorb
exponentially (Beer-Lambert), horn scatters white on top, relief shades, wet or taut skin mirrors.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from firmware import lesions
from firmware.coverings import NOTHING, Coverings, cover
from firmware.lesions import Lesion, Surface
from firmware.texture import SCENE_HEIGHT_PX, Plane, Texture, bell

Radiance = NDArray[np.float32]
"""Linear RGB (sRGB primaries), H×W×3; 1 is what a white sheet sends back under the ring light."""

MELANIN: Final = (0.55, 0.85, 1.15)
"""Optical density of red, green and blue light for one unit of melanin."""
BLOOD: Final = (0.12, 0.75, 0.62)
DYE: Final = (1.5, 2.0, 0.45)
HAIR: Final = (0.035, 0.022, 0.014)
HORN: Final = (0.80, 0.77, 0.72)
NOMINAL_DISTANCE_MM: Final = 60.0
"""The cup's length: skin that touches its rim."""
NOMINAL_WIDTH_MM: Final = 40.0
"""What a scene of :func:`render` shows across at that distance."""
WANDER_PX: Final = (5.0, 2.6, 1.8)
"""How far red, green and blue light spreads below the surface (subsurface scattering)."""
GLINT: Final = 0.10
AMBIENT_TINT: Final = (1.08, 1.0, 0.84)
"""Colour of a room's lamps after the white balance was set for the ring light."""
FILM_GLINT: Final = 1.3
"""A film's surface mirrors the lamp itself: 2 to 3 % of it (Fresnel, water) outshine a white sheet."""
WET_INSIDE: Final = 0.3
"""Share of the light coming out of the skin that a film's level surface sends back into it (Lekner & Dorf 1988)."""
SURFACE_HAZE: Final = 0.012
"""What rough dry skin scatters at its surface, white; a film levels that."""
SLOPE_OF_GLINT: Final = 0.34
"""A ring light mirrors towards the lens from slopes of this steepness, not from level skin."""
XYZ_TO_RGB: Final = ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))
"""IEC 61966-2-1."""
WHITE_D65: Final = (0.9505, 1.0, 1.089)


@dataclass(frozen=True)
class Skin:
    """What is in front of the camera."""

    ita_degrees: float = 32.0
    """Individual typology angle (Chardon et al. 1991): above 55° very light, below -30° dark."""
    lesion: Lesion = "scaly_plaque"
    seed: int = 1
    distance_mm: float = NOMINAL_DISTANCE_MM
    """From the lens; farther away everything is smaller and the ring light is weaker."""
    coverings: Coverings = NOTHING


@dataclass(frozen=True)
class Scene:
    """The same skin under each light by itself; light adds up, so a camera weighs and sums them."""

    ring: Radiance
    ambient: Radiance
    distance_mm: float = NOMINAL_DISTANCE_MM

    def resized(self, width: int, height: int) -> "Scene":
        """The same scene in another number of pixels (area average)."""
        ring, ambient = (_resized(light, width, height) for light in (self.ring, self.ambient))
        return Scene(ring, ambient, self.distance_mm)


def tone(ita_degrees: float) -> NDArray[np.float32]:
    """Linear RGB of skin with this ITA = arctan((L* - 50) / b*). b* falls towards both ends of the scale."""
    b = 18 - 0.0009 * (ita_degrees - 20) ** 2
    lightness = 50 + b * np.tan(np.radians(ita_degrees))
    return lab_to_linear(float(lightness), 11.0, float(b))


def lab_to_linear(lightness: float, a: float, b: float) -> NDArray[np.float32]:
    """Linear sRGB of a CIELAB colour (CIE 15:2004, D65)."""
    y = (lightness + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2) * WHITE_D65
    return np.clip(np.array(XYZ_TO_RGB) @ xyz, 0.004, 1).astype(np.float32)


def render(skin: Skin, width: int, height: int) -> Scene:
    """Draw ``skin``, about 40 mm across at 60 mm. The same skin in the same size is the same scene, bit for bit."""
    zoom = NOMINAL_DISTANCE_MM / skin.distance_mm
    rng = np.random.default_rng(skin.seed)
    texture = Texture((height, width), rng, zoom)
    surface = _healthy(texture)
    lesions.add(skin.lesion, surface, texture)
    cover(skin.coverings, surface, texture, rng)
    across, down = _slopes(surface.height_px, zoom)
    diffuse = _diffuse(surface, tone(skin.ita_degrees), _shade(across, down), zoom)
    mirrored = GLINT * _glint(across, down, 0.12) * surface.gloss
    mirrored += FILM_GLINT * _glint(across, down, 0.05) * surface.film
    return lit(diffuse, mirrored, skin.distance_mm)


def lit(diffuse: Radiance, glint: Plane, distance_mm: float = NOMINAL_DISTANCE_MM) -> Scene:
    """A surface under both lights. ``diffuse``: share of light sent back, H×W×3; ``glint``: mirrored, H×W."""
    height, width = glint.shape
    nearness = np.float32((NOMINAL_DISTANCE_MM / distance_mm) ** 2)
    ring = (diffuse + glint[..., None]) * _vignette(width, height)[..., None] * nearness
    ambient = diffuse * _window(width, height)[..., None] * np.array(AMBIENT_TINT, np.float32)
    return Scene(ring.astype(np.float32), ambient.astype(np.float32), distance_mm)


def _healthy(texture: Texture) -> Surface:
    """Skin without a lesion: mottled, with a net of fine lines, pores and a few freckles."""
    pores = texture.spots(900, 4)
    fading = np.clip(0.7 + 0.5 * texture.smooth(80), 0, 2)
    fine = 0.9 * texture.furrows(17, 35) + 0.7 * texture.furrows(15, 95) + 0.5 * texture.furrows(20, 150)
    lines = fading * (0.6 * fine + 0.5 * texture.furrows(44, 30) + 0.4 * texture.furrows(50, 110))
    freckles = texture.spots(40, 8)
    return Surface(
        melanin=0.05 * texture.cloudy(150) + 0.22 * pores + 0.05 * lines + 0.35 * freckles + 0.015 * texture.cells(8),
        blood=0.05 * texture.cloudy(220) + 0.06 * texture.cells(28) + 0.03 * texture.cells(12) + 0.1 * pores,
        scale=np.zeros_like(pores),
        height_px=4 * texture.smooth(300)
        + 0.8 * texture.cells(20)
        + 0.3 * texture.cells(8)
        - 0.9 * lines
        - 1.2 * pores,
        gloss=np.clip(0.18 * texture.cloudy(140), 0, 1),
        dye=np.zeros_like(pores),
        hair=np.zeros_like(pores),
        film=np.zeros_like(pores),
    )


def _diffuse(surface: Surface, base: NDArray[np.float32], shade: Plane, zoom: float) -> Radiance:
    """Beer-Lambert of the pigments over the tone; light wanders below the skin, red farthest; horn and hair on top."""
    horn = np.clip(surface.scale, 0, 1)
    unit = shade.shape[0] / SCENE_HEIGHT_PX * zoom
    planes = []
    for i in range(3):
        density = surface.melanin * np.float32(MELANIN[i]) + surface.blood * np.float32(BLOOD[i])
        below = np.minimum(base[i] * np.exp(-density), 1) * shade
        below = 0.35 * below + 0.65 * ndimage.gaussian_filter(below, WANDER_PX[i] * unit)
        skin = (below * (1 - horn) + np.float32(HORN[i]) * shade * horn) * np.exp(-surface.dye * np.float32(DYE[i]))
        skin += surface.film * (_wetted(skin) - skin)
        planes.append(skin * (1 - surface.hair) + np.float32(HAIR[i]) * surface.hair)
    return np.stack(planes, axis=-1)


def _slopes(height_px: Plane, zoom: float) -> tuple[Plane, Plane]:
    spacing = SCENE_HEIGHT_PX / (height_px.shape[0] * zoom)
    return np.gradient(height_px, spacing, axis=1), np.gradient(height_px, spacing, axis=0)


def _shade(across: Plane, down: Plane) -> Plane:
    """Lambert's cosine for a ring around the lens, its upper left a little stronger."""
    facing = 1 / np.sqrt(1 + across**2 + down**2)
    return np.asarray(np.clip(facing * (1 + 0.30 * across + 0.22 * down), 0.15, 1.5), np.float32)


def _wetted(dry: Plane) -> Plane:
    """Under a film: without the white haze, and darker where it is dark, for light passes through the skin again."""
    inner, back = np.clip(dry - np.float32(SURFACE_HAZE), 0, 1), np.float32(WET_INSIDE)
    return np.asarray(inner * (1 - back) / (1 - back * inner), np.float32)


def _glint(across: Plane, down: Plane, roughness: float) -> Plane:
    """Mirror-like reflection of the ring. ``roughness``: standard deviation of the slopes that are too fine to draw."""
    return bell(np.hypot(across, down), SLOPE_OF_GLINT, roughness)


def _vignette(width: int, height: int) -> Plane:
    """The ring light's cone and the lens: darker corners."""
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(1.06 - 0.20 * (across**2 + 0.8 * down**2), np.float32)


def _window(width: int, height: int) -> Plane:
    """Room light comes from one side."""
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(1 - 0.22 * across - 0.1 * down, np.float32)


def _resized(radiance: Radiance, width: int, height: int) -> Radiance:
    size = (width, height)
    planes = [
        Image.fromarray(np.ascontiguousarray(radiance[..., i])).resize(size, Image.Resampling.BOX) for i in range(3)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)

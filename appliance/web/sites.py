"""Places on the body, from head to foot. Their names are in the catalogues under ``site.<id>``."""

from typing import Final

from appliance.request_errors import SiteUnknown

SITES: Final = (
    "scalp",
    "face",
    "ear",
    "neck",
    "chest",
    "abdomen",
    "back",
    "shoulder",
    "upper_arm",
    "forearm",
    "hand",
    "genital_area",
    "buttock",
    "thigh",
    "lower_leg",
    "foot",
)

SIDES: Final = {
    "front": (
        ("face", "neck", "chest", "abdomen", "genital_area", "thigh"),
        ("shoulder", "upper_arm", "forearm", "hand", "lower_leg", "foot"),
    ),
    "back": (
        ("scalp", "neck", "back", "buttock", "thigh", "lower_leg"),
        ("ear", "shoulder", "upper_arm", "forearm", "hand", "foot"),
    ),
}
"""The labels on the drawn body, by side: those beside trunk and leg, and those beside the arm, from head to foot.

Scalp and ear are drawn on the front, too, and can be touched there.
"""


def known_site(site: str | None) -> str:
    """The id itself. Raises :class:`appliance.request_errors.SiteUnknown`."""
    if site not in SITES:
        raise SiteUnknown(repr(site))
    return site

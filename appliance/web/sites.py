"""Places on the body, from head to foot. Their names are in the catalogues under ``site.<id>``."""

from typing import Final

from appliance.errors import SiteUnknown

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


def known_site(site: str | None) -> str:
    """The id itself. Raises :class:`appliance.errors.SiteUnknown`."""
    if site not in SITES:
        raise SiteUnknown(repr(site))
    return site

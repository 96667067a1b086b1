"""QR codes, drawn as SVG into the page: nothing is fetched for them."""

from urllib.parse import urlsplit

import segno

from appliance import hotspot
from appliance.web.services import services


def drawn(said: str) -> str:
    """``said`` as inline SVG. Level M still reads on a smudged screen and a folded letter."""
    svg: str = segno.make_qr(said, error="m").svg_inline(omitsize=True, border=2, svgclass="qr", lineclass=None)
    return svg


def wifi_code() -> dict[str, str] | None:
    """Name, passphrase and code of the box's own Wi-Fi; ``None`` where it makes none."""
    own = hotspot.joinable(services().settings.hotspot_file)
    return {"ssid": own.ssid, "passphrase": own.passphrase, "qr": drawn(own.wifi)} if own else None


def network() -> str | None:
    """The name of the Wi-Fi phones have to join: the box's own, where it makes one, else what staff said."""
    own = hotspot.joinable(services().settings.hotspot_file)
    return own.ssid if own else services().store.setup.wifi or None


def link_code(path: str) -> dict[str, object]:
    """The link phones open, its code, and what one may type instead; no link where the box is on no network.

    ``named`` is the box's name as an address, where the network is told the name.
    """
    base = services().lan_url()
    if base is None:
        return {"link": None, "named": None}
    return {"link": f"{base}{path}", "qr": drawn(f"{base}{path}"), "named": _named(base)}


def _named(base: str) -> str | None:
    name = hotspot.name(services().settings.hotspot_file)
    return base.replace(str(urlsplit(base).hostname), name, 1) if name else None

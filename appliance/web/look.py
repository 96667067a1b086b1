"""Bright or dark pages: a lit room and the sun want black on white, a dark one wants little light.

A phone says itself which of them it wants. The kiosk's screen knows nothing of its room: on its first page is a button.
"""

from typing import Final

from flask import Response, request

from appliance.web.services import place

COOKIE: Final = "look"
LOOKS: Final = ("bright", "dark")
DARK_ON: Final = "screen and (prefers-color-scheme: dark)"


def look() -> str:
    """The kiosk's: what was chosen on its first page, until the box starts anew."""
    wanted = request.args.get(COOKIE) or request.cookies.get(COOKIE)
    return wanted if wanted in LOOKS else LOOKS[0]


def dark_media() -> str | None:
    """On which media the pages are dark; ``None``: on none."""
    if place() == "network":
        return DARK_ON
    return "screen" if look() == "dark" else None


def remember(response: Response) -> Response:
    """After each request: have the kiosk's browser keep what was chosen."""
    wanted = request.args.get(COOKIE)
    if place() == "kiosk" and wanted in LOOKS:
        response.set_cookie(COOKIE, wanted, samesite="Strict", httponly=True)
    return response

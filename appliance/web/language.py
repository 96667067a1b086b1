"""The reader's language."""

from typing import Final

from flask import Response, current_app, g, request

from appliance import messages
from appliance.messages import LANGUAGES, Language
from appliance.web.services import services

COOKIE: Final = "language"
ONE_YEAR_S: Final = 365 * 24 * 3600


def reader_language() -> Language:
    """What they chose; else what the browser asks for (phones) or the setting says (kiosk)."""
    chosen = None if g.get("forgotten") else request.cookies.get(COOKIE)
    for wanted in (request.args.get(COOKIE), chosen, _browser()):
        for language in LANGUAGES:
            if wanted == language:
                return language
    return services().settings.language


def translate(key: str, **values: object) -> str:
    """The text for ``key`` in the reader's language."""
    return messages.text(reader_language(), key, **values)


def remember(response: Response) -> Response:
    """After each request: keep a language chosen with ``?language=``, and drop the one of who has left."""
    if g.get("forgotten"):
        response.delete_cookie(COOKIE, samesite="Lax", httponly=True)
    choose(response, request.args.get(COOKIE))
    return response


def choose(response: Response, language: str | None) -> None:
    """Have the browser keep a language we speak; any other changes nothing."""
    if language in LANGUAGES:
        response.set_cookie(COOKIE, str(language), max_age=ONE_YEAR_S, samesite="Lax", httponly=True)


def forget() -> None:
    """The last reader is gone: from here on the language is what it is without a choice."""
    g.forgotten = True


def _browser() -> str | None:
    return request.accept_languages.best_match(LANGUAGES) if current_app.config["BROWSER_LANGUAGE"] else None

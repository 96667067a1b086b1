"""Text people read, by key, from the gettext catalogues in ``translations/``.

The catalogues are read as they are written (.po): no compiled copy that could be stale.
"""

from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from babel.messages.pofile import read_po

from appliance.errors import DermkioskError

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
FOLDER: Final = Path(__file__).parent / "translations"


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Key → text of one language."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def text(language: Language, key: str, **values: object) -> str:
    """The text for ``key``, its ``{placeholders}`` filled. Raises ``KeyError`` for an unknown key."""
    return catalogue(language)[key].format(**values)


def sentence(language: Language, error: DermkioskError) -> str:
    """What happened, for the health worker."""
    return text(language, f"error.{error.key}", **_in_words(language, error))


def remedy(language: Language, error: DermkioskError) -> str:
    """What to do about it."""
    return text(language, f"error.{error.key}.remedy", **_in_words(language, error))


def _in_words(language: Language, error: DermkioskError) -> dict[str, object]:
    """The error's values, a step of the calibration by its name in the language."""
    words, step = catalogue(language), f"staff.step.{error.values.get('step')}"
    return {**error.values, "step": words[step]} if step in words else {**error.values}

"""Case codes that people read out over a counter or a telephone: ``K7QF-2M``.

No 0, O, 1, I, L, U or Z: what is easily taken for something else is left out, and the 29 characters that
remain are a prime number. So the weighted sum modulo 29 in the last character notices every single wrong
character and every two that changed places (the scheme of ISBN-10, with another modulus).
"""

import re
import secrets
from typing import Final

from appliance.errors import CodeMisread

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXY"
LENGTH: Final = 6
"""Five random characters, 20 million codes, and the check character."""


def new_code() -> str:
    """A random code; the store sees to it that no two cases share one."""
    characters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    return _grouped(characters + _check_character(characters))


def parse(text: str) -> str:
    """The code as it is stored, from what somebody typed: small letters, no dash, spaces.

    Raises :class:`appliance.errors.CodeMisread` where a character must be wrong, missing or in the wrong place.
    """
    characters = re.sub(r"[\s-]", "", text).upper()
    if len(characters) != LENGTH or not set(characters) <= set(ALPHABET):
        raise CodeMisread(f"{text!r} is not a code")
    if _check_character(characters[:-1]) != characters[-1]:
        raise CodeMisread(f"{text!r} has a wrong character")
    return _grouped(characters)


def _check_character(characters: str) -> str:
    values = (ALPHABET.index(character) for character in characters)
    return ALPHABET[sum(weight * value for weight, value in enumerate(values, start=1)) % len(ALPHABET)]


def _grouped(characters: str) -> str:
    return f"{characters[:4]}-{characters[4:]}"

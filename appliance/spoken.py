"""How a command speaks to a person: the language option, and errors in words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from appliance.messages import LANGUAGES, Language, remedy, sentence
from firmware.errors import DermkioskError

LANGUAGE = click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="of what is printed"
)


@contextmanager
def said_plainly(language: Language) -> Iterator[None]:
    """An error of the tree as a sentence and a remedy, exit status 1; any other is a fault of ours, with traceback."""
    try:
        yield
    except DermkioskError as error:
        logging.getLogger(__name__).debug("detail", exc_info=error)
        raise click.ClickException(
            f"{sentence(language, error)}\n{remedy(language, error)}\n[{error.key}] {error.detail}"
        ) from error

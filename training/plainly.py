"""What went wrong in a command, as a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from appliance.errors import DermkioskError


@contextmanager
def said_plainly() -> Iterator[None]:
    """Wrong folders and files as one sentence and exit status 1, not as a traceback."""
    try:
        yield
    except DermkioskError as wrong:
        raise click.ClickException(f"{wrong.key.replace('_', ' ')}: {wrong}") from wrong
    except (OSError, ValueError) as wrong:
        raise click.ClickException(str(wrong)) from wrong

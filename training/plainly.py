"""What went wrong in a command, as a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from appliance.errors import DermkioskError


@contextmanager
def said_plainly() -> Iterator[None]:
    """What is wrong and what to do about it, and exit status 1; no traceback."""
    try:
        yield
    except DermkioskError as wrong:
        raise click.ClickException(explained(wrong)) from wrong
    except (OSError, ValueError) as wrong:
        raise click.ClickException(str(wrong)) from wrong


def explained(wrong: DermkioskError) -> str:
    """Sentence, remedy, and in brackets the key with the detail that a technician wants."""
    from appliance.messages import remedy, sentence  # reading the catalogue takes time that only an error is worth

    detail = f": {wrong.detail}" if wrong.detail else ""
    return f"{sentence('en', wrong)}\n  → {remedy('en', wrong)}\n  [{wrong.key}{detail}]"

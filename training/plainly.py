"""What went wrong in a command, as a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from appliance.errors import DermkioskError
from training.errors import StepRefused


@contextmanager
def said_plainly() -> Iterator[None]:
    """What is wrong and what to do about it, and exit status 1; a fault of ours keeps its traceback."""
    try:
        yield
    except DermkioskError as wrong:
        raise click.ClickException(explained(wrong)) from wrong
    except (OSError, StepRefused) as wrong:
        raise click.ClickException(str(wrong)) from wrong


def explained(wrong: DermkioskError) -> str:
    """Sentence, remedy, and the key in brackets with the detail that a technician wants: as ``dermkiosk`` says it."""
    from appliance.messages import remedy, sentence  # reading the catalogue takes time that only an error is worth

    return f"{sentence('en', wrong)}\n{remedy('en', wrong)}\n[{wrong.key}] {wrong.detail}".rstrip()

"""What a person did wrong is a sentence; what the program did wrong keeps its traceback."""

import click
import pytest

from training.errors import RunInUse, StepRefused
from training.plainly import said_plainly


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (StepRefused("manifest.csv lacks the columns ['group']"), "manifest.csv lacks the columns ['group']"),
        (FileNotFoundError(2, "No such file", "manifest.csv"), "manifest.csv"),
        (RunInUse("runs/a", folder="runs/a", command="all"), "[training_run_in_use] runs/a"),
    ],
)
def test_what_was_given_wrong_is_said_without_a_traceback(wrong: Exception, said: str) -> None:
    with pytest.raises(click.ClickException) as shown, said_plainly():
        raise wrong
    assert said in shown.value.message


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="shapes"), said_plainly():
        raise ValueError("operands could not be broadcast together with shapes (3,) (4,)")

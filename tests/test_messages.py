import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

import appliance.errors
import appliance.request_errors
import training.errors  # noqa: F401  # its classes belong to the tree
from appliance.messages import FOLDER, LANGUAGES, Language, catalogue, sentence, text
from firmware.calibration import STEPS
from firmware.errors import CalibrationUnconverged, DermkioskError

SOURCE = [
    path for name in ("appliance", "firmware") for path in (Path(appliance.__file__).parents[1] / name).rglob("*")
]
KEY = re.compile(r"[\"'](?P<key>(?:(?:advice|rule|outcome)\.[a-z_]+|health\.[a-z_]+\.(?:ok|fault)))[\"']")


def _errors(root: type[DermkioskError] = DermkioskError) -> set[type[DermkioskError]]:
    return {root}.union(*(_errors(each) for each in root.__subclasses__()))


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_language_has_every_text() -> None:
    first, *others = (set(catalogue(language)) for language in LANGUAGES)
    assert all(other == first for other in others)
    assert all(text for language in LANGUAGES for text in catalogue(language).values())


def test_no_key_is_given_twice() -> None:
    for language in LANGUAGES:
        lines = (FOLDER / f"{language}.po").read_text().splitlines()
        keys = [line for line in lines if line.startswith("msgid ") and line != 'msgid ""']
        assert len(keys) == len(set(keys))


def test_placeholders_are_the_same_in_every_language() -> None:
    first, *others = (catalogue(language) for language in LANGUAGES)
    for key, said in first.items():
        assert all(_placeholders(other[key]) == _placeholders(said) for other in others), key


@pytest.mark.parametrize("error", sorted(_errors(), key=lambda each: each.key), ids=lambda each: each.key)
def test_every_error_has_a_sentence_and_a_remedy(error: type[DermkioskError]) -> None:
    assert f"error.{error.key}" in catalogue("en")
    assert f"error.{error.key}.remedy" in catalogue("en")
    if issubclass(error, appliance.errors.PhotoRefused):  # a result document names its remedy, and holds no values
        assert not _placeholders(catalogue("en")[f"error.{error.key}.remedy"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_the_calibration_is_called_by_its_name(step: str, language: Language) -> None:
    said = sentence(language, CalibrationUnconverged(step=step))
    assert text(language, f"staff.step.{step}") in said
    assert language == "en" or step not in said


def test_every_error_has_its_own_key() -> None:
    keys = [error.key for error in _errors()]
    assert len(keys) == len(set(keys))


def test_every_key_in_the_code_has_a_text() -> None:
    used = {
        match["key"] for path in SOURCE if path.suffix in {".py", ".html"} for match in KEY.finditer(path.read_text())
    }
    assert used <= set(catalogue("en"))


def test_the_catalogues_are_well_formed() -> None:
    for language in LANGUAGES:
        with (FOLDER / f"{language}.po").open("rb") as file:
            assert not [message.id for message in read_po(file, abort_invalid=True) if message.fuzzy and message.id]

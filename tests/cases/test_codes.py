import re
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.cases.codes import ALPHABET, new_code, parse
from appliance.errors import CaseUnknown, CodeMisread

made = st.builds(new_code)
places = st.integers(0, 5)


def characters(code: str) -> list[str]:
    return list(code.replace("-", ""))


def test_a_code_is_six_characters_that_cannot_be_taken_for_others() -> None:
    for _ in range(500):
        assert re.fullmatch(r"[^\W_a-z01OILUZ]{4}-[^\W_a-z01OILUZ]{2}", new_code())


def test_codes_are_random() -> None:
    codes = [new_code() for _ in range(500)]
    assert len(set(codes)) > 490
    assert codes != sorted(codes)


@given(made)
def test_a_code_is_found_however_it_is_typed(code: str) -> None:
    assert parse(code) == code
    assert parse(code.lower()) == code
    assert parse(code.replace("-", "")) == code
    assert parse(f" {code.replace('-', ' ').lower()} ") == code


@given(made, places, st.sampled_from(ALPHABET))
def test_one_misread_character_is_noticed(code: str, place: int, other: str) -> None:
    read = characters(code)
    assume(read[place] != other)
    read[place] = other
    with pytest.raises(CodeMisread):
        parse("".join(read))


@given(made, places, places)
def test_two_characters_that_changed_places_are_noticed(code: str, one: int, two: int) -> None:
    read = characters(code)
    assume(read[one] != read[two])
    read[one], read[two] = read[two], read[one]
    with pytest.raises(CodeMisread):
        parse("".join(read))


@given(st.text())
def test_anything_else_that_is_typed_is_a_code_or_a_misread(text: str) -> None:
    with suppress(CodeMisread):
        assert parse(text) == parse(parse(text))


@pytest.mark.parametrize("text", ["", "-", "K7QF", "K7QF-2MM", "O0I1-LU", "K7QF_2M", "' OR 1=1"])
def test_what_is_no_code_is_an_unknown_case(text: str) -> None:
    with pytest.raises(CaseUnknown):
        parse(text)

"""Malformed photographs: ``python tests/security/malformed.py`` looks at ten thousand, this at some of them."""

import sys
from pathlib import Path

import pytest

from appliance.vision.sandbox import Decoder

FILES = 300


@pytest.fixture(autouse=True)
def _its_own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def test_each_is_read_or_refused_with_a_key() -> None:
    from malformed import corpus, look

    with Decoder() as decoder:
        outcome = look(decoder, corpus(FILES), say=sys.stderr.write)
    assert outcome.faults == []
    assert outcome.read + sum(outcome.refused.values()) == FILES
    assert len(outcome.refused) > 2  # they are malformed in many ways
    assert outcome.read < FILES / 2

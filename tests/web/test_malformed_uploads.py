"""Malformed photographs from a phone; tests/security/malformed.py makes them."""

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from appliance.cases.store import Store

UPLOADS = 60


@pytest.fixture(autouse=True)
def _their_maker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "security"))


def test_each_is_kept_whole_or_answered_with_a_sentence(phone: FlaskClient, store: Store) -> None:
    from malformed import corpus

    refused = 0
    for declared, data in corpus(UPLOADS, seed=2):
        form = {"site": "hand", "consent": "yes", "photo": (io.BytesIO(data), "photo", declared)}
        answer = phone.post("/api/v1/photos", data=form, content_type="multipart/form-data")
        if answer.status_code == 202:
            case = store.case(answer.get_json()["case"])
            assert store.photo(case).shape[2] == 3
            store.delete(case.code)
            continue
        refused += 1
        assert answer.status_code in (413, 415, 422), answer.get_data()
        assert answer.get_json()["key"].startswith("photo_")
        assert answer.get_json()["title"]
        assert answer.get_json()["remedy"]
    assert store.cases() == []
    assert refused > UPLOADS / 2

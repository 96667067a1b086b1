import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cases import sealed
from appliance.cases.sealed import CHUNK_BYTES, RecoveryKey, seal, unsealed
from appliance.errors import BackupDamaged, RecoveryKeyInvalid

KEY = RecoveryKey("abcdefghjkmnpqrstuvwxyz23456")
OTHER = RecoveryKey("abcdefghjkmnpqrstuvwxyz23457")


def sealed_bytes(data: bytes, name: str = "one") -> bytes:
    target = io.BytesIO()
    seal(KEY, name, io.BytesIO(data), target)
    return target.getvalue()


def opened(data: bytes, name: str = "one", key: RecoveryKey = KEY) -> bytes:
    return b"".join(unsealed(key, name, io.BytesIO(data)))


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_was_sealed_comes_back(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert opened(sealed_bytes(data)) == data


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    data = b"a patient's case" * 100
    assert b"patient" not in sealed_bytes(data)
    assert sealed_bytes(data) != sealed_bytes(data)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_byte_is_found_out(at: int, change: int) -> None:
    content = bytearray(sealed_bytes(b"x" * 500))
    content[at % len(content)] ^= change
    with pytest.raises(BackupDamaged):
        opened(bytes(content))


@given(st.integers(0, 2 * CHUNK_BYTES + 67))
def test_a_missing_end_is_found_out(length: int) -> None:
    whole = sealed_bytes(b"x" * 2 * CHUNK_BYTES)
    with pytest.raises(BackupDamaged):
        opened(whole[: min(length, len(whole) - 1)])


def test_chunks_cannot_change_places_and_no_file_stands_for_another() -> None:
    data = random.Random(1).randbytes(2 * CHUNK_BYTES)
    whole = sealed_bytes(data)
    head, step = len(sealed.MAGIC) + sealed.SALT_BYTES, CHUNK_BYTES + sealed.TAG_BYTES
    swapped = whole[:head] + whole[head + step :] + whole[head : head + step]
    for wrong in (lambda: opened(swapped), lambda: opened(whole, "two"), lambda: opened(whole, key=OTHER)):
        with pytest.raises(BackupDamaged):
            wrong()


def test_a_key_is_read_as_people_write_it() -> None:
    assert str(RecoveryKey(" ABCD-EFGH jkmn-pqrs-tuvw-xyz2-3456\n")) == str(KEY) == "abcd-efgh-jkmn-pqrs-tuvw-xyz2-3456"
    assert KEY.mark() != OTHER.mark()


@pytest.mark.parametrize("text", ["", "abcd-efgh-jkmn-pqrs-tuvw-xyz2-345", "abcd-efgh-jkmn-pqrs-tuvw-xyz2-345l"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(RecoveryKeyInvalid):
        RecoveryKey(text)

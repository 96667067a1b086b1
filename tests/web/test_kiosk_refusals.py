"""A photograph that is refused, and refused again: what the kiosk then offers."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from appliance.messages import text
from appliance.web.services import Services
from tests.web.conftest import TO_THE_CLOSE_UP, walk

Answer = Callable[..., None]


@pytest.fixture
def do(by_page: Callable[..., int]) -> Callable[..., int]:
    return by_page


@pytest.fixture
def refuse(do: Any, until: Any, answer: Answer, phase: Any) -> Callable[[], None]:
    """Take a photograph that the gate refuses."""

    def take() -> None:
        do("capture")
        assert until() == "waiting"
        answer("cannot_assess", failed=("advice.hair",))
        assert phase() == "result"

    return take


def test_after_two_refusals_of_a_visit_one_may_go_on_with_a_reservation(
    do: Any, page: Any, phase: Any, refuse: Any, answer: Answer, live: None, services: Services
) -> None:
    refuse()
    assert text("zh", "todo.hair") in page()
    assert "/kiosk/go-on" not in page()
    do("go-on")
    do("refer")
    assert phase() == "result"
    do("again")
    refuse()
    assert "/kiosk/go-on" in page()
    assert "/kiosk/refer" in page()
    do("go-on")
    assert phase() == "waiting"
    (case,) = (each for each in services.store.cases() if each.reservation)
    assert case.refused_before == 1
    answer()
    assert phase() == "result"
    assert "data-reserved" in page()


def test_after_two_refusals_of_a_visit_one_may_refer(do: Any, page: Any, phase: Any, refuse: Any, live: None) -> None:
    refuse()
    do("again")
    refuse()
    do("refer")
    assert phase() == "refer"
    assert 'data-referral="hair"' in page()
    do("hand-over")
    assert re.search(r'data-link="[^"]+/refer"', page())


def test_a_room_that_stays_too_bright_ends_in_a_referral_without_a_photograph(
    do: Any, page: Any, phase: Any, until: Any, hardware: Any, live: None
) -> None:
    hardware.camera.physics.ambient_level = 0.5
    for _ in range(2):
        do("again")
        do("capture")
        assert until() == "failed"
    do("refer")
    assert phase() == "refer"
    assert 'data-referral="room_too_bright"' in page()


def test_a_new_patient_has_no_refusals(do: Any, page: Any, refuse: Any, live: None) -> None:
    refuse()
    do("again")
    refuse()
    do("end")
    walk(do, *TO_THE_CLOSE_UP)
    refuse()
    assert "/kiosk/go-on" not in page()

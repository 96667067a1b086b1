"""The scale of a capture reaches the check that can use it."""

from collections.abc import Callable

import pytest

from appliance.cases.store import Intake, Store
from appliance.serve import Answerer
from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels

CAPTURE: dict[str, object] = {
    "camera": "synthetic",
    "exposure_us": None,
    "analogue_gain": None,
    "colour_gains": None,
    "ambient_share": None,
}


@pytest.fixture
def too_small(
    store: Store, intake: Callable[..., Intake], assessor: Assessor, skin: Pixels
) -> Callable[[float | None], dict[str, float]]:
    """The check's part of the document of a kiosk photograph with a scale in mm per pixel."""

    def judged(mm_per_pixel: float | None) -> dict[str, float]:
        capture = {**CAPTURE, "mm_per_pixel": mm_per_pixel}
        case = store.accept(intake(pixels=skin, source="kiosk", capture=capture))
        made, _ = Answerer(assessor).answer(case, store.photo(case))
        return next(check for check in made["quality"]["checks"] if check["id"] == "too_small")

    return judged


def test_a_known_scale_is_judged_in_millimetres(too_small: Callable[[float | None], dict[str, float]]) -> None:
    near, far = too_small(0.05), too_small(0.0005)
    assert near["ok"]
    assert not far["ok"]
    assert near["value"] == pytest.approx(100 * far["value"], rel=1e-3)
    assert near["limit"] == far["limit"] > 1


def test_without_a_scale_the_evidence_decides(too_small: Callable[[float | None], dict[str, float]]) -> None:
    assert too_small(None)["limit"] == 0.5

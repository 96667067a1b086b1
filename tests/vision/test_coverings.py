"""A covering of the synthetic camera's skin that somebody sees at a glance is refused by the checks that ship."""

from dataclasses import replace

import pytest

from appliance.vision.assessor import Assessor
from firmware.coverings import Coverings
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw

SIZE = (768, 576)
PLAIN = {"ink": ("residue", 0.08), "cream": ("residue", 0.15), "wet": ("exudate", 0.15), "hair": ("hair", 0.8)}
"""The check that is meant, and the least share at which all eight of ``benchmarks/bench_coverings.py`` are refused."""
SKINS = (
    Skin(55, "scaly_plaque", 301),
    Skin(15, "pearly_nodule", 302),
    Skin(-20, "none", 303),
    Skin(-50, "pigmented_plaque", 304),
)
"""None that the checks learned from."""


def refused(assessor: Assessor, skin: Skin) -> set[str]:
    """The checks that object to what a station takes of ``skin``."""
    light = SimulatedLight()
    with SyntheticCamera(light, draw(skin, SIZE), skin.seed, SIZE) as camera:
        station = Station(camera, light, SimulatedIndicator(), SimulatedButton(), 60, clock=lambda: 0.0)
        quality = assessor.assess(station.capture().frame.pixels, use_gate=False).quality
    return {check.id for check in quality.checks if not check.ok}


@pytest.fixture(scope="module", autouse=True)
def learned(assessor: Assessor) -> None:
    """A gate that was fitted before there were captures with coverings is not judged by them."""
    if assessor.limits is None or "captures of the synthetic camera" not in assessor.limits.fitted_on:
        pytest.skip("the gate that ships was fitted before it learned from coverings of the synthetic camera")


@pytest.mark.parametrize("skin", SKINS, ids=str)
def test_bare_skin_is_accepted(assessor: Assessor, skin: Skin) -> None:
    assert refused(assessor, skin) == set()


@pytest.mark.parametrize("covering", PLAIN)
@pytest.mark.parametrize("skin", SKINS, ids=str)
def test_what_is_plain_is_refused_by_the_check_that_is_meant(assessor: Assessor, skin: Skin, covering: str) -> None:
    check, share = PLAIN[covering]
    assert check in refused(assessor, replace(skin, coverings=Coverings(**{covering: share})))

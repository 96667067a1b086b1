"""What is looked for at each place of the network's maps."""

import numpy as np
import pytest

from appliance.vision.part import encoded
from appliance.vision.quality.limits import GateLimits
from appliance.vision.quality.places import Places, covers, summed_up


def test_what_covers_few_places_is_seen_in_the_strongest_and_not_in_the_mean() -> None:
    cover = np.zeros((17, 17), np.float32)
    cover[8, 3:7] = 1
    seen = summed_up(cover)
    assert seen["strongest"] == 1
    assert seen["strong"] == pytest.approx(4 / 15)
    assert seen["mean"] == pytest.approx(4 / 289)


def test_the_middle_counts_more_than_the_rim() -> None:
    middle, rim = np.zeros((2, 17, 17), np.float32)
    middle[8, 8] = rim[0, 8] = 1
    assert summed_up(middle)["middle"] > 0
    assert summed_up(rim)["middle"] == 0


def test_each_place_is_judged_by_its_own_channels() -> None:
    places = Places(bias=-0.5, network={"fine": encoded(np.array([1.0, 0.0])), "coarse": encoded(np.array([-2.0]))})
    fine, coarse = np.zeros((3, 3, 2), np.float32), np.zeros((3, 3, 1), np.float32)
    fine[1, 1, 0], coarse[0, 0] = np.e - 1, np.e - 1
    seen = places.measured({"fine": fine, "coarse": coarse})
    assert seen["strongest"] == pytest.approx((0.5 - 0.5 - 0.5) / 3)
    assert seen["mean"] == pytest.approx((0.5 - 2.5 - 7 * 0.5) / 9)


def test_what_is_looked_for_together_is_found_everywhere_as_alone() -> None:
    random = np.random.default_rng(5)
    outputs = {name: random.uniform(-1, 3, (17, 17, 4)).astype(np.float32) for name in ("fine", "coarse")}
    ink = Places(bias=0.2, network={name: encoded(random.normal(size=4)) for name in outputs})
    cream = Places(bias=-1.0, network={"coarse": encoded(np.array([1.0, 0, 0, 0]))})
    found = covers({"ink": ink, "cream": cream}, outputs)
    assert found["cream"] == pytest.approx(np.log1p(np.maximum(outputs["coarse"][..., 0], 0)) - 1, abs=1e-5)
    assert found["ink"] == pytest.approx(covers({"": ink}, outputs)[""], abs=1e-5)


def test_other_channels_than_it_learned_from_are_an_error() -> None:
    places = Places(bias=0.0, network={"fine": encoded(np.zeros(2))})
    with pytest.raises(ValueError, match="mismatch"):
        places.measured({"fine": np.zeros((3, 3, 5), np.float32)})
    with pytest.raises(KeyError):
        places.measured({})


def test_limits_name_what_their_places_ask_and_their_heads_measure(limits: GateLimits) -> None:
    card = limits.model_dump()
    assert GateLimits.model_validate(card) == limits
    with pytest.raises(ValueError, match="places use the outputs"):
        GateLimits.model_validate(
            {**card, "places": {"ink": {"bias": 0.0, "network": {"mixed99": encoded(np.zeros(2))}}}}
        )
    with pytest.raises(ValueError, match=r"ink\.strongest"):
        GateLimits.model_validate({**card, "places": {}})

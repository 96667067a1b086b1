"""What the tests of the vision share."""

import pytest

from appliance.vision.assessor import Assessor
from appliance.vision.quality.limits import GateLimits


@pytest.fixture
def limits(assessor: Assessor) -> GateLimits:
    """Those that ship."""
    assert assessor.limits is not None
    return assessor.limits

"""What the checks judge: a view's pictures, and what the network says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from appliance.vision.colour import Floats
from appliance.vision.quality import measures
from appliance.vision.quality.pictures import Pictures


@dataclass(frozen=True)
class Scene(Pictures):
    """A view, with the network's features and measures of it where they were asked for."""

    features: Mapping[str, Floats] = field(default_factory=dict)
    """The network's own features of this view by the name of their output, pooled:
    see :func:`appliance.vision.quality.measures.pooled`."""
    side_mm: float | None = None
    """What the view's side measures on the skin, where the scale is known."""
    places: Mapping[str, float] = field(default_factory=dict)
    """Measures at the places of the network's maps, by their names:
    see :meth:`appliance.vision.quality.limits.GateLimits.measured_at_places`."""

    @cached_property
    def measures(self) -> dict[str, float]:
        """The measures of the four exclusion cases: the classical ones, and those at places."""
        return {**measures.classical(self), **self.places}

"""Light, button and indicator without a pin: real peers that remember what was done with them.

They run only when the settings name them; every page and every result then says SIMULATED.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from firmware.calls import in_background
from firmware.devices import ClosedOnExit, IndicatorState

HISTORY_LENGTH: Final = 100


class _Simulated(ClosedOnExit):
    name = "simulated"
    simulated = True

    def close(self) -> None:
        """Nothing to release."""


class SimulatedLight(_Simulated):
    """A ring light that the synthetic camera can see."""

    def __init__(self) -> None:
        self._history: deque[bool] = deque([False], HISTORY_LENGTH)

    @property
    def lit(self) -> bool:
        """True while it shines."""
        return self._history[-1]

    @property
    def history(self) -> tuple[bool, ...]:
        """Lit or not, oldest first, beginning with dark."""
        return tuple(self._history)

    def on(self) -> None:
        """Shine."""
        self._history.append(True)

    def off(self) -> None:
        """Stop shining."""
        self._history.append(False)

    def close(self) -> None:
        """Stop shining."""
        self.off()


class SimulatedButton(_Simulated):
    """A button that a page or a test presses."""

    def __init__(self) -> None:
        self._action: Callable[[], None] | None = None
        self._hold: Callable[[], None] | None = None

    def on_press(self, action: Callable[[], None]) -> None:
        """Call ``action`` on another thread for each press."""
        self._action = action

    def on_hold(self, action: Callable[[], None]) -> None:
        """Call ``action`` on another thread for each press that lasts."""
        self._hold = action

    def press(self) -> None:
        """Press it once. Does nothing where nobody listens, as with a real one."""
        if self._action is not None:
            in_background(self._action)

    def hold(self) -> None:
        """Press it and keep it down until it counts as long; on one thread, so that the press comes first."""
        in_background(self._press_and_hold)

    def _press_and_hold(self) -> None:
        for action in (self._action, self._hold):
            if action is not None:
                action()

    def close(self) -> None:
        """Presses do nothing any more."""
        self._action = self._hold = None


class SimulatedIndicator(_Simulated):
    """An indicator light that remembers what it showed."""

    def __init__(self) -> None:
        self._history: deque[IndicatorState] = deque(["busy"], HISTORY_LENGTH)

    @property
    def state(self) -> IndicatorState:
        """What it shows now; ``busy`` from the start, as the box is starting."""
        return self._history[-1]

    @property
    def history(self) -> tuple[IndicatorState, ...]:
        """What it showed, oldest first."""
        return tuple(self._history)

    def show(self, state: IndicatorState) -> None:
        """Show ``state``."""
        self._history.append(state)

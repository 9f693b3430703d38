"""Who makes way for others, and when: not at once.

::

    a plan would give a viewer less although his line bears more (`OTHERS`)
        --for 4 s--> he goes down        --gone before--> nobody saw it

Lines that fall or rise together are never measured at the same instant, and for a second one looks
much poorer than the next.  Until it is known better, all who watch a layer share what the poorest
bears; where he holds them back by far, for a moment only.
"""

from collections.abc import Mapping

from sfu.media.allocation.rung import Why
from sfu.media.allocation.world import Choice, Stay
from sfu.model import SinkId

PATIENCE_S = 4.0
MOMENT_S = 0.6
"""Falls of lines that fall together are seen within so much of each other."""
STAYS, STAYS_AT_FIRST = 0.5, 2.0
"""What it is worth that he keeps his layer, in the measure of `split`: 0.5 is lost when others come
down from 640 to 330 kbit/s for him, 2.0 when they come down to nearly nothing."""


class Courtesy:
    """All viewers over time."""

    def __init__(self) -> None:
        """Nobody sees anything yet."""
        self._levels: dict[SinkId, int] = {}
        self._since: dict[SinkId, float] = {}

    def update(self, choices: Mapping[SinkId, Choice], now: float) -> frozenset[Stay]:
        """Return who stays where for the moment, of those whom a plan would move."""
        asked = {
            sink: self._levels[sink]
            for sink, choice in choices.items()
            if choice.why is Why.OTHERS and choice.level < self._levels.get(sink, choice.level)
        }
        self._since = {sink: self._since.get(sink, now) for sink in asked}
        return frozenset(
            Stay(sink, level, STAYS_AT_FIRST if waited < MOMENT_S else STAYS)
            for sink, level in asked.items()
            if level > 0 and (waited := now - self._since[sink]) < PATIENCE_S
        )

    def given(self, choices: Mapping[SinkId, Choice]) -> None:
        """Take in what they have been given after all."""
        self._levels = {sink: choice.level for sink, choice in choices.items()}

    def forget(self, sink: SinkId) -> None:
        """Another is seen there now."""
        self._levels.pop(sink, None)

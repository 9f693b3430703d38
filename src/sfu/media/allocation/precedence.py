"""Whether a line is too thin for a viewer, was taken by others, or is too thin for his floor.

Groups are served one after the other: class by class, higher priority first.
"""

from collections.abc import Iterable, Mapping, Sequence

from sfu.media.allocation.cost import Cost
from sfu.media.allocation.event import Demand
from sfu.media.allocation.fill import Room
from sfu.media.allocation.rung import Why
from sfu.media.allocation.world import DOWN
from sfu.media.engine.pacer import PictureClass
from sfu.model import LineId


class Precedence:
    """What each line had when a class began to be served, and when a group of it did."""

    def __init__(self, rooms: Mapping[tuple[LineId, bool], Room]) -> None:
        """Nobody is served yet."""
        self._rooms = rooms
        self._class: PictureClass | None = None
        self._before: dict[LineId, float] = {}
        """Free on each line when this class began."""
        self._left: dict[LineId, float] = {}
        """When this group began."""
        self._served: set[LineId] = set()
        """Lines on which somebody of this class, and of a higher priority, has a picture."""
        self._now: set[LineId] = set()

    def begin(self, group: Sequence[Demand]) -> None:
        """Take in that this group is served next."""
        self._left = {line: room.free_bps for (line, up), room in self._rooms.items() if up is DOWN}
        self._served |= self._now
        self._now = set()
        if group[0].picture_class is not self._class:
            self._class, self._before, self._served = group[0].picture_class, self._left, set()

    def served(self, given: Iterable[Demand]) -> None:
        """Take in who of the group has a picture."""
        self._now = {each.line for each in given if each.line is not None}

    def why(self, demand: Demand, price: Cost | None, least: float, needs: float) -> Why:
        """Say why a viewer's share is less than he needs: `least` is what anybody would.

        Rates in payload, of the layer he would have with more.
        """
        if price is None or demand.line is None:
            return Why.LINE_DOWN
        before = self._before.get(demand.line, 0.0)
        if demand.line in self._served and price.bps(needs) <= before:
            return Why.PRIORITY
        left = self._left.get(demand.line, 0.0)
        return Why.FLOOR if least < needs and price.bps(least) <= left else Why.LINE_DOWN

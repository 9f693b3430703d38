"""Who gets how much of which picture, on all lines at once (docs/allocation.md)."""

from collections import deque
from collections.abc import Iterator
from typing import assert_never

from sfu.media.allocation.admission import Adds, Admission, admit
from sfu.media.allocation.event import (
    AllocationEvent,
    Demand,
    DemandGone,
    Hearing,
    HearingGone,
    LineGone,
    LineState,
    Picture,
    PictureGone,
)
from sfu.media.allocation.output import AllocationOrder
from sfu.model import LineId, MemberId, SinkId

TICK_S = 0.1
"""How often the shell ticks at least."""


class Allocator:
    """Shares lines out; owns no socket, reads no clock."""

    def __init__(self) -> None:
        """Start with nobody there."""
        self.deadline: float | None = None
        self._pictures: dict[MemberId, Picture] = {}
        self._demands: dict[SinkId, Demand] = {}
        self._lines: dict[LineId, LineState] = {}
        self._hearing: dict[MemberId, Hearing] = {}
        self._outputs: deque[AllocationOrder] = deque()

    def handle(self, event: AllocationEvent, now: float) -> None:
        """Take in what is; what follows from it comes with the next `tick`."""
        match event:
            case Picture():
                self._pictures[event.member] = event
            case PictureGone():
                self._pictures.pop(event.member, None)
            case Demand():
                self._demands[event.sink] = event
            case DemandGone():
                self._demands.pop(event.sink, None)
            case LineState():
                self._lines[event.line] = event
            case LineGone():
                self._lines.pop(event.line, None)
            case Hearing():
                self._hearing[event.viewer] = event
            case HearingGone():
                self._hearing.pop(event.viewer, None)
            case _:
                assert_never(event)

    def tick(self, now: float) -> None:
        """Share out anew; orders wait in `poll`."""

    def poll(self) -> Iterator[AllocationOrder]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    def what_if(self, line: LineId, adds: Adds) -> Admission:
        """Weigh a call against what its line carries now; changes nothing."""
        hearing = [one.voice for one in self._hearing.values() if one.line == line]
        return admit(self._lines.get(line), adds, hearing)

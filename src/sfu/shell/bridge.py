"""Point to point: who calls a unit's number is in a meeting of two with it, whatever they speak.

::

    CallOffered, no room --> a unit's number, and the caller is known? --no--> 404 as before
         |<-- Ring           `--> that unit is called, into a meeting of this call
         |<-- Accept ------------ it answered        it did not: 486, 480, 603
    either ends: so does the other

A page that asks for a unit's number as for a room is in one of that number, and the unit is called
into it; it is let go when the last page has left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import structlog

from sfu.errors import UseError
from sfu.model import CallId, RoomId
from sfu.room.directory import Found, read_target
from sfu.shell.tasks import spawn
from sfu.signalling.call import CallOffered, End, Ring

if TYPE_CHECKING:
    from sfu.shell.calls import Calls
    from sfu.shell.visit import Dialled

log = structlog.get_logger()

ANSWERS = {
    End.BUSY: (486, "Busy Here"),
    End.NO_ANSWER: (480, "Temporarily Unavailable"),
    End.UNREACHABLE: (480, "Temporarily Unavailable"),
}
"""What a caller is told by how the call to the unit ended; else 603."""


@dataclass(frozen=True, slots=True)
class Line:
    """How a unit's number is called."""

    uri: str
    name: str
    host: str
    account: str | None = None


@dataclass(slots=True)
class _Pair:
    """A caller, and whom it called."""

    caller: CallId
    callee: CallId


class Bridge:
    """All calls from unit to unit."""

    def __init__(
        self, calls: "Calls", line_of: Callable[[str, str, str | None], Line | None]
    ) -> None:
        """`line_of` says how a number is called by a host and account; None: not at all."""
        self._calls = calls
        self._line_of = line_of
        self._pairs: dict[CallId, _Pair] = {}
        """By either call."""
        self._numbers = count(1)
        self._called: dict[RoomId, CallId] = {}
        """Units called by pages, by their number."""

    def offered(self, event: CallOffered) -> bool:
        """Take a call to no room, if its number is a unit's; False where it is not."""
        number = read_target(event.target).number
        line = self._line_of(number, event.source.host, event.account) if number else None
        if line is None:
            return False
        pair = _Pair(event.call, self._calls.dialling.new_call())
        self._pairs[pair.caller] = self._pairs[pair.callee] = pair
        self._calls.order(Ring(event.call))
        room = RoomId(f"{number}~{next(self._numbers)}")
        log.info("bridging", caller=event.caller, called=number, room=room)
        spawn("bridge", self._connect(event, line, pair, room))
        return True

    def asked(self, number: str, name: str, host: str) -> Found | None:
        """Call a unit for a page, named so, at this host; None where it has no such number."""
        line = self._line_of(number, host, None) if number else None
        if line is None:
            return None
        room = RoomId(number)
        if room not in self._called:
            call = self._called[room] = self._calls.dialling.new_call()
            log.info("bridging", caller=name, called=number, room=room)
            spawn("bridge", self._call(line, room, call, name))
        return Found(room, line.name, "")

    async def _call(self, line: Line, room: RoomId, call: CallId, name: str) -> None:
        try:
            outcome = await self._calls.dialling.dial(
                line.uri, line.name, room, host=line.host, account=line.account,
                call=call, shown=(name, room),
            )  # fmt: skip
            answered, why = outcome.answered, _why(line, outcome)
        except UseError as error:
            answered, why = False, str(error)
        if not answered:
            self._called.pop(room, None)
            log.info("unit_not_reached", called=room, reason=why)

    def tick(self) -> None:
        """Let go units that no page waits for any more."""
        meetings = self._calls.house.meetings
        for room, call in list(self._called.items()):
            visit, meeting = self._calls.visit_of(call), meetings.get(room)
            inside = visit is not None and visit.inside
            if meeting is None or len(meeting.legs) <= inside:
                del self._called[room]
                self._calls.hang_up(call)

    def ended(self, call: CallId) -> None:
        """End the other call of a pair, or what was begun for a caller that gave up."""
        for room in [one for one, unit in self._called.items() if unit == call]:
            del self._called[room]
        pair = self._pairs.pop(call, None)
        if pair is None:
            return
        other = pair.callee if call == pair.caller else pair.caller
        if call == pair.caller or self._calls.visit_of(other) is not None:
            self._pairs.pop(other, None)
            self._calls.hang_up(other)

    async def _connect(self, event: CallOffered, line: Line, pair: _Pair, room: RoomId) -> None:
        caller = event.caller.partition("@")[0]
        try:
            outcome = await self._calls.dialling.dial(
                line.uri, line.name, room, host=line.host, account=line.account,
                call=pair.callee, shown=(event.display_name or caller, caller),
            )  # fmt: skip
        except UseError as error:
            self._sorry(event, pair, 480, "Temporarily Unavailable", str(error))
            return
        if pair.caller not in self._pairs:
            self._calls.hang_up(pair.callee)  # the caller gave up as it was answered
        elif not outcome.answered:
            status, phrase = ANSWERS.get(End(outcome.cause), (603, "Decline"))
            self._sorry(event, pair, status, phrase, _why(line, outcome))
        else:
            self._calls.arrivals.welcome(event, Found(room, line.name, ""))
            if self._calls.visit_of(event.call) is None:
                self.ended(pair.caller)

    def _sorry(self, event: CallOffered, pair: _Pair, status: int, phrase: str, why: str) -> None:
        self._pairs.pop(pair.callee, None)
        if self._pairs.pop(pair.caller, None) is not None:
            self._calls.arrivals.refuse(event, status, phrase, why)


def _why(line: Line, outcome: "Dialled") -> str:
    return f"{line.name}: {outcome.cause} {outcome.text}".strip()

"""Calls of ours: somebody is called into a room, and whoever wished it is told how it went.

::

    dial --> Dial --> CallRinging, CallProgressed ... CallAnswered --> in the room --> Dialled
                                                      CallEnded --------------------> Dialled
"""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import structlog

from sfu.errors import PeerError, UseError
from sfu.model import CallId, Protocol, RoomId
from sfu.shell.codec_admission import abandon, admit, prefer
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.house import House
from sfu.shell.record import Direction
from sfu.shell.surroundings import Surroundings
from sfu.shell.visit import Dialled, Visit
from sfu.signalling.call import CallAnswered, Dial, End

if TYPE_CHECKING:
    from sfu.shell.calls import Calls

log = structlog.get_logger()

FIRST_DIALLED = 1 << 40
"""Ids of our own calls begin here, far from those of calls that come in."""


class Dialling:
    """Calls out."""

    def __init__(
        self,
        calls: "Calls",
        house: House,
        around: Surroundings,
        advertise: Callable[[str], str],
    ) -> None:
        """See `Calls`."""
        self._calls = calls
        self._house = house
        self._around = around
        self._advertise = advertise
        self.numbers = count(FIRST_DIALLED)

    def new_call(self) -> CallId:
        """Choose the id of a call of ours."""
        return CallId(next(self.numbers))

    async def dial(
        self,
        uri: str,
        name: str,
        room: RoomId,
        *,
        host: str,
        trunk: str = "",
        account: str | None = None,
        call: CallId | None = None,
        shown: tuple[str, str] | None = None,
    ) -> Dialled:
        """Call an address, or by a trunk a number, into a room; return once answered or over.

        `account` is what the called one registered as; `shown` name and number it sees, if not
        those of the room; `call` an id from `new_call`.
        """
        call = self.new_call() if call is None else call
        leg = CodecLeg(
            self._house.new_member(), call, name, self._around,
            host=self._advertise(host), peer_host=host, model="", now=self._house.clock(),
            address=uri, account=account,
            protocol=Protocol.H323 if uri.lower().startswith("h323:") else Protocol.SIP,
        )  # fmt: skip
        prefer(self._house, leg, room)
        try:
            admit(self._house, leg, sees=True, shows=True)
            offer = leg.offer(secure=uri.lower().startswith("sips:"))
        except UseError:
            abandon(self._house, leg)
            raise
        except PeerError as error:
            abandon(self._house, leg)
            raise UseError(f"{uri} cannot be called: {error.reason}") from None
        visit = Visit(leg, room, uri, host, Direction.OUT)
        visit.dialled = asyncio.get_running_loop().create_future()
        self._calls.visits[call] = visit
        known = self._house.settings.find_room(room)
        title = known.name if known and known.name else room
        name, user = shown or (title, room)
        self._around.order(Dial(call, uri, offer, name, user, trunk))
        return await visit.dialled

    def progressed(self, visit: Visit, answer: bytes) -> None:
        """Take an answer that came early; what it sends before it is taken is not played."""
        try:
            visit.leg.take_answer(answer)
        except PeerError as error:
            log.info("early_answer_refused", call=visit.leg.call, reason=error.reason)

    def taken(self, visit: Visit, event: CallAnswered) -> None:
        """Let in who answered."""
        try:
            visit.leg.answered(event.description, event.model)
        except PeerError as error:
            log.info("answer_refused", call=event.call, reason=error.reason)
            self._calls.part(visit, End.PROTOCOL_ERROR)
            return
        self._calls.entrance.enter(visit)
        if visit.inside:  # else its end tells
            self.settle(visit, Dialled(event.call, True, "answered", 200, ""))

    def settle(self, visit: Visit, outcome: Dialled) -> None:
        """Tell whoever wished for a call how it went, once."""
        if visit.dialled is not None and not visit.dialled.done():
            visit.dialled.set_result(outcome)

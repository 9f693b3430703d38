r"""Calls that go on elsewhere: a room asks for it (REFER), or an operator does.

::

    TransferWanted --a room of ours--------> the member moves there, past its PIN   \
                   --elsewhere, may dial out--> that address is called into the room  > TellTransfer
                   --elsewhere, a stranger--> 403: no relay                          /
    operator --a room of ours--> the member moves, no PIN asked
             --elsewhere-------> Transfer (REFER) --> TransferTold: hung up once it is there

What a codec asks of us is what a focus does (RFC 4579 section 5): who is named is called in.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from sfu.errors import PeerError, UseError
from sfu.model import CallId
from sfu.room.directory import Found, UnknownRoom, WrongPin
from sfu.shell.house import House
from sfu.shell.tasks import spawn
from sfu.signalling.call import CallOrder, End, TellTransfer, Transfer, TransferTold, TransferWanted
from sfu.signalling.sip.flow import same_host
from sfu.signalling.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from sfu.shell.calls import Calls
    from sfu.shell.visit import Visit

log = structlog.get_logger()


class By(StrEnum):
    """Whose wish it was, as metrics spell it."""

    ROOM = "room"
    OPERATOR = "operator"
    REPLACES = "replaces"


class Outcome(StrEnum):
    """How it went, as metrics spell it."""

    MOVED = "moved"
    """Into another room, or into another's place."""
    CALLED = "called"
    """The address that was named is in the room."""
    SENT = "sent"
    """The codec left for the address that was named."""
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Transferred:
    """How an operator's transfer went."""

    done: bool
    status: int
    """SIP status; 200 for a move within the server, 202 for a codec that tells no more."""
    text: str


class Transfers:
    """Decides about transfers; the calls carry them out."""

    def __init__(
        self,
        calls: "Calls",
        house: House,
        order: Callable[[CallOrder], None],
        advertise: Callable[[str], str],
    ) -> None:
        """Begin with none."""
        self.counts: Counter[tuple[By, Outcome]] = Counter()
        self._calls = calls
        self._house = house
        self._order = order
        self._advertise = advertise
        self._waiting: dict[CallId, asyncio.Future[Transferred]] = {}

    # ---- a room's wish

    def wanted(self, visit: "Visit", event: TransferWanted) -> None:
        """Take a codec's wish: another room of ours, or somebody to be called in."""
        try:
            uri = parse_uri(event.target)
        except PeerError as error:
            self._refuse(visit, event, 400, error.reason)
            return
        if not visit.inside:
            self._refuse(visit, event, 403, "it is in no room")
        elif not uri.is_sip or self._is_ours(uri, visit.host):
            self._to_room(visit, event, uri.name)
        elif not self._house.settings.may_dial_out(visit.host, visit.account):
            self._refuse(visit, event, 403, "it may not have us call out")
        elif self._house.is_full(visit.room):
            self._refuse(visit, event, 486, f"room {visit.room} is full")
        else:
            self._order(TellTransfer(event.call, 100))
            spawn(f"transfer of call {event.call}", self._call_in(visit, event, uri))

    def _is_ours(self, uri: Uri, peer: str) -> bool:
        """Tell whether an address names this server, as far as this peer can know it."""
        settings = self._house.settings
        ours = [self._advertise(peer), settings.sip.domain, *settings.tls.names]
        ours += map(str, (*settings.network.public_addresses, *settings.network.listen))
        return any(same_host(uri.host, one) for one in ours if one)

    def _to_room(self, visit: "Visit", event: TransferWanted, target: str) -> None:
        house, tries, now = self._house, self._house.tries, self._house.clock()
        match house.find(target):
            case UnknownRoom():
                self._refuse(visit, event, 404, f"no room {target!r}")
            case WrongPin():
                tries.wrong(visit.host, now)
                self._refuse(visit, event, 403, "wrong PIN")
            case Found() as found if found.room == visit.room:
                self._done(visit, event, Outcome.MOVED)
            case Found() as found if house.is_protected(found.room) and not tries.left(
                visit.host, now
            ):
                self._refuse(visit, event, 403, "too many wrong PINs")
            case Found() as found if house.is_full(found.room):
                self._refuse(visit, event, 486, f"room {found.room} is full")
            case Found() as found:
                self._order(TellTransfer(event.call, 100))
                self._calls.entrance.move(visit, found)
                self._done(visit, event, Outcome.MOVED)

    async def _call_in(self, visit: "Visit", event: TransferWanted, uri: Uri) -> None:
        """Call the address into the room; the codec hears how it went."""
        try:
            outcome = await self._calls.dialling.dial(
                str(uri), uri.name or uri.host, visit.room, host=uri.host
            )
        except UseError as error:
            self._refuse(visit, event, 503, str(error))
            return
        if outcome.answered:
            self._done(visit, event, Outcome.CALLED)
        else:
            self._refuse(visit, event, max(300, outcome.status) or 500, outcome.cause)

    def _done(self, visit: "Visit", event: TransferWanted, outcome: Outcome) -> None:
        self._count(By.ROOM, outcome)
        log.info(
            "transfer", call=event.call, member=visit.leg.member, room=visit.room,
            target=event.target, by=event.by, outcome=outcome,
        )  # fmt: skip
        self._order(TellTransfer(event.call, 200))

    def _refuse(self, visit: "Visit", event: TransferWanted, status: int, why: str) -> None:
        self._count(By.ROOM, Outcome.REFUSED)
        log.info(
            "transfer_refused", call=event.call, member=visit.leg.member, room=visit.room,
            target=event.target, by=event.by, status=status, reason=why,
        )  # fmt: skip
        self._order(TellTransfer(event.call, status))

    # ---- an operator's wish

    def to_room(self, visit: "Visit", found: Found) -> Transferred:
        """Move a member to another room; an operator needs no PIN."""
        if found.room != visit.room:
            if self._house.is_full(found.room):
                raise UseError(f"room {found.room} is full")
            self._calls.entrance.move(visit, Found(found.room, found.name, pin=""))
        self._settled(visit, found.room, Outcome.MOVED, 200)
        return Transferred(True, 200, "OK")

    async def to_address(self, visit: "Visit", uri: str) -> Transferred:
        """Have a codec call another address instead of us; return once it did or did not."""
        call = visit.leg.call
        if call in self._waiting:
            raise UseError("it is being transferred already")
        self._waiting[call] = asyncio.get_running_loop().create_future()
        try:
            self._order(Transfer(call, uri))
            result = await self._waiting[call]
        finally:
            del self._waiting[call]
        self._settled(visit, uri, Outcome.SENT if result.done else Outcome.FAILED, result.status)
        return result

    def _settled(self, visit: "Visit", target: str, outcome: Outcome, status: int) -> None:
        self._count(By.OPERATOR, outcome)
        log.info(
            "transfer", call=visit.leg.call, member=visit.leg.member, room=visit.room,
            target=target, by="operator", outcome=outcome, status=status,
        )  # fmt: skip

    def told(self, visit: "Visit", event: TransferTold) -> None:
        """Hear how far a codec is; one that is there is let go."""
        if not event.over:
            log.info("transfer_told", call=event.call, status=event.status, text=event.text)
            return
        done = 200 <= event.status < 300
        self._answer(event.call, Transferred(done, event.status, event.text))
        if done and event.status != 202:  # 202: it only said that it will
            self._calls.part(visit, End.TRANSFERRED)

    def ended(self, call: CallId, cause: End) -> None:
        """Hear that a call is over: one that was sent away and hangs up went."""
        went = cause is End.TRANSFERRED
        self._answer(call, Transferred(went, 200 if went else 487, "it hung up"))

    def _answer(self, call: CallId, result: Transferred) -> None:
        waiting = self._waiting.get(call)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    def replaced(self, old: "Visit", new: "Visit") -> None:
        """Count a call that took another's place."""
        self._count(By.REPLACES, Outcome.MOVED)
        log.info(
            "call_replaced", call=old.leg.call, member=old.leg.member, room=old.room,
            by_call=new.leg.call, by_member=new.leg.member, caller=new.caller,
        )  # fmt: skip

    def _count(self, by: By, outcome: Outcome) -> None:
        self.counts[by, outcome] += 1

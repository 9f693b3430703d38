"""The house as the web side sees it: implements `sfu.api.house.House`."""

from collections.abc import Mapping, Sequence
from datetime import date
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from sfu.api.house import Credentials, Send
from sfu.api.live_view import HourView, LiveView, TestView
from sfu.api.view import (
    AdmissionView,
    BookingAnswer,
    BookingRefusal,
    BookingView,
    CallView,
    DialOutcome,
    DrainView,
    LedgerView,
    LineView,
    OccurrenceView,
    ReloadView,
    RoomView,
    TransferOutcome,
    TrunkView,
)
from sfu.app import bookings, calls, ledger, lines, live, scrape, trunks
from sfu.app.targets import H323, Targets, read
from sfu.errors import UseError
from sfu.ledger import By
from sfu.metrics import Readings
from sfu.model import CallId, MemberId, RoomId
from sfu.room.booking import Wish
from sfu.room.directory import Found
from sfu.shell.alterations import Alterations
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.database import words
from sfu.shell.dialling import FIRST_DIALLED
from sfu.shell.news import News
from sfu.shell.oidc import Oidc
from sfu.shell.page import Session
from sfu.shell.people import People

if TYPE_CHECKING:
    from sfu.app.server import Server


class Front:
    """What operators and browsers reach."""

    def __init__(self, server: "Server") -> None:
        """Look at this server."""
        self._server = server
        self.targets = Targets(server)

    @property
    def people(self) -> People:
        """Who may do what, and who did it."""
        return self._server.people

    @property
    def news(self) -> News:
        """What happens."""
        return self._server.house.news

    @property
    def alterations(self) -> Alterations:
        """What is changed of rooms, units, sites and lines."""
        return self._server.alterations

    @property
    def oidc(self) -> Oidc | None:
        """Who vouches for people besides ourselves."""
        return self._server.oidc

    async def restore(self, file: str) -> int:
        """Put a backup that lies in the data directory in place of what is kept."""
        path = self._server.directory / file
        try:
            rows = await self._server.house.store.restore(path)
            await self._server.bookings.open()
            self._server.ledger.reset()
            await self._server.alterations.renew()
            return rows
        except (SQLAlchemyError, OSError) as error:
            raise UseError(f"restore: {words(error)}") from error
        finally:
            path.unlink(missing_ok=True)

    async def reload(self) -> ReloadView:
        """Read the settings again."""
        changes = await self._server.reload()
        return ReloadView(changes.live, changes.restart)

    def drain(self, within_s: float) -> DrainView:
        """Take no more calls; end when nobody is left, or after this time."""
        self._server.drain(within_s)
        return self.draining()

    def undrain(self) -> DrainView:
        """Take calls again."""
        self._server.undrain()
        return self.draining()

    def draining(self) -> DrainView:
        """Say whether we go down, and who is there still."""
        drain, now = self._server.house.drain, self._server.house.clock()
        return DrainView(drain.on, self._server.people_there, round(drain.left_s(now), 1))

    def open_browser(
        self, send: Send, remote: str, user_agent: str, *, organiser: bool = False
    ) -> Session:
        """Welcome a WebSocket."""
        return self._server.browsers.open(send, remote, user_agent, organiser=organiser)

    def may_operate(self, remote: str, credentials: Credentials | None) -> bool:
        """Let in the networks and the accounts that may dial out: `[dial_out]`."""
        settings = self._server.settings
        account = None
        if credentials is not None:
            known = settings.password_of(credentials.account)
            given = credentials.password.encode("utf-8", "surrogatepass")
            if known is None or not compare_digest(known.encode(), given):
                return False
            account = credentials.account
        return settings.may_dial_out(remote, account)

    def rooms(self) -> Sequence[RoomView]:
        """Show rooms with somebody in them, and the configured ones."""
        return calls.rooms(self._server.house)

    async def calls(self, limit: int) -> Sequence[CallView]:
        """Show the newest call records."""
        return [calls.view(record) for record in await self._server.house.store.recent(limit)]

    def trunks(self) -> Sequence[TrunkView]:
        """Show how our registrations stand."""
        return trunks.views(self._server.sip.trunks())

    def lines(self) -> Sequence[LineView]:
        """Show how our lines stand."""
        return lines.views(self._server.house)

    def live(self) -> LiveView:
        """Show all meetings and lines of now."""
        return live.view(self._server.house)

    def hour(self, line: str) -> HourView | None:
        """Show a line's last hour."""
        return live.hour(self._server.house, line)

    def change_member(self, member: str, wishes: Mapping[str, Any]) -> bool:
        """Keep a member from being heard, say what its pictures get."""
        return live.change_member(self._server.house, MemberId(member), wishes)

    def arrange(self, room: str, wishes: Mapping[str, Any]) -> bool:
        """Choose a meeting's layout, pin a member."""
        house = self._server.house
        meeting = live.meeting_in(house, room)
        if meeting is None:
            return False
        pinned = wishes.get("pinned", meeting.pinned)
        if pinned is not None and pinned not in meeting.legs:
            raise UseError(f"{pinned} is not in room {room}")
        if "locked" in wishes:
            house.waiting_rooms.lock(meeting.id, wishes["locked"])
        layout = wishes.get("layout", meeting.layout)
        if (layout, pinned) != (meeting.layout, meeting.pinned):
            meeting.set_layout(layout, pinned, house.clock())
        return True

    def admit(self, room: str, member: str) -> bool:
        """Let somebody in who waits."""
        return self._server.house.waiting_rooms.admit(RoomId(room), MemberId(member))

    def turn_away(self, room: str, member: str) -> bool:
        """Turn somebody away who waits."""
        return self._server.house.waiting_rooms.refuse(RoomId(room), MemberId(member))

    def end_meeting(self, room: str) -> bool:
        """Disconnect everybody in a room."""
        meeting = live.meeting_in(self._server.house, room)
        if meeting is None:
            return False
        self._server.house.waiting_rooms.clear(meeting.id)  # the meeting they wait for is over
        for member in list(meeting.legs):
            if member in self._server.house.guests:
                self.remove(member)
        return True

    def what_if(self, line: str, codecs: int, browsers: int) -> AdmissionView | None:
        """Weigh calls nobody has made."""
        return lines.what_if(self._server.house, line, codecs, browsers)

    async def ledger(self, first: date | None, last: date | None, by: By) -> LedgerView:
        """Say what the meetings of some days saved."""
        return await ledger.view(self._server.ledger, self._server.settings, first, last, by)

    async def book(self, wish: Wish) -> BookingView | BookingRefusal:
        """Book rooms, or say why not."""
        return await bookings.book(self._server.bookings, wish)

    def weigh_booking(self, wish: Wish) -> BookingAnswer:
        """Say whether rooms could be booked."""
        return bookings.question(self._server.bookings, wish)

    def booking(self, booking: int) -> BookingView | None:
        """Show a booking."""
        known = self._server.bookings.agenda.bookings.get(booking)
        return None if known is None else bookings.view(known)

    def bookings(self, first: date | None, last: date | None) -> Sequence[OccurrenceView]:
        """Show what is booked on some days."""
        return bookings.between(self._server.bookings, self._server.settings, first, last)

    async def cancel_booking(self, booking: int, day: date | None) -> bool:
        """Cancel a booking or one of its days."""
        return await self._server.bookings.cancel(booking, day)

    def invitation(self, booking: int) -> bytes | None:
        """Write a booking as iCalendar."""
        return bookings.invite(self._server.bookings, self._server.settings, booking)

    def calendar(self, room: str, organisation: str) -> bytes:
        """Write what is booked as iCalendar."""
        server = self._server
        return bookings.calendar(server.bookings, server.settings, room, organisation)

    def timezone(self) -> str:
        """Say in which time zone the house is."""
        return self._server.settings.timezone

    async def dial(self, target: str, room: str) -> DialOutcome:
        """Call a configured endpoint's number, a registered one, a trunk's, or a URI."""
        if self._server.house.drain.on:
            raise UseError("the server goes down: it begins no calls")
        found = self._server.house.find(room)
        if not isinstance(found, Found):
            raise UseError(f"no room {room}")
        if self._server.house.is_full(found.room):
            raise UseError(f"room {room} is full")
        outcome = await self.targets.call(target, found.room)
        return DialOutcome(
            int(outcome.call), outcome.answered, outcome.cause, outcome.status, outcome.text
        )

    async def try_room(self, target: str) -> TestView:
        """Call a room to find out how it fares."""
        if self._server.house.drain.on:
            raise UseError("the server goes down: it begins no calls")
        return live.tested(target, await self._server.tests.run(target))

    async def transfer(self, member: str, target: str) -> TransferOutcome | None:
        """Send a room codec elsewhere: to another room, or by REFER to an address."""
        guest = self._server.house.guests.get(MemberId(member))
        if guest is None:
            return None
        if not isinstance(guest.leg, CodecLeg):
            raise UseError("only a room codec can be sent elsewhere")
        visit = self._server.calls.visit_of(guest.leg.call)
        if visit is None:
            return None
        transfers = self._server.calls.transfers
        found = self._server.house.find(target)
        if isinstance(found, Found):
            outcome = transfers.to_room(visit, found)
        else:
            way = self.targets.way(target)
            if way.trunk:
                raise UseError("a number of a trunk can be called, but nobody can be sent there")
            if way.uri.startswith(H323):
                raise UseError("an H.323 address can be called, but nobody can be sent there")
            outcome = await transfers.to_address(visit, str(read(way.uri)))
        return TransferOutcome(outcome.done, outcome.status, outcome.text)

    def hang_up(self, call: int) -> bool:
        """End a call, by the number of its record or of its dialling."""
        for member, guest in list(self._server.house.guests.items()):
            if int(self._server.house.store.row_of(guest.record)) == call:
                return self.remove(member)
        # other calls are known by their records alone: a caller's id may equal an old record's
        return call >= FIRST_DIALLED and self._server.calls.hang_up(CallId(call))

    def remove(self, member: MemberId) -> bool:
        """End a member's call, whatever it speaks; False where it is in no room."""
        guest = self._server.house.guests.get(member)
        if guest is None:
            return False
        leg = guest.leg
        if isinstance(leg, CodecLeg):
            return self._server.calls.hang_up(leg.call)
        return self._server.browsers.remove(member)

    def invite(self, room: str, until: float, *, moderator: bool = False) -> tuple[str, str]:
        """Give a room's number, and the word that opens it until a time."""
        house = self._server.house
        found = house.find(room)
        if not isinstance(found, Found):
            raise UseError(f"no room {room}")
        return found.room, house.invitations.make(found.room, until, moderates=moderator)

    def metrics(self) -> bytes:
        """Collect now."""
        return self._server.metrics.exposition()

    def ready(self) -> Sequence[str]:
        """Say why calls cannot be taken now."""
        if self._server.browsers.stopping:
            return ["the server stops"]
        if self._server.house.drain.on:
            return ["the server drains"]
        worker = self._server.worker
        return ["the mix worker is down"] if worker is not None and not worker.alive else []

    def readings(self) -> Readings:
        """Gather what a scrape is made of."""
        return scrape.readings(self._server)

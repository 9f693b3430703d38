"""The house as the web side sees it: implements `sfu.api.house.House`."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from sfu.api.house import (
    AdmissionView,
    BookingAnswer,
    BookingRefusal,
    BookingView,
    CallView,
    Credentials,
    DialOutcome,
    DrainView,
    LedgerView,
    LineView,
    MemberView,
    OccurrenceView,
    ReloadView,
    RoomView,
    Send,
    TransferOutcome,
    TrunkView,
)
from sfu.api.live_view import HourView, LiveView, TestView
from sfu.app import bookings, ledger, lines, live, service, trunks
from sfu.app.trunks import Way
from sfu.errors import PeerError, UseError
from sfu.ledger import By
from sfu.media.engine.snapshot import EngineRow, Snapshot
from sfu.metrics import Readings, WorkerReading
from sfu.metrics.maker import maker_of
from sfu.model import CallId, MemberId, Protocol, RoomId
from sfu.room.booking import Wish
from sfu.room.directory import Found
from sfu.shell.alterations import Alterations
from sfu.shell.bridge import Line
from sfu.shell.browser_leg import BrowserLeg
from sfu.shell.browsers import Session
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.database import words
from sfu.shell.dialling import FIRST_DIALLED
from sfu.shell.news import News
from sfu.shell.oidc import Oidc
from sfu.shell.people import People
from sfu.shell.record import CallRecord
from sfu.shell.visit import Dialled
from sfu.signalling.call import End
from sfu.signalling.h323.useragent import read_uri
from sfu.signalling.sip.blame import SIP_REASONS, WEB_REASONS
from sfu.signalling.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from sfu.app.server import Server

H323 = "h323:"
NOTHING_YET = Snapshot(EngineRow(0, False, 0, (), 0))


class Front:
    """What operators and browsers reach."""

    def __init__(self, server: "Server") -> None:
        """Look at this server."""
        self._server = server

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
        house = self._server.house
        numbers = dict.fromkeys(
            [*house.meetings, *(RoomId(room.number) for room in house.settings.room)]
        )
        return [self._room(number) for number in numbers]

    def _room(self, number: RoomId) -> RoomView:
        house = self._server.house
        known = house.settings.find_room(number)
        meeting = house.meetings.get(number)
        members = [] if meeting is None else list(meeting.legs.values())
        return RoomView(
            room=number,
            name=known.name if known else "",
            pin=bool(known and known.pin),
            members=tuple(
                MemberView(
                    member=leg.member,
                    name=leg.name,
                    protocol=leg.protocol.value,
                    endpoint=leg.model,
                    call=int(house.store.row_of(house.guests[leg.member].record)),
                    joined_at=_iso(house.guests[leg.member].joined_at),
                    video=house.video_state(house.guests[leg.member]),
                )
                for leg in members
            ),
        )

    async def calls(self, limit: int) -> Sequence[CallView]:
        """Show the newest call records."""
        return [_call(record) for record in await self._server.house.store.recent(limit)]

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
        outcome = await self.call(target, found.room)
        return DialOutcome(
            int(outcome.call), outcome.answered, outcome.cause, outcome.status, outcome.text
        )

    async def call(self, target: str, room: RoomId) -> Dialled:
        """Call somebody into a room, whatever its number."""
        way = self._where(target)
        uri, host = way.uri, way.host or self._host(way.uri)
        registered = None
        if not way.trunk and self._server.settings.find_endpoint(target) is None:
            registered = self._server.way_to(target)
            uri, host = registered or (uri, host)
        return await self._server.calls.dialling.dial(
            uri, way.name, room, host=host, trunk=way.trunk,
            account=target if registered else None,
        )  # fmt: skip

    def line_of(self, number: str, host: str, account: str | None) -> Line | None:
        """Say how a unit's number is called by who calls us; strangers reach rooms alone."""
        server, settings = self._server, self._server.settings
        if not (
            account is not None
            or server.sip.gate.listed(host)
            or server.registrations.holds(host, time.monotonic())
            or settings.may_dial_out(host, account)
        ):
            return None
        endpoint = settings.find_endpoint(number)
        if endpoint is not None:
            return Line(endpoint.uri, endpoint.name or number, self._host(endpoint.uri))
        registered, contact = server.way_to(number), server.contact_of(number)
        if registered is not None:
            return Line(registered[0], number, registered[1], number)
        contact = contact or self._gateway_to(number)
        return Line(contact, number, self._host(contact)) if contact is not None else None

    def _where(self, target: str) -> Way:
        """Say how a target is called."""
        if target.startswith(("sip:", "sips:")):
            return Way(target, _uri(target).user or target)
        if target.startswith(H323):
            return Way(target, target.removeprefix(H323))
        endpoint = self._server.settings.find_endpoint(target)
        if endpoint is not None:
            return Way(endpoint.uri, endpoint.name or target)
        contact = self._server.contact_of(target)
        if contact is not None:
            return Way(contact, target)
        by_trunk = trunks.choose(self._server.settings, target, self._server.sip.trunks())
        if by_trunk is not None:
            return by_trunk
        there = self._server.registrant
        if there is not None and any(map(target.startswith, self._server.settings.gatekeeper.dial)):
            if not there.registered:
                raise UseError(f"no gatekeeper for {target} has us registered")
            return Way(f"{H323}{target}", target, host=there.host)
        gateway = self._server.gateway_to(target)
        if gateway is not None:
            return Way(gateway, target)
        proxy = self._server.settings.dial_out.proxy
        if proxy and target.isdigit():
            return Way(f"sip:{target}@{proxy}", target)
        raise UseError(f"nobody is known by {target!r}")

    def _gateway_to(self, number: str) -> str | None:
        """Say how a registered gateway is asked for a number: what is configured goes first."""
        settings = self._server.settings
        if settings.find_trunks(number) or any(map(number.startswith, settings.gatekeeper.dial)):
            return None
        return self._server.gateway_to(number)

    def _host(self, uri: str) -> str:
        """Return the host of an address; UseError where it cannot be called."""
        if not uri.startswith(H323):
            return _uri(uri).host
        if self._server.h323 is None:
            raise UseError(f"{uri!r} cannot be called: H.323 is off")
        try:
            return read_uri(uri)[0].host
        except PeerError as error:
            raise UseError(f"{uri!r} cannot be called: {error.reason}") from None

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
            way = self._where(target)
            if way.trunk:
                raise UseError("a number of a trunk can be called, but nobody can be sent there")
            if way.uri.startswith(H323):
                raise UseError("an H.323 address can be called, but nobody can be sent there")
            outcome = await transfers.to_address(visit, str(_uri(way.uri)))
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
        server = self._server
        legs = [guest.leg for guest in server.house.guests.values()]
        members = Counter(leg.protocol for leg in legs)
        calls = server.calls.by_protocol()
        calls[Protocol.WEBRTC] = members[Protocol.WEBRTC]
        ends = {
            (Protocol(protocol), End(cause)): number
            for (protocol, cause), number in server.house.ends.items()
        }
        moved = server.calls.transfers.counts
        videos = Counter(
            (guest.leg.protocol, server.house.video_state(guest), maker_of(guest.leg.model))
            for guest in server.house.guests.values()
        )
        workers: tuple[WorkerReading, ...] = ()
        if server.worker is not None:
            workers = (
                WorkerReading("mix-0", server.worker.alive, server.desk.legs, server.desk.delay_s),
            )
        return Readings(
            snapshot=server.house.snapshot or NOTHING_YET,
            sink_kinds=server.patchbay.sink_kinds(),
            rooms=len(server.house.meetings),
            members=members,
            calls=calls,
            call_ends=ends,
            transfers={(str(by), str(how)): n for (by, how), n in moved.items()},
            keyframe_requests=server.patchbay.keyframes.said,
            lines_refused=server.patchbay.lines_refused,
            wishes_said=server.patchbay.wishes_said,
            wishes_heard=server.patchbay.wishes_heard,
            videos=videos,
            registrations=len(server.registrations),
            sip_refused={str(one): server.sip.gate.refused[one] for one in SIP_REASONS},
            sip_connections=server.sip.connections,
            h323_connections=server.h323.connections if server.h323 is not None else 0,
            h323_registrations=len(server.gatekeeper) if server.gatekeeper is not None else 0,
            h323_member=None
            if server.registrant is None
            else (server.registrant.registered, server.registrant.failures),
            ras_messages=server.gatekeeper.counts if server.gatekeeper is not None else {},
            web_refused={
                str(reason): sum(one.refused[reason] for one in server.gates)
                for reason in WEB_REASONS
            }
            | {"media": server.icetcp.refused},
            web_connections=sum(len(one.crowd) for one in server.gates),
            ways=Counter(leg.way for leg in legs if isinstance(leg, BrowserLeg)),
            media_connections=len(server.icetcp),
            waiting=len(server.house.waiting_rooms),
            turned_away=server.house.waiting_rooms.turned_away,
            webhooks=dict(server.webhooks.outcomes),
            egress_lag_s=server.lag_s,
            workers=workers,
            trunks=trunks.figures(server.sip.trunks()),
            lines=lines.figures(server.house),
            service=service.figures(server),
            ledger=ledger.figures(server.ledger),
            bookings=bookings.figures(server.bookings),
        )


def _uri(text: str) -> Uri:
    """Read a URI an operator gave."""
    try:
        return parse_uri(text)
    except PeerError as error:
        raise UseError(f"{text!r} cannot be called: {error.reason}") from None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _call(record: CallRecord) -> CallView:
    end = record.left_at if record.left_at is not None else record.last_seen_at
    return CallView(
        call=int(record.id),
        room=record.room,
        protocol=record.protocol,
        caller=record.caller,
        name=record.name,
        direction=record.direction,
        started_at=_iso(record.joined_at),
        ended_at=_iso(record.left_at) if record.left_at is not None else None,
        duration_s=max(0.0, end - record.joined_at),
        reason=record.cause,
        status=record.status,
        site=record.site,
        endpoint=record.model,
        text=record.status_text,
        received_bytes=record.received_bytes,
        sent_bytes=record.sent_bytes,
        loss=_share(record.lost_packets, record.received_packets),
    )


def _share(lost: int, received: int) -> float:
    return round(lost / (lost + received), 4) if lost > 0 else 0.0

"""What the web side needs of the server, as an interface: `app.py` implements it.

::

    WebSocket text -> parse -> Browser.receive ->  house  -> send -> dump -> WebSocket text
    HTTP request   ------------------------------> House.rooms, calls, dial, transfer, hang_up...

Nothing here waits but `calls` (the database), `dial` and `transfer` (the far end's phone).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from sfu.api.live_view import HourView, LiveView, TestView
from sfu.ledger import By, Row
from sfu.room.booking import Wish
from sfu.shell.alterations import Alterations
from sfu.shell.news import News
from sfu.shell.oidc import Oidc
from sfu.shell.people import People
from sfu.signalling.webrtc.message import ClientMessage, ServerMessage

Send = Callable[[ServerMessage], None]


class Browser(Protocol):
    """One WebSocket, as the house sees it; joined or not yet."""

    def receive(self, message: ClientMessage) -> None:
        """Take a message (never `Ping`).

        A `PeerError` raised here is told to the browser: `unsupported` for status 488,
        `not_allowed` for 403, `bad_message` for any other.
        """

    def closed(self) -> None:
        """Hear that the WebSocket is gone; called once, also after `Leave` or `Ended`.

        The member's place is kept some 20 s for a `Join` with `resume`.
        """


@dataclass(frozen=True, slots=True)
class Credentials:
    """HTTP basic authentication (RFC 7617), unproved."""

    account: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReloadView:
    """What changed of the settings, as "section.key", or the name of a table that repeats."""

    live: tuple[str, ...]
    """What counts now."""
    restart: tuple[str, ...]
    """What counts at the next start only."""


@dataclass(frozen=True, slots=True)
class DrainView:
    """A server that goes down, or does not."""

    draining: bool
    people: int
    """Calls and pages that are there still."""
    left_s: float
    """Until it ends whoever is there; 0 where it does not go down."""


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member, for operators."""

    member: str
    name: str
    protocol: str
    endpoint: str
    """User-Agent or vendor identification, "" if not told."""
    call: int
    joined_at: str
    """ISO 8601 with offset."""
    video: str = "no_picture"
    """How its picture fares: ok, oneway, stalled, no_picture."""


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room with somebody in it, or a configured one."""

    room: str
    name: str
    pin: bool
    """Whether it asks for a PIN."""
    members: tuple[MemberView, ...]


@dataclass(frozen=True, slots=True)
class CallView:
    """A call record."""

    call: int
    room: str
    protocol: str
    caller: str
    name: str
    direction: str
    """in: they called; out: we did."""
    started_at: str
    ended_at: str | None
    duration_s: float
    reason: str | None
    """A word of `signalling.call.End`; None while it lasts."""
    status: int
    site: str = ""
    """Where it was, "" where nobody knows."""
    endpoint: str = ""
    """User-Agent or vendor identification, "" if not told."""
    text: str = ""
    """What was said with `status`."""
    received_bytes: int = 0
    sent_bytes: int = 0
    loss: float = 0.0
    """Of 1, of what came from it; known when it is over."""


@dataclass(frozen=True, slots=True)
class TrunkView:
    """A PBX or provider the server registers at."""

    trunk: str
    registered: bool
    status: int
    """SIP status of the last answer; 408: none came, 503: no way there, 0: not asked yet."""
    reason: str
    place: str
    """Where it is registered: "udp 192.0.2.1:5060", "" for nowhere."""
    expires_in_s: int
    failures: int


@dataclass(frozen=True, slots=True)
class AdmissionView:
    """Whether a line bears a call more; bit/s on the line."""

    outcome: str
    """full, sound_only, refused."""
    required_bps: int
    available_bps: int
    why: str


@dataclass(frozen=True, slots=True)
class PictureView:
    """A place that has less than it wants, or all of it."""

    member: str
    about: str
    """Whose picture it shows."""
    rung: str
    required_bps: int
    available_bps: int
    why: str


@dataclass(frozen=True, slots=True)
class LineView:
    """An access line; rates in bit/s on the line, up is from the site."""

    line: str
    site: str
    server: bool
    """The server itself stands behind it."""
    up_bps: int
    down_bps: int
    framing: str
    overhead_bytes: int
    members: tuple[str, ...]
    estimate_bps: int
    """What it bears now of what we send."""
    paced_bps: int
    congested: bool
    sound_down_bps: int
    """Reserved for speech, towards the site."""
    sound_up_bps: int
    pictures: tuple[PictureView, ...]
    next_codec: AdmissionView
    """What would become of one room codec more."""
    next_browser: AdmissionView


@dataclass(frozen=True, slots=True)
class RuleView:
    """How it was reckoned; docs/ledger.md."""

    venue: str
    seat: str
    people_per_car: int
    people_per_unit: int
    round_trip: bool
    co2_kg_per_km: float
    least_minutes: float


@dataclass(frozen=True, slots=True)
class LedgerView:
    """What meetings saved."""

    first_day: date
    last_day: date
    """Included; days are those of `timezone`."""
    timezone: str
    by: By
    rows: tuple[Row, ...]
    """By key: a month, a site, an organisation; "" for none."""
    total: Row
    titles: Mapping[str, str]
    """Sites as people write them."""
    unknown_roads: tuple[tuple[str, str], ...]
    """Pairs of sites of which nobody said how far it is: they count 0 km."""
    rule: RuleView


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking."""

    booking: int
    title: str
    organisation: str
    organiser: str
    rooms: tuple[str, ...]
    number: str
    """The room it meets in."""
    starts: datetime
    """By the wall clock of `timezone`."""
    timezone: str
    minutes: int
    weekly_until: date | None
    cancelled_days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class OccurrenceView:
    """One meeting of a booking."""

    booking: int
    title: str
    organisation: str
    rooms: tuple[str, ...]
    """Those that were not freed."""
    number: str
    day: date
    begins_at: str
    """ISO 8601 with offset."""
    ends_at: str


@dataclass(frozen=True, slots=True)
class BookingAnswer:
    """Whether rooms could be booked now."""

    granted: bool
    reason: str = ""
    """Where not, a word of docs/bookings.md."""
    why: str = ""
    number: str = ""
    """Where it would meet."""


@dataclass(frozen=True, slots=True)
class BookingRefusal:
    """No, and why."""

    reason: str
    """A word of docs/bookings.md."""
    why: str


@dataclass(frozen=True, slots=True)
class DialOutcome:
    """How a call of ours went, once it is answered or over."""

    call: int
    answered: bool
    reason: str
    """"answered", else a word of `signalling.call.End`."""
    status: int
    """SIP status or Q.850 cause, 0 for none."""
    text: str


@dataclass(frozen=True, slots=True)
class TransferOutcome:
    """How a transfer went."""

    done: bool
    status: int
    """SIP status; 200 within the server, 202 where the codec tells no more."""
    text: str


class House(Protocol):
    """The server."""

    @property
    def people(self) -> People:
        """Who may do what, and who did it."""

    @property
    def news(self) -> News:
        """What happens."""

    @property
    def alterations(self) -> Alterations:
        """What is changed of rooms, units, sites and lines."""

    @property
    def oidc(self) -> Oidc | None:
        """Who vouches for people besides ourselves; None: nobody."""

    async def restore(self, file: str) -> int:
        """Put a backup that lies in the data directory in place of what is kept; return its rows.

        Raises `UseError` where it cannot be.
        """

    async def reload(self) -> "ReloadView":
        """Read the settings again; raises `UseError` where they are wrong, and nothing changed."""

    def drain(self, within_s: float) -> "DrainView":
        """Take no more calls; end when nobody is left, or after this time."""

    def undrain(self) -> "DrainView":
        """Take calls again."""

    def draining(self) -> "DrainView":
        """Say whether we go down, and who is there still."""

    def open_browser(
        self, send: Send, remote: str, user_agent: str, *, organiser: bool = False
    ) -> Browser:
        """Welcome a WebSocket.

        `send` never blocks and may be called until `closed`; after `Ended`, or `Refused` with a
        final code, the connection is closed by us.  `remote` is an IP address.
        """

    def may_operate(self, remote: str, credentials: Credentials | None) -> bool:
        """Tell whether who asks may see rooms and calls, dial and hang up.

        Loopback, a listed network, or a known account; nobody else.
        """

    def rooms(self) -> Sequence[RoomView]:
        """Show the rooms of now."""

    async def calls(self, limit: int) -> Sequence[CallView]:
        """Show the newest call records, newest first, those that last among them."""

    def trunks(self) -> Sequence[TrunkView]:
        """Show how our registrations stand, in the order of configuration."""

    def lines(self) -> Sequence[LineView]:
        """Show how the access lines stand, in the order of configuration."""

    def live(self) -> LiveView:
        """Show all meetings and lines of now."""

    def hour(self, line: str) -> HourView | None:
        """Show a line's last hour; None for no such line."""

    def change_member(self, member: str, wishes: Mapping[str, Any]) -> bool:
        """Change a member as `MemberChange` says, what is not named stays; False for no such one.

        Raises `UseError` where its pictures shall have more than they may.
        """

    def admit(self, room: str, member: str) -> bool:
        """Let somebody in who waits to be; False where nobody of this id waits there."""

    def turn_away(self, room: str, member: str) -> bool:
        """Turn somebody away who waits to be let in; False where nobody of this id does there."""

    def arrange(self, room: str, wishes: Mapping[str, Any]) -> bool:
        """Change a meeting as `MeetingChange` says, what is not named stays; False for none there.

        Raises `UseError` where who shall be pinned is not in it.
        """

    def end_meeting(self, room: str) -> bool:
        """Disconnect everybody in a room; False where nobody is."""

    def what_if(self, line: str, codecs: int, browsers: int) -> AdmissionView | None:
        """Say what would become of so many calls more; None for no such line."""

    async def ledger(self, first: date | None, last: date | None, by: By) -> LedgerView:
        """Say what the meetings of some days saved; without days, of this year until today.

        Raises `UseError` where the last day stands before the first.
        """

    async def book(self, wish: Wish) -> BookingView | BookingRefusal:
        """Book rooms, or say why not; raises `UseError` where it cannot be written now."""

    def booking(self, booking: int) -> BookingView | None:
        """Show a booking; None for no such one."""

    def bookings(self, first: date | None, last: date | None) -> Sequence[OccurrenceView]:
        """Show what is booked on some days; without days, on the next 30.

        Raises `UseError` where the last day stands before the first, or too far behind it.
        """

    def weigh_booking(self, wish: Wish) -> BookingAnswer:
        """Say whether `book` would say yes; books nothing."""

    async def cancel_booking(self, booking: int, day: date | None) -> bool:
        """Cancel a booking or one of its days; False where there is no such one."""

    def invitation(self, booking: int) -> bytes | None:
        """Write a booking as iCalendar; None for no such one."""

    def calendar(self, room: str, organisation: str) -> bytes:
        """Write what is booked as iCalendar; "" for all rooms, all organisations."""

    def timezone(self) -> str:
        """Say in which time zone the house is."""

    async def dial(self, target: str, room: str) -> DialOutcome:
        """Call a number or URI into a room; return when it is answered or over.

        Raises `UseError` where target or room cannot be.
        """

    async def try_room(self, target: str) -> TestView:
        """Call a room, send it a pattern and a tone, and say how it fares; ten seconds and more.

        Raises `UseError` where it cannot be called.
        """

    async def transfer(self, member: str, target: str) -> TransferOutcome | None:
        """Send a room codec elsewhere; return when it went or did not, None for no such member.

        Raises `UseError` where it cannot be sent, or not there.
        """

    def hang_up(self, call: int) -> bool:
        """End a call; False where there is none of this number."""

    def invite(self, room: str, until: float, *, moderator: bool = False) -> tuple[str, str]:
        """Give a room's number, and the word that opens it until a time (seconds since 1970).

        `moderator`: who comes by it moderates.

        Raises `UseError` where there is no such room.
        """

    def metrics(self) -> bytes:
        """Collect now, in Prometheus' text format 0.0.4."""

    def ready(self) -> Sequence[str]:
        """Say why calls cannot be taken now; empty where they can."""

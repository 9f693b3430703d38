"""What the web side needs of the server, as an interface: `sfu.app.front` implements it.

::

    WebSocket text -> parse -> Browser.receive ->  house  -> send -> dump -> WebSocket text
    HTTP request   ------------------------------> House.rooms, calls, dial, transfer, hang_up...

Nothing here waits but `calls` (the database), `dial` and `transfer` (the far end's phone).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

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
from sfu.ledger import By
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

"""What the API shows of rooms, calls, trunks, lines, the ledger, bookings, and of what was done.

Field by field as docs/api.md has it; what goes on in a meeting now is in `live_view`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sfu.ledger import By, Row


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
    """How its picture fares: ok, oneway, stalled, stopped, no_picture."""


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
    facts: Mapping[str, str] = field(default_factory=dict)
    """What `why` is made of, to be said in another language."""


@dataclass(frozen=True, slots=True)
class BookingRefusal:
    """No, and why."""

    reason: str
    """A word of docs/bookings.md."""
    why: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """What `why` is made of, to be said in another language."""


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

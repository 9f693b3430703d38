"""What a scrape is made of, gathered by the composition root the moment somebody asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.media.engine.snapshot import Snapshot
from sfu.media.showing import VideoState
from sfu.model import Kind, Protocol, SinkId
from sfu.signalling.call import End


@dataclass(frozen=True, slots=True)
class WorkerReading:
    """One media worker."""

    name: str
    """Its place, say "mix-0": the same after a restart."""
    alive: bool
    legs: int
    """Members it mixes for."""
    delay_s: float
    """How late its last 20 ms of sound left."""


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """The service itself."""

    version: str = ""
    draining: bool = False
    certificate_ends_at: float = 0.0
    """Seconds since 1970."""
    disk_free_bytes: int = 0
    """Where the data directory lies."""
    reloads: Mapping[str, int] = field(default_factory=dict)
    """By how they went: done, refused."""


@dataclass(frozen=True, slots=True)
class TrunkFigures:
    """One trunk: a PBX or provider we register at."""

    name: str
    registered: bool
    status: int
    """Of the last answer to our REGISTER; 408: none came, 503: no way there, 0: not asked yet."""
    expires_in_s: float
    failures: int


@dataclass(frozen=True, slots=True)
class LineFigures:
    """One configured access line; rates in bit/s on the line, from the server's side of it."""

    site: str
    name: str
    send_bps: int
    receive_bps: int
    estimate_bps: int
    """What it bears now of what we send."""
    estimate_up_bps: int
    """What it bears now of what is sent to us."""
    paced_bps: int
    """What the engine holds it to."""
    wanted_bps: int
    """With which everybody behind it had all he asks for."""
    queue_s: float
    worst_wait_s: float
    """In our pacer, of the last twenty seconds."""
    waiting_bytes: int
    members: Mapping[Protocol, int]
    sent_bytes: Mapping[str, int]
    """By class: sound, picture (all that is neither), probe."""
    received_bytes: int
    dropped: int
    starved: int
    probes: int
    cuts: int
    steps: Mapping[str, int]
    """Of the ladder since the start: down, up."""
    pictures: Mapping[tuple[str, str], int]
    """Places of pictures now, by rung and why."""
    admissions: Mapping[str, int]
    stopped: int = 0
    """Pictures stopped at the source since the start: their senders heeded no limit."""
    twice: Mapping[str, bool] = field(default_factory=dict)
    """Whether speech goes twice now, by direction: send, receive."""


@dataclass(frozen=True, slots=True)
class LedgerFigures:
    """What the meetings saved of which there are records."""

    meetings: int = 0
    km: Mapping[str, float] = field(default_factory=dict)
    """By site that would have driven."""
    co2_kg: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BookingFigures:
    """What is booked, what was asked for and done since the start."""

    bookings: int = 0
    answers: Mapping[str, int] = field(default_factory=dict)
    """"granted", or why not."""
    steps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readings:
    """The state of the whole server at one instant."""

    snapshot: Snapshot
    sink_kinds: Mapping[SinkId, Kind] = field(default_factory=dict)
    """What each sink carries: the engine's rows do not tell."""
    rooms: int = 0
    members: Mapping[Protocol, int] = field(default_factory=dict)
    calls: Mapping[Protocol, int] = field(default_factory=dict)
    call_ends: Mapping[tuple[Protocol, End], int] = field(default_factory=dict)
    """Since the start."""
    keyframe_requests: Mapping[Protocol, int] = field(default_factory=dict)
    """Sent since the start, by the protocol of the source's call."""
    transfers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(whose wish, how it went) since the start."""
    wishes_said: Mapping[str, int] = field(default_factory=dict)
    """Wishes for a picture or for less said since the start, by dialect."""
    lines_refused: Mapping[str, int] = field(default_factory=dict)
    """Lines of room codecs that came to nothing, by reason."""
    wishes_heard: Mapping[str, int] = field(default_factory=dict)
    """Those of receivers, by what they wished."""
    videos: Mapping[tuple[Protocol, VideoState, str], int] = field(default_factory=dict)
    """Members now, by protocol, how their picture fares, and who made their device."""
    registrations: int = 0
    sip_refused: Mapping[str, int] = field(default_factory=dict)
    """Since the start, by reason: messages, calls and connections that were too many."""
    sip_connections: int = 0
    h323_connections: int = 0
    h323_registrations: int = 0
    """Endpoints registered at our gatekeeper, whatever they are called."""
    h323_member: tuple[bool, int] | None = None
    """Whether we are registered at a foreign gatekeeper, how often that failed; None: nowhere."""
    ras_messages: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(request, outcome) of our gatekeeper since the start."""
    web_refused: Mapping[str, int] = field(default_factory=dict)
    """Connections of the page's ports, by reason."""
    web_connections: int = 0
    ways: Mapping[str, int] = field(default_factory=dict)
    """Browsers in rooms, by the way their media comes."""
    media_connections: int = 0
    """Of browsers over TCP."""
    waiting: int = 0
    """Before held rooms."""
    turned_away: int = 0
    """From them, since the start."""
    webhooks: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Messages to webhooks since the start, by webhook and outcome."""
    egress_lag_s: float = 0.0
    """How late the event loop lets outputs go."""
    workers: tuple[WorkerReading, ...] = ()
    trunks: tuple[TrunkFigures, ...] = ()
    lines: tuple[LineFigures, ...] = ()
    ledger: LedgerFigures = field(default_factory=LedgerFigures)
    bookings: BookingFigures = field(default_factory=BookingFigures)
    service: ServiceFigures = field(default_factory=ServiceFigures)

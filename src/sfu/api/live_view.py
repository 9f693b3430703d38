"""Meetings of now as the console sees them: each member, each way, and the line it stands behind.

Rates are of the last three seconds, levels of the last one.  Sent is what we send to the member.
"""

from dataclasses import dataclass

from sfu.media.checkup import Finding
from sfu.media.showing import Way
from sfu.room.layout import Layout


@dataclass(frozen=True, slots=True)
class FlowView:
    """Sound or picture of a member, one way."""

    codec: str
    """"h264", "vp8", "g722", "opus"..."""
    bps: int
    """Without headers of IP."""
    loss: float
    """Of 1."""
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class StepView:
    """A picture this member has less of than it wants."""

    about: str
    """Whose picture; a member."""
    rung: str
    """A step of docs/allocation.md."""
    required_bps: int
    available_bps: int
    why: str


@dataclass(frozen=True, slots=True)
class TermsView:
    """What a member's pictures get of its line: its own, its unit's, its account's, its room's."""

    priority: int
    picture_floor_bps: int
    picture_max_bps: int
    """0 for both: none."""


@dataclass(frozen=True, slots=True)
class LegView:
    """A member of a meeting."""

    member: str
    name: str
    protocol: str
    site: str
    """As the records know it, "" for nobody's."""
    endpoint: str
    """User-Agent or vendor identification, "" if not told."""
    maker: str
    """polycom, cisco, chromium...; other."""
    call: int
    joined_at: str
    muted: bool
    """By an operator: nobody hears it."""
    speaks: bool
    """It leads."""
    pinned: bool
    level_dbov: int
    """0 loudest, 127 silent."""
    video: str
    """ok, oneway, stalled, stopped, no_picture."""
    picture_from: Way
    picture_to: Way
    """none also where there is nobody to be shown."""
    sees: tuple[str, ...]
    """Whose pictures it is shown; members."""
    sound_received: FlowView | None
    picture_received: FlowView | None
    sound_sent: FlowView | None
    picture_sent: FlowView | None
    rtt_ms: float | None
    line: str
    """The configured line it stands behind, "" for none."""
    steps: tuple[StepView, ...]
    terms: TermsView
    """On what terms it is shown pictures."""


@dataclass(frozen=True, slots=True)
class VisitorView:
    """Somebody who waits to be let in."""

    member: str
    name: str


@dataclass(frozen=True, slots=True)
class MeetingView:
    """A meeting that goes on."""

    room: str
    name: str
    pin: bool
    began_at: str
    layout: Layout
    pinned: str | None
    members: tuple[LegView, ...]
    locked: bool = False
    """Whoever comes waits until somebody lets him in."""
    waiting: tuple[VisitorView, ...] = ()
    """Who came first at the head."""


@dataclass(frozen=True, slots=True)
class LoadView:
    """How full a configured line is now; bit/s on the line, as the server sees it."""

    line: str
    site: str
    send_bps: int
    """What it bears of what we send, as configured."""
    receive_bps: int
    sent_bps: int
    received_bps: int
    estimate_bps: int
    congested: bool
    members: int


@dataclass(frozen=True, slots=True)
class LiveView:
    """All of now, at one instant."""

    at: str
    meetings: tuple[MeetingView, ...]
    lines: tuple[LoadView, ...]


@dataclass(frozen=True, slots=True)
class SampleView:
    """A line at one moment of its last hour; rates of the seconds before."""

    seconds_ago: float
    sent_bps: int
    received_bps: int
    estimate_bps: int
    queue_ms: int
    dropped: int
    """Packets of pictures that never left."""
    paused: int
    """Pictures that have less than they want."""


@dataclass(frozen=True, slots=True)
class HourView:
    """A line's last hour."""

    line: str
    send_bps: int
    receive_bps: int
    every_s: float
    samples: tuple[SampleView, ...]
    """Oldest first; fewer where the server has not run so long."""


@dataclass(frozen=True, slots=True)
class TestView:
    """How a room fared that was called to be tried."""

    target: str
    answered: bool
    reason: str
    """"answered", else a word of `signalling.call.End`."""
    status: int
    text: str
    endpoint: str
    line: str
    findings: tuple[Finding, ...]
    """One of its picture, one of its sound, and what else is amiss."""
    sound_received: FlowView | None
    picture_received: FlowView | None
    sound_sent: FlowView | None
    picture_sent: FlowView | None
    keyframes: int
    """Of its picture, that came."""
    level_dbov: int
    """Of the last second; 0 loudest, 127 silent."""
    rtt_ms: float | None

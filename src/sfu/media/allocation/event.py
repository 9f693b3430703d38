"""What the allocator is told: lines, pictures that are sent, who wants to see them.

Each states what is, whole; the same again changes nothing.  Rates named `payload` are RTP payload,
all others bit/s on the line.  Times are seconds of the engine's clock.
"""

from dataclasses import dataclass, field

from sfu.media.allocation.budget import Sound
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.rung import Steer
from sfu.media.engine.pacer import PictureClass
from sfu.model import Codec, LineId, MemberId, SinkId, SourceId


@dataclass(frozen=True, slots=True)
class Layer:
    """One encoding of a picture: a simulcast layer, or all there is."""

    source: SourceId
    rid: str
    """"" where there is one encoding only."""
    height: int
    """Lines of the picture as it is or will be sent; 0 while not known."""
    fps: float
    payload_bps: int
    """Measured over the last second; 0 while it is not running."""
    packets_per_s: float
    """Measured as well."""
    max_bps: int = 0
    """The most its call allows, bit/s of payload; 0: what is usual for its height."""
    temporals: int = 1
    """Temporal layers that can be told apart in the stream; 1: it cannot be thinned."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What one member sends, lowest layer first."""

    member: MemberId
    line: LineId | None
    """The line it sends on; None: a line that nobody reckons with."""
    layers: tuple[Layer, ...]
    codec: Codec
    steerable: Steer
    headers_bytes: int = 62
    """Of IP in each packet beside the payload: 62 by SRTP with extensions, 40 in plain RTP."""
    told_bps: int | None = None
    """The limit it has really been told, where an order takes its time: 0 for none yet, None where
    what is ordered is told at once."""
    stoppable: bool = False
    """Whether its call knows a way to ask for no picture at all, and has not refused it."""


@dataclass(frozen=True, slots=True)
class PictureGone:
    """A member sends no picture any more: camera off, hold, left."""

    member: MemberId


@dataclass(frozen=True, slots=True)
class Demand:
    """A viewer's place wants a member's picture."""

    sink: SinkId
    viewer: MemberId
    line: LineId | None
    """The viewer's line; None: it is served whatever there is, unpaced."""
    member: MemberId
    """Who is seen."""
    picture_class: PictureClass
    """Equal tiles are equal demands: all MAIN.  THUMBNAIL is what a line gives up first."""
    max_height: int = 0
    """No layer above it helps this viewer; 0: any."""
    max_bps: int = 0
    """The most it takes, bit/s of payload; 0: any."""
    floor_bps: int = 0
    """Below this payload the next rung serves it better; 0: what is usual for its height."""
    priority: int = 0
    """Among demands of one class and line the higher goes first; equals share."""
    headers_bytes: int = 62
    """As in `Picture`, of the packets we send it."""


@dataclass(frozen=True, slots=True)
class DemandGone:
    """A place is closed or empty."""

    sink: SinkId


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one direction of a line bears now; its estimate, or its rate where nothing estimates."""

    bps: int
    queue_s: float = 0.0
    """Wait in its queue, as measured lately."""
    congested: bool = False
    probed: bool = False
    """Whether that wait was made by a probe of ours, and so says nothing of what is asked for."""
    proven_bps: int = 0
    """What was shown to get through since it fell last: no noise, so it counts at once."""
    most_bps: int = 0
    """The line's own rate, where what it bears is an estimate; 0: `bps` is all that is known."""


@dataclass(frozen=True, slots=True)
class LineState:
    """A line with all speech on it, of all rooms; `down` is towards the site."""

    line: LineId
    encapsulation: Encapsulation
    up: Capacity
    down: Capacity
    sounds_down: tuple[Sound, ...] = ()
    """Without those of `Hearing`, whose number the allocator chooses."""
    sounds_up: tuple[Sound, ...] = ()
    browsers_down: int = 0
    browsers_up: int = 0


@dataclass(frozen=True, slots=True)
class LineGone:
    """Nobody is behind a line any more."""

    line: LineId


@dataclass(frozen=True, slots=True)
class Hearing:
    """A viewer whose voices are forwarded one by one, and may be fewer where its line is thin."""

    viewer: MemberId
    line: LineId
    voices: int
    """Others that may speak at once: at most 3 are forwarded."""
    voice: Sound = field(default_factory=lambda: Sound(142, 50.0))
    """One of them: Opus of 32 kbit/s, 20 ms, unless stated."""
    mixed: bool = True
    """Whether a mix can be made for it."""


@dataclass(frozen=True, slots=True)
class HearingGone:
    """A viewer left or is mixed for anyway."""

    viewer: MemberId


AllocationEvent = (
    Picture | PictureGone | Demand | DemandGone | LineState | LineGone | Hearing | HearingGone
)

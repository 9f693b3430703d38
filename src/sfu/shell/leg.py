"""What a meeting needs of a member's side of the house, whatever protocol it speaks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sfu.media.allocation.output import Cap, StopPicture
from sfu.model import Codec, MemberId, Protocol, SinkId, SourceId
from sfu.room.output import Notify, SendPicture
from sfu.shell.lines import AccessLine
from sfu.shell.picture_terms import NO_TERMS, Identity
from sfu.shell.voices import NO_VOICES, ONCE, Twice, Voices
from sfu.signalling.call import End
from sfu.signalling.capability import Capability


@dataclass(frozen=True, slots=True)
class MixPlace:
    """Where a member hears the mix, and how it must be encoded."""

    sink: SinkId
    codec: Codec
    ptime_ms: int = 20
    max_bps: int = 0
    """Of Opus, where its line is thin; 0: as ever."""


@dataclass(frozen=True, slots=True)
class PictureLayer:
    """One of the streams in which a member sends its picture (RFC 8853)."""

    source: SourceId
    rid: str
    """Its name in the offer (RFC 8851); "" where there is only this one."""
    height: int = 0
    """Lines of its picture and pictures a second, by the word of who sends it; 0 for unknown."""
    fps: int = 0
    temporals: int = 1
    """Temporal layers told apart in the stream, by its word too."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one of a viewer's places is given, and why not more."""

    rung: str
    """A `Rung` of the ladder: the same words for everybody."""
    required_bps: int
    """What the next rung would need, in bits of the line."""
    available_bps: int
    why: str


@dataclass(slots=True)
class Streams:
    """What a leg has in the engine."""

    sound: SourceId | None = None
    picture: SourceId | None = None
    """Its picture; of several layers the highest that arrives, for who knows nothing of layers."""
    simulcast: list[PictureLayer] = field(default_factory=list)
    """Its layers, lowest first, where it sends several."""
    picture_size: tuple[int, int, int] = (0, 0, 1)
    """Height, pictures a second and temporal layers of `picture` where it is the only one."""
    pictures: list[SinkId] = field(default_factory=list)
    """One sink for each place, in the order of `ShowPictures.shown`."""
    wide: list[SinkId] = field(default_factory=list)
    narrow: list[SinkId] = field(default_factory=list)
    mix: MixPlace | None = None
    camera: tuple[SourceId, SinkId] | None = None
    """Far-end camera control: what it presses, and what is pressed for it."""
    header_levels: bool = False
    """Its packets carry RFC 6464 levels; otherwise the mixer must measure."""

    @property
    def layers(self) -> list[PictureLayer]:
        """Return the layers of its picture, lowest first; one where it sends one stream."""
        if self.simulcast:
            return self.simulcast
        if self.picture is None:
            return []
        return [PictureLayer(self.picture, "", *self.picture_size)]


@dataclass(frozen=True, slots=True)
class Row:
    """A member as the others are told of it."""

    member: MemberId
    name: str
    protocol: Protocol
    has_camera: bool
    picture: bool
    sound: bool
    muted: bool = False
    """By a moderator."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who is in which place of one listener."""

    wide: tuple[MemberId | None, ...] = ()
    narrow: tuple[MemberId | None, ...] = ()
    mix: bool = False


class Leg(ABC):
    """One member: its paths in the engine, and how it is told things."""

    def __init__(self, member: MemberId, name: str, protocol: Protocol) -> None:
        """Begin without any stream."""
        self.member = member
        self.name = name
        self.protocol = protocol
        self.streams = Streams()
        self.line: AccessLine | None = None
        """The line it stands behind; None: nobody reckons with it."""
        self.site = ""
        """Where it is, for the records; "" where nobody knows."""
        self.identity = Identity()
        self.terms = NO_TERMS
        """On what it is sent pictures by an operator's word."""

    @property
    @abstractmethod
    def capability(self) -> Capability:
        """What it can send and receive, as negotiated last."""

    @property
    def takes_bps(self) -> int:
        """Most it takes of each picture by its own word in mid call; 0 for no such word."""
        return 0

    @property
    def told_bps(self) -> int | None:
        """What its own picture was really limited to, 0 for nothing yet; None: as ordered."""
        return None

    @property
    def stoppable(self) -> bool:
        """Whether it can be asked to send no picture at all."""
        return False

    def stop_picture(self, order: StopPicture) -> None:  # noqa: B027
        """Have it send no picture at all, or again."""

    def picture_due(self, now: float) -> Codec | None:
        """Return the codec of a picture in layers that was ordered and is about to come."""
        return None

    def picture_stopped(self, now: float) -> bool:
        """Tell whether no picture comes because we asked for none, or not yet again."""
        return False

    def voices(self) -> Voices:
        """Say what its sounds and headers cost its line."""
        return NO_VOICES

    @property
    def able_twice(self) -> Twice:
        """Which of its sounds may be sent twice, as negotiated last."""
        return ONCE

    def voices_twice(self) -> Voices:
        """Say what they would cost with each sent twice, as far as it knows how."""
        return self.voices()

    def send_twice(self, twice: Twice, why: str) -> None:  # noqa: B027
        """Have its sounds sent so from now on, where it knows how; `why` is for the page."""

    @property
    @abstractmethod
    def model(self) -> str:
        """The device or browser, as it names itself."""

    @abstractmethod
    def send_picture(self, order: SendPicture) -> None:
        """Have it encode its picture so."""

    @abstractmethod
    def vanished(self, now: float) -> bool:
        """Tell whether nothing at all has come from it for too long."""

    @abstractmethod
    def end(self, cause: End, text: str) -> None:
        """Close its paths and tell the far end."""

    def wants_sound(self) -> bool:
        """Tell whether its microphone is on, as far as we are told."""
        return True

    def wants_picture(self) -> bool:
        """Tell whether its camera is on, as far as we are told."""
        return True

    def set_caps(self, caps: Sequence[Cap]) -> None:  # noqa: B027
        """Have each layer of its picture sent at no more than this, or not at all.

        For whoever shares out a line.  A room codec's one picture is limited by the room instead:
        `Meeting.limit_sending`.
        """

    # what only a page shows; a room codec has no place for it

    def tell_given(self, given: Mapping[SinkId, Given]) -> None:  # noqa: B027
        """Tell what its places are given now, and why; places not named have all they want."""

    def show(self, shown: Sequence[MemberId | None]) -> None:  # noqa: B027
        """Tell which members its places carry."""

    def hear(self, hearing: Hearing) -> None:  # noqa: B027
        """Tell whose sounds its places carry."""

    def members_changed(self, rows: Sequence[Row]) -> None:  # noqa: B027
        """Tell who is in the room."""

    def speaker_changed(self, speaker: MemberId | None) -> None:  # noqa: B027
        """Tell who leads."""

    def notify(self, notice: Notify) -> None:  # noqa: B027
        """Tell something about another member."""

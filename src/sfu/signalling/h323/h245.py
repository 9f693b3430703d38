"""Messages of H.245 as we use them; `h245_per` puts them into octets.

::

    request  response      command               indication
    TCS      TCSAck        endSession            userInput
    MSD      MSDAck        videoFastUpdate...    functionNotUnderstood
    OLC, CLC OLCAck        flowControl           ...
    RTDR     RTDResponse

Channel numbers are those of whoever opened the channel.  Of what we do not use, only the name is
kept: an unknown request is answered, all else is counted and let pass.
"""

from dataclasses import dataclass
from enum import StrEnum

from sfu.model import Address
from sfu.signalling.h323.capset import CapabilitySet
from sfu.signalling.h323.datatype import (
    DataType,
    Packetization,
)


@dataclass(frozen=True, slots=True)
class SetAck:
    """terminalCapabilitySetAck."""

    sequence: int


@dataclass(frozen=True, slots=True)
class SetReject:
    """terminalCapabilitySetReject."""

    sequence: int
    cause: str = "unspecified"


@dataclass(frozen=True, slots=True)
class Determination:
    """masterSlaveDetermination."""

    terminal_type: int
    number: int
    """24 bits."""


@dataclass(frozen=True, slots=True)
class DeterminationAck:
    """It tells its receiver what that is."""

    master: bool


@dataclass(frozen=True, slots=True)
class DeterminationReject:
    """Both numbers were alike."""


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """openLogicalChannel: the sender will send this; `reverse`, and wants back that."""

    number: int
    data: DataType
    session: int
    control: Address | None
    """Where it takes RTCP."""
    media: Address | None = None
    payload_type: int | None = None
    packetization: Packetization | None = None
    reverse: DataType | None = None


@dataclass(frozen=True, slots=True)
class OpenAck:
    """openLogicalChannelAck: send there."""

    number: int
    session: int | None
    media: Address | None
    control: Address | None
    payload_type: int | None = None
    hold: bool = False
    """flowControlToZero: send nothing before a flowControlCommand."""


@dataclass(frozen=True, slots=True)
class OpenReject:
    """openLogicalChannelReject."""

    number: int
    cause: str = "dataTypeNotSupported"


@dataclass(frozen=True, slots=True)
class CloseChannel:
    """closeLogicalChannel: by whom opened it."""

    number: int


@dataclass(frozen=True, slots=True)
class CloseAck:
    """closeLogicalChannelAck."""

    number: int


@dataclass(frozen=True, slots=True)
class RequestClose:
    """requestChannelClose: by whom receives on it."""

    number: int


@dataclass(frozen=True, slots=True)
class RequestCloseAck:
    """requestChannelCloseAck; the closing itself follows."""

    number: int


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """roundTripDelayRequest."""

    sequence: int


@dataclass(frozen=True, slots=True)
class RoundTripResponse:
    """roundTripDelayResponse."""

    sequence: int


@dataclass(frozen=True, slots=True)
class ModeRequest:
    """requestMode: the peer would like other streams."""

    sequence: int


@dataclass(frozen=True, slots=True)
class ModeReject:
    """requestModeReject."""

    sequence: int


class Miscellaneous(StrEnum):
    """MiscellaneousCommand types that wish for a picture or stop it."""

    FAST_UPDATE_PICTURE = "videoFastUpdatePicture"
    FAST_UPDATE_GOB = "videoFastUpdateGOB"
    FAST_UPDATE_MB = "videoFastUpdateMB"
    LOST_PICTURE = "lostPicture"
    LOST_PARTIAL_PICTURE = "lostPartialPicture"
    FREEZE_PICTURE = "videoFreezePicture"


WISHES = frozenset(Miscellaneous) - {Miscellaneous.FREEZE_PICTURE}


@dataclass(frozen=True, slots=True)
class Command:
    """miscellaneousCommand, about a channel of its receiver."""

    number: int
    type: str
    """A `Miscellaneous` where it is one of these."""


@dataclass(frozen=True, slots=True)
class FlowControl:
    """flowControlCommand: send no more than this on a channel, or on all (None)."""

    number: int | None
    max_bps: int | None
    """None: without a limit."""


@dataclass(frozen=True, slots=True)
class EndSession:
    """endSessionCommand."""


@dataclass(frozen=True, slots=True)
class SendSet:
    """sendTerminalCapabilitySet: say all your capabilities again."""


@dataclass(frozen=True, slots=True)
class UserInput:
    """Keys pressed; several at once where they came as text."""

    keys: str


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """functionNotSupported, unknownFunction: our answer to an unknown request."""


@dataclass(frozen=True, slots=True)
class Generic:
    """H.239 and others that came by genericRequest, -Response, -Command or -Indication."""

    kind: str
    """request, response, command or indication."""
    identifier: tuple[int, ...]
    sub: int | None
    content: tuple[tuple[int, int], ...] = ()
    """(parameter, value) of those that are numbers; a flag has 1."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What we only count; a request of these is answered `NotUnderstood`."""

    kind: str
    name: str


H245 = (
    CapabilitySet | SetAck | SetReject | Determination | DeterminationAck | DeterminationReject
    | OpenChannel | OpenAck | OpenReject | CloseChannel | CloseAck | RequestClose | RequestCloseAck
    | RoundTrip | RoundTripResponse | ModeRequest | ModeReject | Command | FlowControl | EndSession
    | SendSet | UserInput | NotUnderstood | Generic | Unknown
)  # fmt: skip

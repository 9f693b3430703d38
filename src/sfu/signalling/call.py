"""What a room hears from any room-codec protocol, and what it may ask: one face over SIP and H.323.

::

    caller                      core                              server
      |-- INVITE / Setup -------->|-- CallOffered ------------------->|
      |<- 180 / Alerting ---------|<------------------------- Ring ---|
      |<- 200 + SDP / Connect ----|<----------------------- Accept ---|
      |-- ACK ------------------->|-- CallConfirmed (late answer) --->|
      |-- re-INVITE ------------->|-- MediaOffered ------------------>|
      |<- 200 + SDP --------------|<------------------ AnswerMedia ---|
      |<- INFO fast update -------|<------------------- AskPicture ---|
      |-- REFER ----------------->|-- TransferWanted ---------------->|
      |<- NOTIFY -----------------|<----------------- TellTransfer ---|
      |<- REFER ------------------|<--------------------- Transfer ---|
      |-- NOTIFY ---------------->|-- TransferTold ------------------>|
      |-- BYE ------------------->|-- CallEnded --------------------->|

Session descriptions pass as bytes: the core carries them, `signalling.sdp` reads them.
"""

from dataclasses import dataclass
from enum import StrEnum

from sfu.model import Address, CallId, Protocol


class End(StrEnum):
    """Why a call ended, as call records and metrics spell it."""

    HUNG_UP = "hung_up"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    VANISHED = "vanished"
    ENDED_BY_SERVER = "ended_by_server"
    TRANSFERRED = "transferred"
    """It goes on elsewhere: in another room, at another address, or by a call in its place."""
    PROTOCOL_ERROR = "protocol_error"


@dataclass(frozen=True, slots=True)
class CallOffered:
    """Somebody calls us."""

    call: CallId
    protocol: Protocol
    target: str
    """User part of the called address, percent escapes undone: "4201", "4201##1234", ""."""
    caller: str
    """Its address, without display name: "morez@192.0.2.21"."""
    display_name: str
    model: str
    """User-Agent or vendor identification, "" if not told."""
    source: Address
    account: str | None
    """The account whose password it proved, if it did."""
    offer: bytes | None
    """None: it wants our offer in the answer (delayed offer)."""
    replaces: CallId | None = None
    """The call whose place it takes, dialog ids proven (SIP Replaces)."""
    also: tuple[str, ...] = ()
    """Where `target` is no room: other names the call may mean, the likeliest first."""


@dataclass(frozen=True, slots=True)
class CallRinging:
    """A call of ours rings at the other end."""

    call: CallId


@dataclass(frozen=True, slots=True)
class CallProgressed:
    """Our offer was answered for good before the call is taken (early media)."""

    call: CallId
    description: bytes


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """A call of ours was taken; `description` answers our offer."""

    call: CallId
    description: bytes | None
    """None: media goes on as agreed since `CallProgressed`."""
    model: str


@dataclass(frozen=True, slots=True)
class CallConfirmed:
    """Our acceptance arrived (ACK); `answer` is set where the offer was ours (delayed offer)."""

    call: CallId
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class MediaOffered:
    """The peer changes media in mid call; None asks for our offer.  Answer it."""

    call: CallId
    offer: bytes | None


@dataclass(frozen=True, slots=True)
class MediaAnswered:
    """The peer answered an `OfferMedia` of ours."""

    call: CallId
    answer: bytes


@dataclass(frozen=True, slots=True)
class MediaRefused:
    """The peer refused an `OfferMedia` of ours; media goes on as it was."""

    call: CallId
    status: int


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A key of the far end, by signalling: 0-9 * # A-D."""

    call: CallId
    digit: str


@dataclass(frozen=True, slots=True)
class PictureWanted:
    """The peer asks us for a key frame by signalling (SIP INFO, videoFastUpdatePicture)."""

    call: CallId


@dataclass(frozen=True, slots=True)
class ProbeAnswered:
    """The peer answered our `Probe`: it lives."""

    call: CallId


@dataclass(frozen=True, slots=True)
class TransferWanted:
    """The peer asks us to bring it, or the meeting, together with an address: `TellTransfer`."""

    call: CallId
    target: str
    """"sip:4202@198.51.100.5", as it stood there, without header fields."""
    by: str
    """Who stands behind the wish, if told: "morez@192.0.2.21", else ""."""


@dataclass(frozen=True, slots=True)
class TransferTold:
    """How far the peer got with a `Transfer` of ours."""

    call: CallId
    status: int
    """SIP status: 1xx under way, 2xx done, else failed."""
    text: str
    over: bool
    """Nothing more will be told."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over; nothing more is told of it."""

    call: CallId
    cause: End
    status: int
    """SIP status or Q.850 cause, 0 for none."""
    text: str


CallEvent = (
    CallOffered
    | CallRinging
    | CallProgressed
    | CallAnswered
    | CallConfirmed
    | MediaOffered
    | MediaAnswered
    | MediaRefused
    | DigitPressed
    | PictureWanted
    | ProbeAnswered
    | TransferWanted
    | TransferTold
    | CallEnded
)


@dataclass(frozen=True, slots=True)
class Dial:
    """Call an address, say "sip:morez@192.0.2.21"; `description` is our offer."""

    call: CallId
    uri: str
    description: bytes
    display_name: str
    user: str
    """Our own user part, the room's number."""
    trunk: str = ""
    """Name of the trunk it goes by, `uri` then being a mere number; "" for straight."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Tell the caller that we ring."""

    call: CallId


@dataclass(frozen=True, slots=True)
class Accept:
    """Take the call; `description` is the answer, or our offer if theirs is delayed."""

    call: CallId
    description: bytes


@dataclass(frozen=True, slots=True)
class Reject:
    """Do not take the call."""

    call: CallId
    status: int
    reason: str
    warning: str = ""
    """Text of a Warning header, "" for none."""
    warning_code: int = 399
    """370: insufficient bandwidth (RFC 3261 section 20.43)."""
    retry_after_s: int = 0
    """When to call again (RFC 3261 section 20.33); 0: nothing is said of it."""


@dataclass(frozen=True, slots=True)
class AnswerMedia:
    """Answer a `MediaOffered`: our answer, or our offer where none was made."""

    call: CallId
    description: bytes


@dataclass(frozen=True, slots=True)
class RefuseMedia:
    """Refuse a `MediaOffered`; media goes on as it was."""

    call: CallId
    status: int = 488


@dataclass(frozen=True, slots=True)
class OfferMedia:
    """Change media in mid call (re-INVITE); waits its turn and survives glare."""

    call: CallId
    description: bytes


@dataclass(frozen=True, slots=True)
class AskPicture:
    """Ask the peer for a key frame by signalling."""

    call: CallId


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the peer whether it lives (OPTIONS in the dialog)."""

    call: CallId


@dataclass(frozen=True, slots=True)
class TellTransfer:
    """Say how far a `TransferWanted` is: 1xx under way, 2xx done, else failed.

    A first word of 300 or more refuses it; after a final one nothing more is heard.
    """

    call: CallId
    status: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Ask the peer to go on with another address; `TransferTold` says how it went."""

    call: CallId
    uri: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call, in whatever state it is (CANCEL, BYE, or a final refusal)."""

    call: CallId
    cause: End = End.ENDED_BY_SERVER


CallOrder = (
    Dial
    | Ring
    | Accept
    | Reject
    | AnswerMedia
    | RefuseMedia
    | OfferMedia
    | AskPicture
    | Probe
    | TellTransfer
    | Transfer
    | HangUp
)

"""One call as the SIP core keeps it: state only; the event families act on it.

::

    incoming:  INVITED --200 sent--> ANSWERED --ACK--> CONFIRMED --BYE--> CLOSED
    outgoing:  CALLING --------200, ACK sent---------> CONFIRMED
    CLOSED is told to the server at once; signalling that is still owed goes on for a while.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from sfu.model import CallId
from sfu.signalling.call import Dial
from sfu.signalling.sip.asked import Asked
from sfu.signalling.sip.binding import Binding
from sfu.signalling.sip.dialog import Dialog
from sfu.signalling.sip.flow import Flow, Hop, Place
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.transaction.key import ServerKey


class State(Enum):
    """How far the call is."""

    INVITED = auto()
    ANSWERED = auto()
    CALLING = auto()
    CONFIRMED = auto()
    CLOSED = auto()


class Alarm(Enum):
    """What a leg waits for."""

    ANSWER = auto()
    """The call goes unanswered."""
    RESEND = auto()
    """Our 2xx has no ACK."""
    GLARE = auto()
    """Our offer may be tried again after a 491."""
    PENDING = auto()
    """The server owes an answer to their mid-call offer."""
    NEXT = auto()
    """Our first INVITE was not heard of: there may be another place to try."""
    REFRESH = auto()
    """The session must be refreshed by us."""
    EXPIRY = auto()
    """The session was not refreshed."""
    REFERRED = auto()
    """The server owes the end of a transfer the peer asked for."""
    REFERRING = auto()
    """The peer owes the end of a transfer we asked for."""
    LINGER = auto()
    """A closed leg has waited long enough for what was owed."""


@dataclass(slots=True)
class Pending:
    """An INVITE or UPDATE of the peer that waits for the server's answer."""

    key: ServerKey
    request: Request
    offer: bytes | None


@dataclass(slots=True)
class Unacked:
    """Our 2xx to an INVITE, repeated until its ACK (13.3.1.4)."""

    key: ServerKey
    response: Response
    cseq: int
    ours: bool
    """The 2xx carried our offer: the ACK carries the answer."""
    interval: float
    ends_at: float


@dataclass(slots=True)
class SentAck:
    """The ACK to a 2xx, kept because every repeated 2xx gets it again (13.2.2.4)."""

    cseq: int
    flow: Flow
    data: bytes


@dataclass(slots=True)
class Fork:
    """An early dialog of our INVITE: one of the phones that ring."""

    dialog: Dialog
    rseq: int | None = None
    """Number of its last reliable provisional response (RFC 3262)."""
    answer: bytes | None = None
    """The description it sent early."""
    settled: bool = False
    """It sent it reliably: our offer is answered."""


@dataclass(slots=True)
class Referral:
    """A REFER of the peer: what it is told of it (RFC 3515)."""

    key: ServerKey
    request: Request
    event: str
    """Value of our Event headers."""
    quiet: bool
    """It wants no NOTIFY (RFC 4488)."""
    accepted: bool = False
    telling: bool = False
    """A NOTIFY of ours has no answer yet: the next one waits."""
    next: tuple[int, str] | None = None


@dataclass(slots=True)
class Referring:
    """A REFER of ours."""

    accepted: bool = False
    status: int = 0
    """What was told last."""


@dataclass(slots=True)
class SessionTimer:
    """What RFC 4028 calls the session interval, and who refreshes."""

    interval_s: int
    ours: bool


@dataclass(slots=True)
class Leg:
    """Everything known of one call."""

    call: CallId
    state: State
    call_id: str
    local_tag: str
    user: str
    """User part of our Contact."""
    source: str = ""
    """Host an incoming call came from."""
    flow: Flow | None = None
    flow_open: bool = False
    behind_nat: bool = False
    """The peer's Via does not name where its packets come from."""
    dialog: Dialog | None = None
    pending: Pending | None = None
    """Their offer (at first their INVITE) that waits for the server."""
    unacked: Unacked | None = None
    asking: Asked | None = None
    """Our INVITE, first or mid-call, as sent last."""
    busy: bool = False
    """A mid-call offer or refresh of ours is under way."""
    waiting: bool = False
    """Our offer met theirs and waits before it is tried again (14.1)."""
    offered: bytes | None = None
    """Our mid-call offer under way; None for a mere refresh."""
    queued: bytes | None = None
    """Our next mid-call offer, waiting its turn."""
    sent_ack: SentAck | None = None
    ringing: bool = False
    provisional: bool = False
    """Our INVITE was heard of: it may be cancelled."""
    local_sdp: bytes = b""
    remote_sdp: bytes = b""
    they_offered: bool = False
    """The last exchange was their offer and our answer."""
    forks: dict[str, Fork] = field(default_factory=dict)
    """Early dialogs of our INVITE by remote tag."""
    progressed: str = ""
    """Remote tag of the fork whose early answer the server knows."""
    dropped: dict[str, "Leg"] = field(default_factory=dict)
    """Dialogs of phones that answered too late, by remote tag."""
    referral: Referral | None = None
    referrals: int = 0
    """How often the peer asked for a transfer."""
    referring: Referring | None = None
    timer: SessionTimer | None = None
    min_session_s: int = 0
    """The Min-SE of a 422 we got."""
    too_brief: int = 0
    """How often the first INVITE was answered 422."""
    allows: frozenset[str] = field(default_factory=frozenset)
    """Methods the peer's Allow named, in lower case."""
    early: bool = True
    """Counts against its source's limit."""
    picture_asked: bool = False
    """Our INFO that asks for a key frame has no answer yet."""
    deaf_to_info: bool = False
    """It knows no such INFO."""
    called: bool = False
    """We called, so the Call-ID is ours."""
    dialled: Dial | None = None
    """The order we called by."""
    contacts: deque[Binding] = field(default_factory=deque)
    """Where else the account we call is reached, the best first."""
    trunk: str = ""
    """The trunk the call goes or came by: its password answers challenges in this call."""
    hop: Hop | None = None
    """Where our first INVITE goes, which may stand for several places."""
    tried: tuple[Place, ...] = ()
    """Places that did not take it."""

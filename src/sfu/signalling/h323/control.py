"""H.245 of one call: capabilities, who leads, channels; whatever connection carries it.

::

    us                                         unit
    |-- TCS, MSD ------------------------------>|
    |<------------------------------ TCS, MSD --|
    |-- TCSAck, MSDAck -----------------------> |   both settled:
    |-- OLC sound, OLC picture ---------------->|
    |<---------------- OLC sound, OLC picture --|
    |-- OLCAck x 2 ---------------------------->|   our ports
    |<---------------------------- OLCAck x 2 --|   theirs: `Settled`
    |<-> roundTripDelay each 10 s               |   30 s without: `Silent`
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sfu.model import Codec, Kind
from sfu.signalling.h323.capset import CapabilitySet
from sfu.signalling.h323.channel import Incoming, Outgoing, Way, incoming, kind_of
from sfu.signalling.h323.datatype import (
    H264,
    NON_INTERLEAVED,
    SINGLE_NAL,
    Camera,
    DataType,
    OldPicture,
    Packetization,
    Slides,
    Sound,
)
from sfu.signalling.h323.description import DYNAMIC, SESSIONS, Flow, Ours
from sfu.signalling.h323.determination import Lead, MasterSlave
from sfu.signalling.h323.h245 import (
    H245,
    WISHES,
    CloseAck,
    CloseChannel,
    Command,
    Determination,
    DeterminationAck,
    DeterminationReject,
    EndSession,
    FlowControl,
    Generic,
    Miscellaneous,
    ModeReject,
    ModeRequest,
    OpenAck,
    OpenChannel,
    OpenReject,
    RequestClose,
    RequestCloseAck,
    RoundTrip,
    RoundTripResponse,
    SendSet,
    SetAck,
    SetReject,
    Unknown,
    UserInput,
)

PATIENCE_S = 4.0
"""So long a settled call waits for the peer's own channels, or for answers to ours."""
PROBE_S = 10.0
SILENT_S = 30.0
"""Without any message of H.245 for so long, the peer is gone."""
CHANNELS_MAX = 16
SOUND_BPS = 64_000
TOKEN = (0, 0, 8, 239, 2)
"""H.239 messages."""
TOKEN_REQUEST, TOKEN_RESPONSE = 3, 4
TOKEN_REJECT = 127


@dataclass(frozen=True, slots=True)
class Settled:
    """Media may begin."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Channels, or what the peer takes, are others than before."""


@dataclass(frozen=True, slots=True)
class Wished:
    """The peer wants a key frame."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """The peer pressed keys."""

    keys: str


@dataclass(frozen=True, slots=True)
class Alive:
    """The peer answered a round trip."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The peer ended the session, or it cannot go on; `reason` for the log."""

    reason: str
    silent: bool = False


Fact = Settled | Changed | Wished | Keyed | Alive | Ended


class Control:
    """One H.245 session; messages in and out, no connection, no clock."""

    def __init__(self, ours: Ours, fresh: Callable[[], int]) -> None:
        """Speak for a description of ours; `fresh` gives random numbers of 24 bits."""
        self.deadline: float | None = None
        self.unknown = 0
        """Messages that were only counted."""
        self._ours = ours
        self._fresh = fresh
        self._lead = MasterSlave(fresh())
        self._sequence = 0
        self._set_taken = False
        self._theirs: CapabilitySet | None = None
        self._out: dict[Kind, Outgoing] = {}
        self._in: dict[Kind, Incoming] = {}
        self._refused: dict[Kind, set[str]] = {}
        self._numbers = 100
        self._trips = 0
        self._asked_at = 0.0
        self._heard_at = 0.0
        self._waiting_since: float | None = None
        self._settled = False
        self._ended = False
        self._messages: deque[H245] = deque()
        self._facts: deque[Fact] = deque()

    # ---- what the call wants

    def begin(self, now: float) -> None:
        """Say what we take, and who we are."""
        self._heard_at = now
        self._tell_set()
        self._messages.append(self._lead.begin())
        self._arm(now)

    def set_ours(self, ours: Ours, now: float) -> None:
        """Take in another description of ours: other sinks' limits, a hold, other ports."""
        before, self._ours = self._ours, ours
        if before.capabilities(0) != ours.capabilities(0):
            self._tell_set()
        self._open_more(now)

    def ask_picture(self) -> None:
        """Wish for a key frame."""
        if channel := self._in.get(Kind.VIDEO):
            self._messages.append(Command(channel.number, Miscellaneous.FAST_UPDATE_PICTURE))

    def limit(self, max_bps: int | None) -> bool:
        """Have the peer send its picture at no more than this; False while it sends none."""
        channel = self._in.get(Kind.VIDEO)
        if channel is not None:
            self._messages.append(FlowControl(channel.number, max_bps))
        return channel is not None

    def probe(self, now: float) -> None:
        """Ask whether the peer lives."""
        self._trips = (self._trips + 1) % 256
        self._asked_at = now
        self._messages.append(RoundTrip(self._trips))

    def close(self) -> None:
        """End the session: channels first."""
        for channel in self._out.values():
            self._messages.append(CloseChannel(channel.asked.number))
        self._messages.append(EndSession())
        self._ended, self.deadline = True, None

    # ---- what it yields

    def messages(self) -> Iterator[H245]:
        """Yield what to send, oldest first."""
        while self._messages:
            yield self._messages.popleft()

    def facts(self) -> Iterator[Fact]:
        """Yield what happened, oldest first."""
        while self._facts:
            yield self._facts.popleft()

    def flows(self) -> dict[Kind, Flow]:
        """Tell what flows now."""
        return {kind: self._flow(kind) for kind in self._out.keys() | self._in.keys()}

    @property
    def telephone_event(self) -> int | None:
        """Payload type in which the peer takes keys."""
        return self._theirs.telephone_event if self._theirs else None

    # ---- what comes

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self._ended:
            return
        if now >= self._heard_at + SILENT_S:
            self._end("nothing of H.245 for 30 s", silent=True)
            return
        if self._settled and now >= self._asked_at + PROBE_S:
            self.probe(now)
        self._settle(now)
        self._arm(now)

    def receive(self, message: H245, now: float) -> None:
        """Take one message of the peer."""
        if self._ended:
            return
        self._heard_at = now
        match message:
            case CapabilitySet():
                self._messages.append(SetAck(message.sequence))
                self._take_set(message, now)
            case SetAck():
                self._set_taken = True
            case SetReject():
                self._end("it refused our capabilities")
            case Determination() | DeterminationAck() | DeterminationReject():
                self._messages.extend(self._lead.receive(message, self._fresh()))
                if self._lead.lead is Lead.FAILED:
                    self._end("nobody leads")
            case EndSession():
                self._end("")
            case _:
                self._take(message, now)
        self._open_more(now)
        self._settle(now)
        self._arm(now)

    def _take(self, message: H245, now: float) -> None:
        match message:
            case OpenChannel():
                self._opened(message)
            case OpenAck() | OpenReject():
                self._answered(message)
            case CloseChannel():
                self._messages.append(CloseAck(message.number))
                self._closed(message.number)
            case RequestClose():
                self._messages.append(RequestCloseAck(message.number))
                self._give_up(message.number)
            case RoundTrip():
                self._messages.append(RoundTripResponse(message.sequence))
            case RoundTripResponse():
                self._facts.append(Alive())
            case ModeRequest():
                self._messages.append(ModeReject(message.sequence))
            case SendSet():
                self._tell_set()
            case Command():
                if message.type in WISHES:
                    self._facts.append(Wished())
            case FlowControl():
                self._limited(message)
            case UserInput():
                if message.keys:
                    self._facts.append(Keyed(message.keys))
            case Generic():
                self._generic(message)
            case Unknown():
                self.unknown += 1
                if message.kind == "request":
                    self._messages.append(message)  # written as functionNotSupported
            case _:
                self.unknown += 1

    # ---- capabilities

    def _tell_set(self) -> None:
        self._sequence = self._sequence % 255 + 1
        self._set_taken = False
        self._messages.append(self._ours.capabilities(self._sequence))

    def _take_set(self, theirs: CapabilitySet, now: float) -> None:
        self._theirs = theirs
        self._refused.clear()
        if not theirs.abilities:  # a pause: H.323 section 8.4.6
            for kind in list(self._out):
                self._shut(kind)
            return
        for kind, channel in list(self._out.items()):
            wanted = self._ours.choose(kind, theirs)
            if type(wanted) is not type(channel.asked.data):
                self._shut(kind)

    # ---- our channels

    def _open_more(self, now: float) -> None:
        ready = self._theirs is not None and self._set_taken and self._lead.acknowledged
        if self._ended or not ready or self._lead.lead is Lead.OPEN:
            return
        assert self._theirs is not None
        for kind in SESSIONS:
            if kind in self._out or kind not in self._ours.media:
                continue
            data = self._choice(kind, self._theirs)
            if data is not None:
                self._open(kind, data, now)
        if self._waiting_since is None:
            self._waiting_since = now

    def _choice(self, kind: Kind, theirs: CapabilitySet) -> DataType | None:
        refused = self._refused.get(kind, set())
        left = tuple(one for one in theirs.abilities if _name(one.what) not in refused)
        return self._ours.choose(kind, CapabilitySet(theirs.sequence, left, theirs.packetizations))

    def _open(self, kind: Kind, data: DataType, now: float) -> None:
        self._numbers += 1
        payload, packing = None, None
        if isinstance(data, H264):
            oid = NON_INTERLEAVED if self._mode() else SINGLE_NAL
            payload = DYNAMIC[oid]
            packing = Packetization(payload, oid)
        elif isinstance(data, OldPicture):
            packing = Packetization(None, rfc=2190 if data.codec is Codec.H263 else 2032)
        elif isinstance(data, Camera):
            payload = 100
        asked = OpenChannel(
            self._numbers,
            data,
            SESSIONS[kind],
            self._ours.control[kind],
            payload_type=payload,
            packetization=packing,
        )
        self._out[kind] = Outgoing(asked)
        self._messages.append(asked)

    def _mode(self) -> int:
        """Return the packetization we send in: mode 1 where it says that it takes it."""
        return 1 if self._theirs is not None and 1 in self._theirs.modes else 0

    def _answered(self, message: OpenAck | OpenReject) -> None:
        kind = self._of(message.number)
        if kind is None:
            return
        channel = self._out[kind]
        if isinstance(message, OpenAck):
            channel.accepted(message)
            self._tell_change()
        else:
            # the next of its capabilities is tried
            self._refused.setdefault(kind, set()).add(_name(channel.asked.data))
            del self._out[kind]

    def _limited(self, message: FlowControl) -> None:
        channel = self._out.get(Kind.VIDEO)
        if message.number is None and message.max_bps is not None and channel is not None:
            channel.max_bps = max(message.max_bps - SOUND_BPS, 0)
        elif (kind := self._of(message.number)) is not None:
            channel = self._out[kind]
            channel.max_bps = message.max_bps or 0
        if channel is not None:
            channel.held = message.max_bps == 0
            self._tell_change()

    def _give_up(self, number: int) -> None:
        """Close a channel the peer wants closed, and do not open its like again."""
        kind = self._of(number)
        if kind is not None:
            self._refused.setdefault(kind, set()).add(_name(self._out[kind].asked.data))
            self._shut(kind)

    def _shut(self, kind: Kind) -> None:
        channel = self._out.pop(kind)
        self._messages.append(CloseChannel(channel.asked.number))
        self._tell_change()

    def _of(self, number: int | None) -> Kind | None:
        return next((k for k, one in self._out.items() if one.asked.number == number), None)

    # ---- the peer's channels

    def _opened(self, asked: OpenChannel) -> None:
        kind = kind_of(asked.data)
        if kind is None or not self._taken(kind, asked.data) or len(self._in) >= CHANNELS_MAX:
            self._messages.append(OpenReject(asked.number, _refusal(asked.data)))
            return
        self._in[kind] = incoming(asked, kind)
        media, control = self._ours.media[kind], self._ours.control[kind]
        session = asked.session or SESSIONS[kind]
        self._messages.append(OpenAck(asked.number, session, media, control))
        self._tell_change()

    def _taken(self, kind: Kind, data: DataType) -> bool:
        if kind not in self._ours.media:
            return False
        match data:
            case Sound():
                return data.codec in self._ours.sounds
            case H264():
                return self._ours.picture is not None
            case OldPicture():
                return self._ours.old is not None and self._ours.old.codec is data.codec
        return isinstance(data, Camera)

    def _closed(self, number: int) -> None:
        for kind, channel in list(self._in.items()):
            if channel.number == number:
                del self._in[kind]
                self._tell_change()

    def _generic(self, message: Generic) -> None:
        """H.239: nobody gets the token while nothing can be shared."""
        if message.identifier == TOKEN and message.sub == TOKEN_REQUEST:
            content = (*((n, v) for n, v in message.content if n in (44, 42)), (TOKEN_REJECT, 1))
            self._messages.append(Generic("response", TOKEN, TOKEN_RESPONSE, content))
        elif message.kind == "request":
            self._messages.append(Unknown("request", "genericRequest"))

    # ---- how far we are

    def _flow(self, kind: Kind) -> Flow:
        out, into = self._out.get(kind), self._in.get(kind)
        rtp = out.media if out is not None and out.way is Way.OPEN else None
        rtcp = out.control if out is not None and out.way is Way.OPEN else None
        if rtcp is None and into is not None:
            rtcp = into.control
        packing = out.asked.packetization if out is not None else None
        return Flow(
            kind,
            rtp,
            rtcp,
            out.asked.data if out is not None and out.flows else None,
            out.asked.payload_type if out is not None else None,
            into.data if into is not None else None,
            into.payload_type if into is not None else None,
            out.max_bps if out is not None else 0,
            1 if packing is not None and packing.oid == NON_INTERLEAVED else 0,
            into.mode if into is not None else 0,
        )

    def _settle(self, now: float) -> None:
        if self._settled or self._ended or self._waiting_since is None:
            return
        ours = all(channel.way is not Way.ASKED for channel in self._out.values())
        theirs = all(kind in self._in for kind in self._out if kind is not Kind.CAMERA)
        whole = ours and theirs and self._out
        some = self._in or any(channel.way is Way.OPEN for channel in self._out.values())
        if whole or (some and now >= self._waiting_since + PATIENCE_S):
            self._settled = True
            self._asked_at = now
            self._facts.append(Settled())

    def _tell_change(self) -> None:
        if self._settled and not (self._facts and isinstance(self._facts[-1], Changed)):
            self._facts.append(Changed())

    def _end(self, reason: str, *, silent: bool = False) -> None:
        self._ended, self.deadline = True, None
        self._facts.append(Ended(reason, silent))

    def _arm(self, now: float) -> None:
        if self._ended:
            return
        due = [self._heard_at + SILENT_S]
        if self._settled:
            due.append(self._asked_at + PROBE_S)
        elif self._waiting_since is not None:
            due.append(self._waiting_since + PATIENCE_S)
        self.deadline = min(due)


def _name(data: DataType) -> str:
    codec = getattr(data, "codec", None)
    return codec.name if codec is not None else type(data).__name__


def _refusal(data: DataType) -> str:
    return "dataTypeNotAvailable" if isinstance(data, Slides) else "dataTypeNotSupported"

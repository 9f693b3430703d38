"""H.245 of one call: capabilities, who leads, channels; whatever connection carries it.

::

    us                                         unit
    |-- TCS, MSD ------------------------------>|   H.263 and H.261 are named to who knows
    |<------------------------------ TCS, MSD --|   no H.264 alone: where we have them, our
    |                                           |   TCS waits for its, HOLD_S at most
    |-- TCSAck, MSDAck -----------------------> |   both settled:
    |-- OLC sound, OLC picture ---------------->|
    |<---------------- OLC sound, OLC picture --|
    |-- OLCAck x 2 ---------------------------->|   our ports
    |<---------------------------- OLCAck x 2 --|   theirs: `Settled`
    |<-> roundTripDelay each 10 s               |   30 s without: `Silent`
"""

from collections import deque
from collections.abc import Callable, Iterator

from sfu.model import Kind
from sfu.signalling.h323.capset import CapabilitySet
from sfu.signalling.h323.channel import Way, flow
from sfu.signalling.h323.description import Flow, Ours
from sfu.signalling.h323.determination import Lead, MasterSlave
from sfu.signalling.h323.fact import Alive, Changed, Ended, Fact, Keyed, Settled, Wished
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
from sfu.signalling.h323.receiving import Receiving
from sfu.signalling.h323.sending import Sending

PATIENCE_S = 4.0
"""So long a settled call waits for the peer's own channels, or for answers to ours."""
PICTURE_S = 1.0
"""So long one that has sound both ways waits for its picture: a unit may have no camera."""
HOLD_S = 0.4
"""Units say their capabilities at once; whoever knows both might choose the old codec."""
PROBE_S = 10.0
SILENT_S = 30.0
"""Without any message of H.245 for so long, the peer is gone."""
TOKEN = (0, 0, 8, 239, 2)
"""H.239 messages."""
TOKEN_REQUEST, TOKEN_RESPONSE = 3, 4
TOKEN_REJECT = 127


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
        self._trips = 0
        self._asked_at = 0.0
        self._heard_at = 0.0
        self._hold: float | None = None
        """Until when our capabilities wait for the peer's."""
        self._waiting_since: float | None = None
        self._sounding_since: float | None = None
        """Since when sound goes both ways."""
        self._settled = False
        self._ended = False
        self._messages: deque[H245] = deque()
        self._facts: deque[Fact] = deque()
        self._sending = Sending(self._messages.append, self._tell_change)
        self._receiving = Receiving(self._messages.append, self._tell_change)

    # ---- what the call wants

    def begin(self, now: float) -> None:
        """Say what we take, and who we are."""
        self._heard_at = now
        if self._ours.olds:
            self._hold = now + HOLD_S
        else:
            self._tell_set()
        self._messages.append(self._lead.begin())
        self._arm(now)

    def set_ours(self, ours: Ours, now: float) -> None:
        """Take in another description of ours: other sinks' limits, a hold, other ports."""
        before, self._ours = self._ours, ours
        if self._hold is None and before.capabilities(0) != ours.capabilities(0):
            self._tell_set()
        self._open_more(now)

    def ask_picture(self) -> None:
        """Wish for a key frame."""
        if channel := self._receiving.channels.get(Kind.VIDEO):
            self._messages.append(Command(channel.number, Miscellaneous.FAST_UPDATE_PICTURE))

    def limit(self, max_bps: int | None) -> bool:
        """Have the peer send its picture at no more than this; False while it sends none."""
        channel = self._receiving.channels.get(Kind.VIDEO)
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
        for channel in self._sending.channels.values():
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
        out, into = self._sending.channels, self._receiving.channels
        return {
            kind: flow(kind, out.get(kind), into.get(kind)) for kind in out.keys() | into.keys()
        }

    @property
    def telephone_event(self) -> int | None:
        """Payload type in which the peer takes keys."""
        theirs = self._sending.theirs
        return theirs.telephone_event if theirs else None

    # ---- what comes

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self._ended:
            return
        if now >= self._heard_at + SILENT_S:
            self._end("nothing of H.245 for 30 s", silent=True)
            return
        if self._hold is not None and now >= self._hold:
            self._tell_set()
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
                self._take_set(message)
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
                self._receiving.opened(message, self._ours)
            case OpenAck() | OpenReject():
                self._sending.answered(message)
            case CloseChannel():
                self._messages.append(CloseAck(message.number))
                self._receiving.closed(message.number)
            case RequestClose():
                self._messages.append(RequestCloseAck(message.number))
                self._sending.give_up(message.number)
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
                self._sending.limited(message)
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

    def _take_set(self, message: CapabilitySet) -> None:
        resumed = self._sending.paused and message.abilities
        self._messages.append(SetAck(message.sequence))
        self._sending.take_set(message, self._ours)
        if self._hold is not None:
            self._tell_set()
        elif resumed:
            # H.323 section 8.4.6: as if H.245 had just begun; behind a gatekeeper that paused us
            # somebody else may stand now, to whom nothing was said yet
            taken = self._set_taken
            self._tell_set()
            self._set_taken = taken
            self._lead = self._lead.renewed(self._fresh())
            self._messages.append(self._lead.begin())

    def _tell_set(self) -> None:
        self._sequence = self._sequence % 255 + 1
        self._set_taken, self._hold = False, None
        old = not self._sending.takes_h264
        self._messages.append(self._ours.capabilities(self._sequence, old=old))

    # ---- how far we are

    def _open_more(self, now: float) -> None:
        known = self._sending.theirs is not None and self._set_taken
        if self._ended or not known or not self._lead.acknowledged or self._lead.lead is Lead.OPEN:
            return
        self._sending.open_more(self._ours)
        if self._waiting_since is None:
            self._waiting_since = now

    def _settle(self, now: float) -> None:
        if self._settled or self._ended or self._waiting_since is None:
            return
        out, into = self._sending.channels, self._receiving.channels
        ours = all(channel.way is not Way.ASKED for channel in out.values())
        theirs = all(kind in into for kind in out if kind is not Kind.CAMERA)
        whole = ours and theirs and out
        some = into or any(channel.way is Way.OPEN for channel in out.values())
        sound = out.get(Kind.AUDIO)
        if sound is None or sound.way is not Way.OPEN or Kind.AUDIO not in into:
            self._sounding_since = None
        elif self._sounding_since is None:
            self._sounding_since = now
        if whole or (some and now >= self._patient_until(self._waiting_since)):
            self._settled = True
            self._asked_at = now
            self._facts.append(Settled())

    def _patient_until(self, since: float) -> float:
        """Say until when it waits for channels that are missing."""
        if self._sounding_since is None:
            return since + PATIENCE_S
        return min(since + PATIENCE_S, self._sounding_since + PICTURE_S)

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
        if self._hold is not None:
            due.append(self._hold)
        if self._settled:
            due.append(self._asked_at + PROBE_S)
        elif self._waiting_since is not None:
            due.append(self._patient_until(self._waiting_since))
        self.deadline = min(due)

    # ---- H.239

    def _generic(self, message: Generic) -> None:
        """H.239: nobody gets the token while nothing can be shared."""
        if message.identifier == TOKEN and message.sub == TOKEN_REQUEST:
            content = (*((n, v) for n, v in message.content if n in (44, 42)), (TOKEN_REJECT, 1))
            self._messages.append(Generic("response", TOKEN, TOKEN_RESPONSE, content))
        elif message.kind == "request":
            self._messages.append(Unknown("request", "genericRequest"))

"""INVITE client transaction (RFC 3261 section 17.1.1, RFC 6026 section 7.2).

::

               INVITE sent
     calling ---1xx---> proceeding ---2xx---> accepted ---M---> terminated
        |  `---2xx------------------------------^  (every 2xx passes up: forks, retransmissions)
        |---300-699---> completed (ACK, and ACK again) ---D---> terminated
        `---B---> terminated, given up                    A doubles: 0.5, 1, 2, ... s, UDP only
"""

from collections import deque
from collections.abc import Iterator
from enum import Enum, auto

from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.timers import T1_S, TIMEOUT_S
from sfu.signalling.sip.transaction.output import ClientOutput, GiveUp, Pass, Transmit

TIMER_D_S = 32.0


class State(Enum):
    """States of figure 5 and RFC 6026 figure 7.2."""

    CALLING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class InviteClient:
    """Sends an INVITE until it is heard of; acknowledges refusals itself."""

    def __init__(self, request: Request, reliable: bool, now: float) -> None:
        """Send at once."""
        self.request = request
        self.state = State.CALLING
        self._reliable = reliable
        self._data = request.to_bytes()
        self._outputs: deque[ClientOutput] = deque([Transmit(self._data)])
        self._interval = T1_S
        self._resend_at = float("inf") if reliable else now + T1_S  # timer A
        self._ends_at: float | None = now + TIMEOUT_S  # timers B, D and M

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        if self.state is State.CALLING and self._ends_at is not None:
            return min(self._resend_at, self._ends_at)
        return self._ends_at

    @property
    def terminated(self) -> bool:
        """Whether it can be forgotten."""
        return self.state is State.TERMINATED

    @property
    def waiting(self) -> bool:
        """Whether no final answer came yet."""
        return self.state in (State.CALLING, State.PROCEEDING)

    def handle(self, response: Response, now: float) -> None:
        """Take a response."""
        match self.state, response.status // 100:
            case ((State.CALLING | State.PROCEEDING), 1):
                self.state, self._ends_at = State.PROCEEDING, None
                self._outputs.append(Pass(response))
            case ((State.CALLING | State.PROCEEDING), 2):
                self.state, self._ends_at = State.ACCEPTED, now + TIMEOUT_S
                self._outputs.append(Pass(response))
            case ((State.CALLING | State.PROCEEDING), _):
                self.state = State.COMPLETED
                self._ends_at = now + (0.0 if self._reliable else TIMER_D_S)
                self._outputs += (Transmit(self._ack(response)), Pass(response))
            case State.ACCEPTED, 2:
                self._outputs.append(Pass(response))
            case State.COMPLETED, kind if kind >= 3:
                self._outputs.append(Transmit(self._ack(response)))
            case _:
                pass  # late provisional, or a final that contradicts the first

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self.state is State.CALLING and self._resend_at <= now:
            self._outputs.append(Transmit(self._data))
            self._interval *= 2
            self._resend_at = now + self._interval
        if self._ends_at is not None and self._ends_at <= now:
            if self.state is State.CALLING:
                self._outputs.append(GiveUp())
            self.state, self._ends_at = State.TERMINATED, None

    def poll(self) -> Iterator[ClientOutput]:
        """Yield what the layer must do."""
        while self._outputs:
            yield self._outputs.popleft()

    def _ack(self, response: Response) -> bytes:
        """17.1.1.3: same Request-URI, Via, From, Call-ID and Route, the To of the response."""
        request = self.request
        kept = [(n, v) for n, v in request.headers if n in ("Route", "From", "Call-ID")]
        headers = [
            ("Via", str(request.via)),
            ("Max-Forwards", "70"),
            *kept,
            ("To", response.get("To") or request.get("To") or ""),
            ("CSeq", f"{request.cseq.number} ACK"),
        ]
        return Request(tuple(headers), b"", "ACK", request.target).to_bytes()

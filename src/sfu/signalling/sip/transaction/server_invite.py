"""INVITE server transaction (RFC 3261 section 17.2.1, RFC 6026 section 7.1).

::

    proceeding ---2xx sent---> accepted ---L---> terminated     (the core repeats the 2xx)
        `---300-699 sent---> completed ---ACK---> confirmed ---I---> terminated
                                 `---H: no ACK ever---> terminated
    G repeats a refusal at 0.5, 1, 2, 4, 4 ... s, UDP only; a repeated INVITE gets it at once
"""

from collections import deque
from collections.abc import Iterator
from enum import Enum, auto

from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.timers import T1_S, T2_S, T4_S, TIMEOUT_S
from sfu.signalling.sip.transaction.output import Transmit


class State(Enum):
    """States of figure 7 and RFC 6026 figure 7.1."""

    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class InviteServer:
    """Answers one INVITE, however often it comes."""

    def __init__(self, request: Request, reliable: bool) -> None:
        """Wait for our answer."""
        self.request = request
        self.state = State.PROCEEDING
        self._reliable = reliable
        self._last = b""
        self._outputs: deque[Transmit] = deque()
        self._interval = T1_S
        self._resend_at = float("inf")  # timer G
        self._ends_at: float | None = None  # timers H, I and L

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        if self.state is State.COMPLETED and self._ends_at is not None:
            return min(self._resend_at, self._ends_at)
        return self._ends_at

    @property
    def answered(self) -> bool:
        """Whether a final answer was given."""
        return self.state is not State.PROCEEDING

    @property
    def refused(self) -> bool:
        """Whether the answer was a refusal, whose ACK is ours to absorb."""
        return self.state in (State.COMPLETED, State.CONFIRMED)

    @property
    def terminated(self) -> bool:
        """Whether it can be forgotten."""
        return self.state is State.TERMINATED

    def handle(self, request: Request, now: float) -> None:
        """Take the INVITE again, or the ACK to a refusal."""
        match self.state, request.method:
            case State.COMPLETED, "ACK":
                self.state = State.CONFIRMED
                self._ends_at = now + (0.0 if self._reliable else T4_S)
            case ((State.PROCEEDING | State.COMPLETED), "INVITE") if self._last:
                self._outputs.append(Transmit(self._last))
            case _:
                pass  # RFC 6026: an accepted INVITE that comes again is absorbed

    def respond(self, response: Response, now: float) -> None:
        """Send an answer; after a final one only a repeated 2xx passes."""
        data = response.to_bytes()
        match self.state, response.status // 100:
            case State.PROCEEDING, 1:
                self._last = data
            case State.PROCEEDING, 2:
                self.state, self._ends_at = State.ACCEPTED, now + TIMEOUT_S
            case State.PROCEEDING, _:
                self.state, self._ends_at = State.COMPLETED, now + TIMEOUT_S
                self._last = data
                self._resend_at = float("inf") if self._reliable else now + T1_S
            case State.ACCEPTED, 2:
                pass
            case _:
                return
        self._outputs.append(Transmit(data))

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self.state is State.COMPLETED and self._resend_at <= now:
            self._outputs.append(Transmit(self._last))
            self._interval = min(2 * self._interval, T2_S)
            self._resend_at = now + self._interval
        if self._ends_at is not None and self._ends_at <= now:
            self.state, self._ends_at = State.TERMINATED, None

    def poll(self) -> Iterator[Transmit]:
        """Yield what the layer must do."""
        while self._outputs:
            yield self._outputs.popleft()

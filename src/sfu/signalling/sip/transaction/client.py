"""Non-INVITE client transaction (RFC 3261 section 17.1.2).

::

    trying ---1xx---> proceeding ---200-699---> completed ---K---> terminated
       `------200-699--------------------------^     F from either: given up
    E doubles up to 4 s while trying, and is 4 s while proceeding; UDP only
"""

from collections import deque
from collections.abc import Iterator
from enum import Enum, auto

from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.timers import T1_S, T2_S, T4_S, TIMEOUT_S
from sfu.signalling.sip.transaction.output import ClientOutput, GiveUp, Pass, Transmit


class State(Enum):
    """States of figure 6."""

    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    TERMINATED = auto()


class Client:
    """Sends a request until its final answer."""

    def __init__(self, request: Request, reliable: bool, now: float) -> None:
        """Send at once."""
        self.request = request
        self.state = State.TRYING
        self._reliable = reliable
        self._data = request.to_bytes()
        self._outputs: deque[ClientOutput] = deque([Transmit(self._data)])
        self._interval = T1_S
        self._resend_at = float("inf") if reliable else now + T1_S  # timer E
        self._ends_at = now + TIMEOUT_S  # timers F and K

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        if self.state is State.TERMINATED:
            return None
        return self._ends_at if self._answered else min(self._resend_at, self._ends_at)

    @property
    def terminated(self) -> bool:
        """Whether it can be forgotten."""
        return self.state is State.TERMINATED

    @property
    def _answered(self) -> bool:
        return self.state in (State.COMPLETED, State.TERMINATED)

    @property
    def waiting(self) -> bool:
        """Whether no final answer came yet."""
        return not self._answered

    def handle(self, response: Response, now: float) -> None:
        """Take a response."""
        if self._answered:
            return  # a retransmitted final
        self._outputs.append(Pass(response))
        if response.status < 200:
            self.state = State.PROCEEDING
        else:
            self.state = State.COMPLETED
            self._ends_at = now + (0.0 if self._reliable else T4_S)

    def tick(self, now: float) -> None:
        """Let time pass."""
        if not self._answered and self._resend_at <= now:
            self._outputs.append(Transmit(self._data))
            proceeding = self.state is State.PROCEEDING
            self._interval = T2_S if proceeding else min(2 * self._interval, T2_S)
            self._resend_at = now + self._interval
        if self._ends_at <= now:
            if not self._answered:
                self._outputs.append(GiveUp())
            self.state = State.TERMINATED

    def poll(self) -> Iterator[ClientOutput]:
        """Yield what the layer must do."""
        while self._outputs:
            yield self._outputs.popleft()

"""Non-INVITE server transaction (RFC 3261 section 17.2.2).

::

    trying ---1xx sent---> proceeding ---200-699 sent---> completed ---J---> terminated
       `------200-699 sent------------------------------^
    A repeated request gets the last answer again.
"""

from collections import deque
from collections.abc import Iterator

from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.timers import TIMEOUT_S
from sfu.signalling.sip.transaction.output import Transmit


class Server:
    """Answers one request, however often it comes."""

    refused = False
    """An ACK never belongs to it."""

    def __init__(self, request: Request, reliable: bool) -> None:
        """Wait for our answer."""
        self.request = request
        self.answered = False
        self.terminated = False
        self.deadline: float | None = None
        self._reliable = reliable
        self._last = b""
        self._outputs: deque[Transmit] = deque()

    def handle(self, request: Request, now: float) -> None:
        """Take the request again."""
        if self._last:
            self._outputs.append(Transmit(self._last))

    def respond(self, response: Response, now: float) -> None:
        """Send an answer; 17.2.2: later final responses are discarded."""
        if self.answered:
            return
        self._last = response.to_bytes()
        self._outputs.append(Transmit(self._last))
        if response.status >= 200:
            self.answered = True
            self.deadline = now + (0.0 if self._reliable else TIMEOUT_S)  # timer J

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self.deadline is not None and self.deadline <= now:
            self.terminated, self.deadline = True, None

    def poll(self) -> Iterator[Transmit]:
        """Yield what the layer must do."""
        while self._outputs:
            yield self._outputs.popleft()

"""Messages that wait until the event loop has looked after everybody else.

::

    offer --slice not used up--> handled at once
       `---- used up ----------> queue --next turn of the loop--> handled, a slice at a time
                                   `-- full --> refused

Signalling and the browsers' RTCP and DTLS share one loop: a flood of SIP may take a slice of each
turn, never the whole of it.  What belongs to calls goes before what strangers send.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from sfu.signalling.sip.flow import Received, TurnedAway

SLICE_S = 0.004
"""Of each turn of the loop; a message begun is finished."""
MOST = 512
"""Messages that wait: half a second of work at most."""

Message = Received | TurnedAway


class Inbox:
    """Hands messages on, so many milliseconds a turn."""

    def __init__(
        self, handle: Callable[[Message], None], clock: Callable[[], float] = perf_counter
    ) -> None:
        """Hand on to `handle`."""
        self._handle = handle
        self._clock = clock
        self._first: deque[Message] = deque()
        self._later: deque[Message] = deque()
        self._spent_s = 0.0
        self._turn: asyncio.Handle | None = None

    def offer(self, message: Message, *, first: bool = False) -> bool:
        """Take a message, now or soon; False where too many wait."""
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._next_turn)
        if self._spent_s < SLICE_S and not self._first and not self._later:
            self._do(message)
            return True
        if len(self._first) + len(self._later) >= MOST:
            if not first or not self._later:
                return False
            self._later.pop()
        (self._first if first else self._later).append(message)
        return True

    def close(self) -> None:
        """Forget what waits."""
        self._first.clear()
        self._later.clear()
        if self._turn is not None:
            self._turn.cancel()

    def _next_turn(self) -> None:
        self._turn, self._spent_s = None, 0.0
        while self._spent_s < SLICE_S and (queue := self._first or self._later):
            self._do(queue.popleft())
        if self._first or self._later or self._spent_s:
            self._turn = asyncio.get_running_loop().call_soon(self._next_turn)

    def _do(self, message: Message) -> None:
        began = self._clock()
        try:
            self._handle(message)
        finally:
            self._spent_s += self._clock() - began

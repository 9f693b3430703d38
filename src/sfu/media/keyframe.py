"""When to ask a source for a key frame (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1).

However many sinks want one, one request is out at a time; unanswered, it is said again, and each
second in the other tongue too (SIP INFO, RFC 5168: the unit may not read RTCP, or a firewall eats
it)::

    quiet --Wanted-----------> asked at 0, 0.2, 0.5, 1, 2, 4... s --------- Arrived | Stopped-->
      +----Started | Routed--> asked at 0, 0.2, 0.4 s and three times  /                  quiet
                                right after that, then each third of a second for 5 s,
                                then each 2 s; from 1 s on: escalated, once a second
    another wish brings the next request forward: a Wanted never closer than INTERVAL_S, a Routed,
    behind which somebody sees nothing at all, never closer than LEAST_S

A source that begins with a key frame is not asked for another because it has begun: who begins to
show it a moment later begins with that one (`engine/past.py`), or wishes for the next.

On a thin line key frames are bits that somebody else's picture has not: what viewers behind a line
wish because theirs is broken keeps to a budget, a tenth of the source's bits, two in advance.  Who
sees nothing at all is outside it.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

INTERVAL_S = 0.5
"""What peers wish costs no more than this: a key frame of 60 kB fills a 2 Mbit/s line for 0.24 s,
and some wish for one every second of a call."""
FRESH_S = 1.0
"""So long a key frame serves for who begins after it."""
LEAST_S = 0.2
"""Two wishes are never said closer, whoever wishes: so long an answer may be on its way."""
VOLLEY_S = 0.045
"""What had no answer for so long that it was forgotten is said again at once, a few times: one tick
apart, which is no whole number of frames at 25 or 30 a second, so that one comes between two."""
ESCALATE_S = 1.0
"""So long without a key frame, and the wish goes by signalling as well."""
REPEAT_S = (0.2, 0.3, 0.5, 1.0)
"""Pauses after the first requests, so that they leave at 0, 0.2, 0.5, 1 and 2 s: the first IDR of a
call is often lost before the far NAT has opened."""
BLIND_REPEAT_S = (
    0.2, 0.2, VOLLEY_S, VOLLEY_S, VOLLEY_S,
    0.33, 0.37, 0.31, 0.35, 0.39, 0.33, 0.36, 0.32, 0.38, 0.34, 0.41, 0.37,
)  # fmt: skip
"""The same while somebody sees nothing, 5 s.  An encoder that is busy with a frame forgets a wish
that comes meanwhile (baresip clears its mark after each frame: one in six, and most of them where
its machine is full).  The pauses differ, lest they keep step with frames."""
LONG_REPEAT_S = 2.0
"""The pause after that: a source that answers nothing has no picture to give."""
BURST = 2
"""Key frames in advance: a join, and a switch of the speaker."""
REFILL_S = 3.0
"""One more each so long: a frame worth 0.3 s of its stream is a tenth of it then, and 60 kB of
1.4 Mbit/s are 3.4 s.  A broken picture waits no longer."""


@dataclass(frozen=True, slots=True)
class Started:
    """The source's first packet came, or came again after a silence."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who receives a sink asks for a key frame: its picture is broken."""

    budgeted: bool = False
    """It stands behind a line that others share."""


@dataclass(frozen=True, slots=True)
class Routed:
    """A sink begins with this source and shows nothing before its next key frame."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The source sent one."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The source has no picture any more: camera off, hold."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send PLI or FIR, as the source's call speaks; INFO where it speaks neither."""

    escalated: bool = False
    """Send SIP INFO or videoFastUpdatePicture too: nothing came for `ESCALATE_S`."""
    repeated: bool = False
    """The same wish again, lest RTCP was lost: a FIR keeps its number.  After `ESCALATE_S` each is
    a new one: the frame itself may have been lost, and who counts gives none for an old number."""


KeyframeEvent = Started | Wanted | Routed | Arrived | Stopped


class KeyframeRequests:
    """Gathers the wishes of all sinks of one source; owns no socket, reads no clock."""

    def __init__(self) -> None:
        """Start quiet, free to ask at once."""
        self.deadline: float | None = None
        self.asked = 0
        """Requests sent in all, for the metrics."""
        self._asked_at = self._arrived_at = float("-inf")
        self._first_asked_at: float | None = None
        self._escalated_at = float("-inf")
        self._repeats = 0
        self._blind = False
        """Somebody sees nothing before it comes."""
        self._left, self._left_at = float(BURST), 0.0
        """Key frames of the budget, and when that was so."""
        self._outputs: deque[Ask] = deque()

    def unanswered_s(self, now: float) -> float:
        """Tell for how long a wish has been out in vain, 0 while none is."""
        return 0.0 if self._first_asked_at is None else now - self._first_asked_at

    def handle(self, event: KeyframeEvent, now: float) -> None:
        """Take one event; what follows from it waits in `poll`."""
        if isinstance(event, Started) and now - self._arrived_at <= FRESH_S:
            return  # it began with a key frame
        self._blind |= isinstance(event, Started | Routed)
        match event:
            case Wanted(budgeted=True) if self._first_asked_at is None:
                self._bring_forward(max(now + self._wait_s(now), self._asked_at + INTERVAL_S))
            case Started() | Wanted():
                self._bring_forward(max(now, self._asked_at + INTERVAL_S))
            case Routed():
                self._repeats = 0  # for who comes late all begins anew
                self._bring_forward(max(now, self._asked_at + LEAST_S))
            case Arrived() | Stopped():
                if isinstance(event, Arrived):
                    self._spend(now)
                    self._arrived_at = now
                self.deadline = self._first_asked_at = None
                self._repeats, self._blind = 0, False
                self._escalated_at = float("-inf")
            case _:
                assert_never(event)
        self.tick(now)

    def tick(self, now: float) -> None:
        """Let time pass; ask, and ask again while nothing has arrived."""
        if self.deadline is None or now < self.deadline:
            return
        repeated = self._first_asked_at is not None
        if self._first_asked_at is None:
            self._first_asked_at = now
        late = now - self._first_asked_at >= ESCALATE_S
        escalated = late and now - self._escalated_at >= ESCALATE_S
        if escalated:
            self._escalated_at = now
        self._outputs.append(Ask(escalated, repeated and not late))
        self.asked += 1
        pauses = BLIND_REPEAT_S if self._blind else REPEAT_S
        pause = pauses[self._repeats] if self._repeats < len(pauses) else LONG_REPEAT_S
        self._repeats += 1
        self._asked_at = now
        self.deadline = now + pause

    def _wait_s(self, now: float) -> float:
        """Return how long the budget wants the next key frame to wait."""
        left = min(self._left + (now - self._left_at) / REFILL_S, BURST)
        return max(0.0, (1 - left) * REFILL_S)

    def _spend(self, now: float) -> None:
        """Count a key frame, whoever wished for it; nobody goes into debt."""
        left = min(self._left + (now - self._left_at) / REFILL_S, BURST)
        self._left, self._left_at = max(left - 1, 0.0), now

    def _bring_forward(self, when: float) -> None:
        """Many wishes, one frame: asked already, a new wish only shortens a long pause."""
        self.deadline = when if self.deadline is None else min(self.deadline, when)

    def poll(self) -> Iterator[Ask]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

"""Whether a direction of a line has its speech sent twice (RFC 2198): where it loses and has room.

::

    lost, received --spans of 0.5 s---> 4 of the last 8 lossy, 0.5 % over all -\
                   --spans of 0.25 s--> 3 of the last 6 lossy, 1 to 10 % -------+-> needed for 30 s
    needed and fits with a fifth to spare -> on        not needed, or fits no more -> off, at once

What is lost while a queue stands is the queue's doing: more packets would be no help against it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sfu.media.allocation.budget import CONTROL_BPS, CONTROL_BROWSER_BPS, USE
from sfu.media.allocation.split import HEADROOM
from sfu.media.allocation.voices import PART

LEAST_PACKETS = 20
"""In a span: a member who pauses for breath proves nothing."""
HOLD_S = 30.0
WAIT_S = 10.0
"""After it had to make way."""


class WhyTwice(StrEnum):
    """Why speech is sent once or twice; the metric label `why`."""

    CLEAN = "clean"
    """Once: the line loses next to nothing."""
    LOSS = "loss"
    """Twice."""
    NO_ROOM = "no_room"
    """Once, though it loses: voices would take more than their part of the line."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What holds now, with what it needs and what there is: line bit/s of voices."""

    twice: bool = False
    why: WhyTwice = WhyTwice.CLEAN
    required_bps: int = 0
    available_bps: int = 0


def speech_room_bps(capacity_bps: int, browsers: int, other_bps: int = 0) -> int:
    """Return what voices that are sent twice may take: their part, beside all other sound."""
    rest = USE * capacity_bps - CONTROL_BPS - CONTROL_BROWSER_BPS * browsers - other_bps
    return int(max(0.0, min(PART * USE * capacity_bps, rest)))


@dataclass(frozen=True, slots=True)
class Watch:
    """What is proof enough that a line loses again and again."""

    span_s: float
    spans: int
    lossy: int
    """Of these spans."""
    least: float
    most: float
    """Shares lost, of 1.  More than `most` at once is a burst until it has lasted."""


SLOW = Watch(0.5, 8, 4, 0.005, 1.0)
SWIFT = Watch(0.25, 6, 3, 0.01, 0.1)
"""Every second until speech goes twice is heard: 2 % are seen after one or two."""


class Losses:
    """What a direction lost lately."""

    def __init__(self, watch: Watch = SLOW) -> None:
        """Have seen nothing."""
        self._watch = watch
        self._spans: deque[tuple[int, int]] = deque(maxlen=watch.spans)
        self._since: float | None = None
        self._added = 0.0
        self._lost = self._packets = 0

    def take(self, lost: int, received: int, now: float) -> None:
        """Take what came since the last time; late packets make `lost` negative."""
        self._since = now if self._since is None else self._since
        self._age(now)
        self._lost += lost
        self._packets += lost + received
        if now - self._since >= self._watch.span_s and self._packets >= LEAST_PACKETS:
            self._spans.append((self._lost, self._packets))
            self._added = now
            self.skip(now)

    def skip(self, now: float) -> None:
        """Begin a span anew without what it held."""
        self._lost = self._packets = 0
        self._since = now
        self._age(now)

    def _age(self, now: float) -> None:
        """Forget what was lost before a silence: the line may be another by now."""
        if now - self._added >= self._watch.spans * self._watch.span_s:
            self._spans.clear()

    @property
    def share(self) -> float:
        """Return the share lost, of 1."""
        packets = sum(packets for _, packets in self._spans)
        return max(0, sum(lost for lost, _ in self._spans)) / packets if packets else 0.0

    @property
    def steady(self) -> bool:
        """Tell whether it loses again and again, not once."""
        lossy: Sequence[int] = [lost for lost, _ in self._spans if lost > 0]
        watch = self._watch
        return len(lossy) >= watch.lossy and watch.least <= self.share <= watch.most


class Redundancy:
    """One direction of one line over time; owns no clock."""

    def __init__(self) -> None:
        """Send once."""
        self.choice = Choice()
        self._losses = Losses(SLOW), Losses(SWIFT)
        self._needed_until = self._free_at = float("-inf")

    def heard(self, lost: int, received: int, now: float, *, queued: bool = False) -> None:
        """Take what was counted since the last time; `queued` while a queue stands."""
        for losses in self._losses:
            if queued:
                losses.skip(now)
                continue
            losses.take(lost, received, now)
            if losses.steady:
                self._needed_until = now + HOLD_S

    @property
    def loss(self) -> float:
        """Return the share lost, of 1, where it is larger: over four seconds or over the last."""
        return max(losses.share for losses in self._losses)

    def rest(self) -> None:
        """Send once: nobody knows how to take it twice."""
        self.choice = Choice()

    def update(self, required_bps: int, available_bps: int, now: float) -> bool:
        """Choose; True where it changed.  `required_bps` is the voices, sent twice."""
        before = self.choice
        spare = 1.0 if before.twice else HEADROOM
        needed = now < self._needed_until
        fits = spare * required_bps <= available_bps and now >= self._free_at
        if before.twice and needed and not fits:
            self._free_at = now + WAIT_S
        why = WhyTwice.CLEAN
        if needed:
            why = WhyTwice.LOSS if fits else WhyTwice.NO_ROOM
        self.choice = Choice(needed and fits, why, required_bps, available_bps)
        return (before.twice, before.why) != (self.choice.twice, self.choice.why)

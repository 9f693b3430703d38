"""Who listens: when each sound came, and what was lost on the way."""

from array import array
from collections import deque
from dataclasses import dataclass, field

LATE_US = 200_000
"""What comes later than this behind the quickest is as good as lost."""


@dataclass
class Ear:
    """All sounds one member is sent."""

    fec: bool
    """Opus carries the sound before once more: a single loss is repaired."""
    times_us: "array[int]" = field(default_factory=lambda: array("q"))
    """When each left the server."""
    delays_us: "array[int]" = field(default_factory=lambda: array("i"))
    """On top of propagation; -1: lost."""
    dropped_us: "array[int]" = field(default_factory=lambda: array("q"))
    """When a queue had no room for one."""
    whole_us: "array[int]" = field(default_factory=lambda: array("i"))
    """From the microphone to here on top of propagation, of those that came."""
    _pending: deque[int] = field(default_factory=deque)

    def hear(self, sent_us: int, delay_us: int | None, whole_us: int) -> None:
        """Note one sound."""
        self.times_us.append(sent_us)
        self.delays_us.append(-1 if delay_us is None else delay_us)
        self.whole_us.append(whole_us)

    def concealed_share(self, begin_us: int, end_us: int) -> float:
        """Return the share that could not be played."""
        lost = total = 0
        before = False
        for at_us, delay_us in zip(self.times_us, self.delays_us, strict=True):
            if not begin_us <= at_us < end_us:
                continue
            total += 1
            gone = delay_us < 0 or delay_us > LATE_US
            # with FEC a sound is gone only where its successor is gone too
            lost += before and gone if self.fec else gone
            before = gone
        return lost / total if total else 0.0

"""A seeded access line in virtual time: one direction, a queue that drops its tail, no clock.

The same model as the emulated line of `tests/lab`: a packet waits behind what is queued, takes its
line bytes at the rate, then the propagation and, in order, what jitter adds.
"""

import random
from dataclasses import dataclass, field

from sfu.media.allocation.encapsulation import Encapsulation

MICRO = 1_000_000


@dataclass
class AccessLine:
    """One direction; times in microseconds, rate in bit/s of line bytes."""

    rate_bps: int
    encapsulation: Encapsulation
    queue_ms: int = 200
    delay_ms: int = 15
    jitter_ms: int = 0
    loss: float = 0.0
    seed: int = 1
    line_bytes: int = field(default=0, init=False)
    dropped: int = field(default=0, init=False)
    worst_queue_us: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._free_at_us = self._last_out_us = 0

    def queue_us(self, now_us: int) -> int:
        """Return how long a packet that comes now would wait."""
        return max(self._free_at_us - now_us, 0)

    def send(self, ip_bytes: int, now_us: int) -> int | None:
        """Carry a packet; return when it arrives, None if it is lost."""
        queue_us = self.queue_us(now_us)
        if queue_us > self.queue_ms * 1000:
            self.dropped += 1
            return None
        self.worst_queue_us = max(self.worst_queue_us, queue_us)
        size = self.encapsulation.line_bytes(ip_bytes)
        self.line_bytes += size
        start = max(self._free_at_us, now_us)
        self._free_at_us = start + size * 8 * MICRO // self.rate_bps
        if self._dice.random() < self.loss:
            return None
        jitter_us = int(self._dice.random() * self.jitter_ms * 1000)
        self._last_out_us = max(
            self._last_out_us, self._free_at_us + self.delay_ms * 1000 + jitter_us
        )
        return self._last_out_us

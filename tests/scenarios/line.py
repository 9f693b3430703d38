"""A seeded access line in virtual time: one direction, a queue that drops its tail, no clock.

The same model as the emulated line of `tests/lab`: a packet waits behind what is queued, takes its
line bytes at the rate, then the propagation and, in order, what jitter adds.  The queue holds
bytes: `queue_ms` is reckoned at the rate it was given with, and a later change of the rate alone
keeps the bytes, as a real buffer does.  What stands in the queue at that moment keeps its time of
arrival; who comes behind waits for its bytes at the new rate.
"""

import random
from array import array
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
    bursts: tuple[float, float] | None = None
    """Gilbert-Elliott: the chance of a packet to enter the bad state, in which all are lost, and to
    leave it."""
    line_bytes: int = field(default=0, init=False)
    dropped: int = field(default=0, init=False)
    """Packets the queue had no room for."""
    lost: int = field(default=0, init=False)
    """Packets the line destroyed."""
    worst_queue_us: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._free_at_us = self._last_out_us = 0
        self._queue_bits_max = self.queue_ms * 1000 * self.rate_bps
        self._bad = False
        self.times_us = array("q")
        """When each packet came, and how long it waited; -1: dropped."""
        self.waits_us = array("i")
        self.carried_bytes = array("i")
        self._sizes: dict[int, int] = {}

    def queue_us(self, now_us: int) -> int:
        """Return how long a packet that comes now would wait."""
        return max(self._free_at_us - now_us, 0)

    def set_rate(self, rate_bps: int, now_us: int, queue_ms: int | None = None) -> None:
        """Change the rate; the queue keeps its bytes unless its length is said anew."""
        waiting_us = self.queue_us(now_us)
        self._free_at_us = now_us + waiting_us * self.rate_bps // rate_bps
        self.rate_bps = rate_bps
        if queue_ms is not None:
            self._queue_bits_max = queue_ms * 1000 * rate_bps

    def send(self, ip_bytes: int, now_us: int) -> int | None:
        """Carry a packet; return when it arrives, None if it is lost."""
        queue_us = self._free_at_us - now_us
        if queue_us < 0:
            queue_us = 0
        self.times_us.append(now_us)
        if queue_us * self.rate_bps > self._queue_bits_max:
            self.dropped += 1
            self.waits_us.append(-1)
            self.carried_bytes.append(0)
            return None
        if queue_us > self.worst_queue_us:
            self.worst_queue_us = queue_us
        size = self._sizes.get(ip_bytes)
        if size is None:
            size = self._sizes[ip_bytes] = self.encapsulation.line_bytes(ip_bytes)
        self.waits_us.append(queue_us)
        self.carried_bytes.append(size)
        self.line_bytes += size
        self._free_at_us = now_us + queue_us + size * 8 * MICRO // self.rate_bps
        if self._destroys():
            self.lost += 1
            return None
        out_us = self._free_at_us + self.delay_ms * 1000
        if self.jitter_ms:
            out_us += int(self._dice.random() * self.jitter_ms * 1000)
        self._last_out_us = max(self._last_out_us, out_us)
        return self._last_out_us

    def _destroys(self) -> bool:
        if self.bursts is not None:
            enter, leave = self.bursts
            if self._dice.random() < (leave if self._bad else enter):
                self._bad = not self._bad
            if self._bad:
                return True
        return self.loss > 0 and self._dice.random() < self.loss

"""Traffic we never see, on somebody's line: constant UDP, and one TCP download (Reno or CUBIC)."""

from dataclasses import dataclass

from tests.scenarios.clock import Clock
from tests.scenarios.line import AccessLine

PACKET_BYTES = 1228
SEGMENT_BYTES = 1500
FAR_US = 40_000
"""The way of the acknowledgement, and beyond the line."""
DUPLICATES = 3
CUBIC_C, CUBIC_BETA = 0.4, 0.7


@dataclass
class Udp:
    """So many bit/s of IP from and until a time."""

    clock: Clock
    line: AccessLine
    rate_bps: int
    until_us: int

    def start(self) -> None:
        """Send one packet and think of the next."""
        if self.clock.now_us < self.until_us:
            self.line.send(PACKET_BYTES, self.clock.now_us)
            gap_us = PACKET_BYTES * 8_000_000 // self.rate_bps
            self.clock.at(self.clock.now_us + gap_us, self.start)


class Tcp:
    """One download with always more to send; losses are found by duplicates, or after a second."""

    def __init__(self, clock: Clock, line: AccessLine, until_us: int, cubic: bool = True) -> None:
        self.clock, self.line, self.until_us, self.cubic = clock, line, until_us, cubic
        self.window, self.threshold = 10.0, 1e9
        self.flight = 0
        self._lost_until_us = 0
        self._most, self._epoch_us = 0.0, 0
        self._heard_us = 0

    def start(self) -> None:
        self._heard_us = self.clock.now_us
        self._fill()
        self.clock.every(200_000, self._watch)

    def _fill(self) -> None:
        now_us = self.clock.now_us
        while self.flight < int(self.window) and now_us < self.until_us:
            self.flight += 1
            arrival = self.line.send(SEGMENT_BYTES, now_us)
            if arrival is None:
                # found when what follows is acknowledged: about when it would have been itself
                gone_us = now_us + self.line.queue_us(now_us) + FAR_US + 20_000
                self.clock.at(gone_us, self._missed, now_us)
            else:
                self.clock.at(arrival + FAR_US, self._acked)

    def _acked(self) -> None:
        self._heard_us = self.clock.now_us
        self.flight = max(self.flight - 1, 0)
        if self.window < self.threshold:
            self.window += 1
        elif self.cubic:
            self.window += max(self._cubic_target() - self.window, 0.01) / self.window
        else:
            self.window += 1 / self.window
        self._fill()

    def _cubic_target(self) -> float:
        elapsed_s = (self.clock.now_us - self._epoch_us) / 1e6
        k: float = (self._most * (1 - CUBIC_BETA) / CUBIC_C) ** (1 / 3)
        return CUBIC_C * (elapsed_s - k) ** 3 + self._most

    def _missed(self, sent_us: int) -> None:
        self.flight = max(self.flight - 1, 0)
        if sent_us >= self._lost_until_us:  # one answer to all losses of one window
            self._lost_until_us = self._epoch_us = self.clock.now_us
            self._most = self.window
            self.window = max(self.window * (CUBIC_BETA if self.cubic else 0.5), 2)
            self.threshold = self.window
        self._fill()

    def _watch(self) -> None:
        """Begin again when everything was lost."""
        if self.clock.now_us > self._heard_us + 1_000_000 and self.clock.now_us < self.until_us:
            self.flight, self.window, self._heard_us = 0, 2.0, self.clock.now_us
            self._fill()

"""How a browser holds its own uplink: a plain rendition of Google's congestion control.

Not ours to make: Chromium does this on its side.  Delay first (cut to 0.85 of what was acked while
delay is over the threshold and not falling), loss beyond 10 % second, 8 % a second upwards; it
begins at 300 kbit/s and doubles until it first feels the line (draft-ietf-rmcat-gcc-02).
"""

from collections import deque
from dataclasses import dataclass, field

START_BPS = 300_000
THRESHOLD_US = 12_500
ACKED_US = 500_000


@dataclass
class BrowserControl:
    """The estimate of one browser's uplink, in bit/s of IP."""

    most_bps: float = 5_000_000
    estimate_bps: float = START_BPS
    cuts: int = 0
    _acked: deque[tuple[int, int]] = field(default_factory=deque)
    _bases: deque[tuple[int, int]] = field(default_factory=deque)
    """(minute, least delay of it): the last two."""
    _last_mean_us: float | None = None
    _cut_at_us: int = -1_000_000
    _began: bool = True
    _at_us: int = 0

    def acked_bps(self) -> float:
        return sum(size for _, size in self._acked) * 8e6 / ACKED_US

    def feedback(self, arrivals: list[tuple[int, int, int]], lost: int, now_us: int) -> None:
        """Take one feedback: (sent, arrived, bytes of IP) of each that came, how many did not."""
        if not arrivals:
            return
        delays = [arrived - sent for sent, arrived, _ in arrivals]
        self._acked.extend((arrived, size) for _, arrived, size in arrivals)
        while self._acked[0][0] < arrivals[-1][1] - ACKED_US:
            self._acked.popleft()
        queue_us = min(delays) - self._base_us(min(delays), now_us)
        mean_us = sum(delays) / len(delays)
        rising = self._last_mean_us is not None and mean_us > self._last_mean_us - 2_000
        self._last_mean_us = mean_us
        elapsed_s, self._at_us = min((now_us - self._at_us) / 1e6, 0.3), now_us
        loss = lost / (lost + len(arrivals))
        if queue_us > THRESHOLD_US and rising:
            self._cut(0.85 * self.acked_bps(), now_us)
        elif loss > 0.1 and now_us > self._cut_at_us + 300_000:
            self._cut(self.estimate_bps * (1 - loss / 2), now_us)
        elif queue_us <= THRESHOLD_US and now_us > self._cut_at_us + 500_000:
            self._raise(elapsed_s)

    def _cut(self, bps: float, now_us: int) -> None:
        if now_us > self._cut_at_us + 300_000:
            self.estimate_bps = max(min(bps, self.estimate_bps), 50_000)
            self._cut_at_us, self._began = now_us, False
            self.cuts += 1

    def _raise(self, elapsed_s: float) -> None:
        factor = 2 ** (elapsed_s / 0.3) if self._began else 1.08**elapsed_s
        cap = 2.5 * self.acked_bps() + 10_000 if self._began else 1.5 * self.acked_bps() + 10_000
        raised = min(self.estimate_bps * factor, cap, self.most_bps)
        self.estimate_bps = max(raised, self.estimate_bps)

    def _base_us(self, delay_us: int, now_us: int) -> int:
        minute = now_us // 60_000_000
        if not self._bases or self._bases[-1][0] != minute:
            self._bases.append((minute, delay_us))
            if len(self._bases) > 2:
                self._bases.popleft()
        elif delay_us < self._bases[-1][1]:
            self._bases[-1] = (minute, delay_us)
        return min(base for _, base in self._bases)

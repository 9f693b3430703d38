"""The way between a site and the server: one line, two where the server has one of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.scenarios.clock import Clock
from tests.scenarios.line import AccessLine


@dataclass(frozen=True)
class Path:
    """Lines in the order in which a packet meets them."""

    clock: Clock
    lines: tuple[AccessLine, ...]

    @property
    def delay_us(self) -> int:
        """Propagation alone."""
        return sum(line.delay_ms for line in self.lines) * 1000

    def carry(self, ip_bytes: int, done: Callable[..., None], *args: Any) -> None:
        """Send a packet; `done(arrival, *args)` is told, perhaps before it arrives; None: lost."""
        arrival = self.lines[0].send(ip_bytes, self.clock.now_us)
        if arrival is None or len(self.lines) == 1:
            done(arrival, *args)
        else:
            self.clock.at(arrival, self._second, ip_bytes, done, args)

    def _second(self, ip_bytes: int, done: Callable[..., None], args: tuple[Any, ...]) -> None:
        done(self.lines[1].send(ip_bytes, self.clock.now_us), *args)

"""How much a line carries: what feedback acknowledges, and what nobody acknowledges."""

from collections import deque

KEPT_S = 1.0
LEAST_S = 0.04


class Counter:
    """A rate over the last second at most, from amounts at instants."""

    __slots__ = ("_marks", "_total")

    def __init__(self) -> None:
        """Count from nothing."""
        self._marks: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, line_bytes: int, now: float) -> None:
        """Take what was carried since the time before."""
        self._total += line_bytes
        self._marks.append((now, self._total))
        while self._marks[0][0] < now - KEPT_S:
            self._marks.popleft()

    def bps(self, window_s: float = KEPT_S) -> float:
        """Return the rate over the last so many seconds that were told of."""
        if len(self._marks) < 2:
            return 0.0
        end, total = self._marks[-1]
        since, before = self._marks[0]
        if window_s < KEPT_S:
            for mark in reversed(self._marks):
                if end - mark[0] >= window_s:
                    since, before = mark
                    break
        return (total - before) * 8 / max(end - since, LEAST_S)


class Usage:
    """What we send down a line: on legs with feedback, and all of it."""

    __slots__ = ("_acknowledged", "_silent", "all")

    def __init__(self) -> None:
        """Count from nothing."""
        self.all = Counter()
        """Everything, by the engine's count."""
        self._silent = Counter()
        self._acknowledged = 0

    def sent(self, line_bytes: int) -> None:
        """Take a packet that will be told of."""
        self._acknowledged += line_bytes

    def used(self, line_bytes: int, now: float) -> None:
        """Take the engine's count of everything since the time before."""
        self.all.add(line_bytes, now)
        self._silent.add(max(line_bytes - self._acknowledged, 0), now)
        self._acknowledged = 0

    @property
    def silent_bps(self) -> float:
        """What leaves on legs nobody tells us of, reports and checks with it."""
        return self._silent.bps()

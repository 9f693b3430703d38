"""Virtual time: what shall happen, in order; nothing waits, nothing is random."""

import heapq
from collections.abc import Callable
from typing import Any


class Clock:
    """A heap of calls; two of one instant happen in the order they were asked for."""

    def __init__(self) -> None:
        self.now_us = 0
        self._serial = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []

    @property
    def now(self) -> float:
        """Seconds, as the cores count them."""
        return self.now_us / 1e6

    def at(self, when_us: int, call: Callable[..., None], *args: Any) -> None:
        """Have something happen; what is late happens now."""
        self._serial += 1
        heapq.heappush(self._heap, (when_us, self._serial, call, args))

    def every(self, period_us: int, call: Callable[[], None], first_us: int | None = None) -> None:
        """Repeat something to the end."""

        def again(due_us: int) -> None:
            call()
            self.at(due_us + period_us, again, due_us + period_us)

        first = self.now_us + period_us if first_us is None else first_us
        self.at(first, again, first)

    def run(self, until_us: int) -> None:
        """Let everything happen up to a time."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= until_us:
            when_us, _, call, args = pop(heap)
            self.now_us = max(self.now_us, when_us)
            call(*args)
        self.now_us = until_us

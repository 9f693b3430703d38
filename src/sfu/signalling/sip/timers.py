"""Timer values of RFC 3261 table 4 and RFC 6026, and alarms in virtual time."""

import heapq
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

T1_S = 0.5
"""Round-trip estimate."""
T2_S = 4.0
"""Longest gap between retransmissions of non-INVITE requests and INVITE responses."""
T4_S = 5.0
"""Longest a message stays in the network."""
TIMEOUT_S = 64 * T1_S
"""Timers B, F, H, J, L, M: when a transaction gives up or forgets."""


class Alarms(Generic[Key]):
    """One alarm per key; setting it again moves it.  A heap whose stale entries are skipped."""

    def __init__(self) -> None:
        """Start with none set."""
        self._when: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0

    def set(self, key: Key, when: float | None) -> None:
        """Set, move, or with None clear the alarm of a key."""
        if when is None:
            self._when.pop(key, None)
        elif self._when.get(key) != when:
            self._when[key] = when
            self._count += 1
            heapq.heappush(self._heap, (when, self._count, key))
        if len(self._heap) > 64 + 4 * len(self._when):
            self._rebuild()

    def when(self, key: Key) -> float | None:
        """Return when the alarm of a key is due, None where none is set."""
        return self._when.get(key)

    @property
    def deadline(self) -> float | None:
        """When the next one is due."""
        while self._heap and self._when.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> Iterator[Key]:
        """Yield and clear the keys whose time has come; they may be set again meanwhile."""
        while (deadline := self.deadline) is not None and deadline <= now:
            key = heapq.heappop(self._heap)[2]
            del self._when[key]
            yield key

    def _rebuild(self) -> None:
        self._heap = [(when, index, key) for index, (key, when) in enumerate(self._when.items())]
        heapq.heapify(self._heap)
        self._count = len(self._heap)

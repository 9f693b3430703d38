r"""What happens, told to who listens now (`/api/v1/events`) and to webhooks (`webhooks`).

::

    house --tell--> listeners: bounded queues, who reads too slowly is let go of
               \--> takers:    called at once, must not wait
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sfu.shell.fault import surviving

QUEUE_MAX = 256


class NewsKind(StrEnum):
    """What is told."""

    MEETING_STARTED = "meeting_started"
    """Somebody is the first in a room."""
    MEMBER_JOINED = "member_joined"
    MEMBER_LEFT = "member_left"
    MEETING_ENDED = "meeting_ended"
    """The last one left a room."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened."""

    kind: NewsKind
    at: float
    """Seconds since 1970."""
    facts: dict[str, Any]

    def view(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        at = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")
        return {"type": self.kind.value, "at": at, **self.facts}


class Listener:
    """Somebody who hears all from now on."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.heard: asyncio.Queue[Happening] = asyncio.Queue(QUEUE_MAX)
        self.lost = False
        """It read too slowly, and misses something from here on."""


class News:
    """Tells everybody; one per house."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Begin with nobody listening."""
        self.takers: list[Callable[[Happening], None]] = []
        self._listeners: set[Listener] = set()
        self._clock = clock

    def tell(self, kind: NewsKind, **facts: Any) -> None:
        """Tell what happened; does not wait, and nobody who listens can make it fail."""
        happening = Happening(kind, self._clock(), facts)
        for listener in self._listeners:
            try:
                listener.heard.put_nowait(happening)
            except asyncio.QueueFull:
                listener.lost = True
        for take in self.takers:
            with surviving("news_not_taken", kind=kind.value):
                take(happening)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Listen until the block ends."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

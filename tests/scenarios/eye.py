"""Who watches one sink: frames put together, gaps asked for, freezes noticed.

A browser asks for what is missing by NACK and for a key frame when nothing could be shown for a
second; a room codec shows a broken picture, and asks for a key frame at once and each second while
it is broken.
"""

from array import array
from collections import deque
from dataclasses import dataclass, field

from sfu.model import SinkId, SourceId
from tests.scenarios.packet import Frame, Packet

NACK_TRIES = 10
NACK_AGAIN_US = 80_000
GIVE_UP_US = 1_000_000
"""A browser asks for a key frame when it could not show anything for so long."""
BROKEN_US = 1_000_000
"""A codec asks again after this."""


@dataclass(slots=True)
class _Missing:
    since_us: int
    asked_us: int = -1_000_000
    tries: int = 0


@dataclass
class Eye:
    """What one viewer sees of one sink."""

    sink: SinkId
    nacks: bool
    arrivals: deque[tuple[int, Packet, int]] = field(default_factory=deque)
    """(when, packet, sequence); filled when it is sent, read when it has come."""
    shown_us: "array[int]" = field(default_factory=lambda: array("q"))
    delays_us: "array[int]" = field(default_factory=lambda: array("i"))
    """From capture until shown."""
    bytes_log: list[tuple[int, int, bool]] = field(default_factory=list)
    """(when, payload bytes, of a key frame) of what arrived first."""
    sources: list[tuple[int, SourceId]] = field(default_factory=list)
    """What was shown from when on."""
    broken_frames: int = 0
    wanted_us: int = 0
    """Since when there is this place."""

    def __post_init__(self) -> None:
        self._next = 0
        self._missing: dict[int, _Missing] = {}
        self._frames: dict[tuple[int, int], tuple[Frame, set[int]]] = {}
        self._decoded: dict[SourceId, deque[int]] = {}
        self._source: SourceId | None = None
        self._asked_us = -10_000_000
        self._broken_since: int | None = None
        self._last_progress_us = 0

    @property
    def waits(self) -> bool:
        """Whether something has to be asked for, or may have to be."""
        return bool(self._missing or self._frames or self._broken_since is not None)

    def look(self, now_us: int) -> tuple[list[int], bool]:
        """Take what has come; return sequences to ask for again, and whether to ask for a key."""
        arrivals = self.arrivals
        while arrivals and arrivals[0][0] <= now_us:
            when_us, packet, sequence = arrivals.popleft()
            self._take(when_us, packet, sequence)
        return self._nack(now_us), self._wish(now_us)

    def _take(self, now_us: int, packet: Packet, sequence: int) -> None:
        if sequence >= self._next:
            if self.nacks:
                for gap in range(self._next, sequence):
                    self._missing[gap] = _Missing(now_us)
            elif sequence > self._next and self._broken_since is None:
                self._broken_since = now_us
            self._next = sequence + 1
        else:
            self._missing.pop(sequence, None)
        frame = packet.frame
        if frame is None:
            return
        key = (frame.source, frame.number)
        held = self._frames.get(key)
        if held is None:
            held = self._frames[key] = (frame, set())
            if len(self._frames) > 200:
                del self._frames[next(iter(self._frames))]
        if packet.index in held[1]:
            return
        held[1].add(packet.index)
        self.bytes_log.append((now_us, packet.payload_bytes, frame.key))
        if len(held[1]) == frame.packets:
            self._complete(now_us)

    def _complete(self, now_us: int) -> None:
        """Show what can be shown, in order."""
        for key, (frame, got) in sorted(
            self._frames.items(), key=lambda one: one[1][0].captured_us
        ):
            if len(got) < frame.packets or key not in self._frames:
                continue
            decoded = self._decoded.setdefault(frame.source, deque(maxlen=100))
            if frame.key or frame.needs in decoded:
                decoded.append(frame.number)
                if frame.key:
                    self._broken_since = None
                self._show(frame, now_us)
                del self._frames[key]
            elif not self.nacks:
                # a codec conceals: it shows the picture broken until the next key frame
                decoded.append(frame.number)
                self.broken_frames += 1
                self._show(frame, now_us)
                del self._frames[key]

    def _show(self, frame: Frame, now_us: int) -> None:
        self._last_progress_us = now_us
        past = [k for k, one in self._frames.items() if one[0].captured_us < frame.captured_us]
        for key in past:  # too late to be shown
            del self._frames[key]
        if frame.source != self._source:
            self._source = frame.source
            self.sources.append((now_us, frame.source))
        self.shown_us.append(now_us)
        self.delays_us.append(now_us - frame.captured_us)

    def _nack(self, now_us: int) -> list[int]:
        if not self._missing:
            return []
        asked = []
        for sequence, one in list(self._missing.items()):
            if one.tries >= NACK_TRIES or now_us > one.since_us + GIVE_UP_US:
                del self._missing[sequence]
            elif now_us > one.asked_us + NACK_AGAIN_US:
                one.asked_us, one.tries = now_us, one.tries + 1
                asked.append(sequence)
        return asked

    def _wish(self, now_us: int) -> bool:
        if self.nacks:
            waiting = any(len(got) == frame.packets for frame, got in self._frames.values())
            stuck = waiting and now_us > self._last_progress_us + GIVE_UP_US
        else:
            stuck = self._broken_since is not None
        if stuck and now_us > self._asked_us + BROKEN_US:
            self._asked_us = now_us
            return True
        return False

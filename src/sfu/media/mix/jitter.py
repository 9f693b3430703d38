"""The jitter buffer of one input: packets as the network brings them, sound on time.

A packet's *transit* is its arrival less its timestamp; the quickest of the last 4 s is the
*base*.  What is played is late against the base by *delay*, which follows *target*::

    target = 20 ms + what 97 of 100 packets stay behind the base, within 20..200 ms

    delay > target + 30 ms and nobody speaks     a packet is left out
    delay > target + 80 ms                       a packet is left out, spoken or not
    delay < target - 10 ms and nobody speaks     20 ms of silence go in

What is missing when its time has come is concealed.  If nothing at all has come, play waits
for it: should it arrive after all it is played, `delay` having grown by the wait; should its
successor arrive alone, the wait counts as the gap.  After 200 ms without a packet the input is
idle and costs nothing.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

START_S: Final = 0.04
"""First target of an input nothing is known of."""
LEAST_S: Final = 0.02
MOST_S: Final = 0.2
IDLE_S: Final = 0.2
LONG_S: Final = 0.03
"""This much above target, a frame is left out in a pause."""
TOO_LONG_S: Final = 0.08
"""This much above target, one is left out whatever it holds."""
SHORT_S: Final = 0.01
"""This much below target, a frame of silence goes in."""
WINDOW_S: Final = 4.0
JUMP_S: Final = 1.0
"""A transit that differs this much from the last: the sender began a new timeline."""
FALL_S: Final = 0.004
"""The target falls by no more with each measure, ten packets."""
MOST_PACKETS: Final = 64


@dataclass(frozen=True, slots=True)
class Play:
    """Decode and play this payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Conceal:
    """Make up `span` RTP ticks; `following` is the next packet's payload, for Opus FEC."""

    span: int
    following: bytes | None


@dataclass(frozen=True, slots=True)
class Silence:
    """Play `span` RTP ticks of silence."""

    span: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Nobody sends; play nothing."""


Playout = Play | Conceal | Silence | Idle


@dataclass(slots=True)
class Counts:
    """What happened so far, in packets or 20 ms frames."""

    received: int = 0
    late: int = 0
    concealed: int = 0
    left_out: int = 0
    put_in: int = 0
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class _Packet:
    sequence: int
    end: int
    """Timestamp of what follows it."""
    payload: bytes


class JitterBuffer:
    """One RTP stream of one codec; reads no clock: `now` is seconds of any that never jumps."""

    def __init__(self, clock_hz: int) -> None:
        """Start idle."""
        self.counts = Counts()
        self.target_s = START_S
        self.delay_s = 0.0
        """How long what is played now has waited here."""
        self._clock_hz = clock_hz
        self._frame = clock_hz // 50
        self._packets: dict[int, _Packet] = {}
        self._newest = 0
        """Highest timestamp so far, without wrapping."""
        self._transits: deque[tuple[float, float]] = deque(maxlen=512)
        self._base_s = 0.0
        self._arrived_at = 0.0
        self._play: int | None = None
        """Timestamp that is due next; None while idle."""
        self._sequence = 0
        """Of the packet played last."""
        self._waited = 0
        """Ticks play has waited for a packet that was not there."""

    def insert(self, sequence: int, timestamp: int, span: int, payload: bytes, now: float) -> None:
        """Take a packet; `span` is its length in RTP ticks."""
        self.counts.received += 1
        at = self._unwrap(timestamp)
        transit = now - at / self._clock_hz
        if self._transits and abs(transit - self._transits[-1][1]) > JUMP_S:
            self._restart(at)
        self._measure(transit, now)
        self._arrived_at = now
        if self._play is not None and at < self._play:
            self.counts.late += 1
            return
        if len(self._packets) >= MOST_PACKETS:
            del self._packets[min(self._packets)]
        self._packets.setdefault(at, _Packet(sequence, at + span, payload))
        self._newest = max(self._newest, at)

    def pull(self, now: float, quiet: bool) -> Playout:
        """Say what comes next; `quiet`: nobody spoke in what was played last."""
        if self._play is None and not self._start(now):
            return Idle()
        assert self._play is not None
        if not self._packets:
            return self._wait(now)
        first = min(self._packets)
        gap = first - self._play
        skipped = min(gap, self._waited)  # the wait was the loss, or its beginning
        self._play, self._waited, gap = self._play + skipped, 0, gap - skipped
        if gap > 0:
            return self._bridge(first, gap)
        excess = self._late(now) - self.target_s
        if quiet and excess < -SHORT_S:
            self.counts.put_in += 1
            return Silence(self._frame)
        if excess > (LONG_S if quiet else TOO_LONG_S) and len(self._packets) > 1:
            return self._leave_out(now)
        return Play(self._take(first).payload)

    def _start(self, now: float) -> bool:
        if not self._packets:
            return False
        first = min(self._packets)
        if now - self._base_s - first / self._clock_hz < self.target_s - SHORT_S:
            return False
        self._play, self._waited = first, 0
        self._sequence = self._packets[first].sequence - 1
        return True

    def _wait(self, now: float) -> Playout:
        if now - self._arrived_at >= IDLE_S:
            self._play = None
            self._transits.clear()
            self.delay_s = 0.0
            return Idle()
        self._waited += self._frame
        self.counts.concealed += 1
        return Conceal(self._frame, None)

    def _bridge(self, first: int, gap: int) -> Playout:
        """Cross a gap in front of the first packet we have."""
        assert self._play is not None
        packet = self._packets[first]
        if gap > JUMP_S * self._clock_hz:
            self._play = first
            return Play(self._take(first).payload)
        span = min(gap, self._frame)
        self._play += span
        if (packet.sequence - self._sequence) & 0xFFFF == 1:
            return Silence(span)  # none is missing: the sender paused
        self.counts.concealed += 1
        return Conceal(span, packet.payload if span == gap else None)

    def _take(self, first: int) -> _Packet:
        packet = self._packets.pop(first)
        self._play, self._sequence = packet.end, packet.sequence
        for at in [at for at in self._packets if at < packet.end]:
            del self._packets[at]  # overlaps what is played already
            self.counts.late += 1
        return packet

    def _leave_out(self, now: float) -> Playout:
        """Forget the next packet, beyond `MOST_S` all that stand in the way; play what follows."""
        while len(self._packets) > 1:
            self._take(min(self._packets))
            self.counts.left_out += 1
            if self._late(now) <= MOST_S:
                break
        assert self._play is not None
        first = min(self._packets, default=None)
        if first is None:
            return self._wait(now)
        gap = first - self._play
        return self._bridge(first, gap) if gap > 0 else Play(self._take(first).payload)

    def _late(self, now: float) -> float:
        assert self._play is not None
        self.delay_s = max(0.0, now - self._base_s - self._play / self._clock_hz)
        return self.delay_s

    def _measure(self, transit: float, now: float) -> None:
        transits = self._transits
        self._base_s = min(self._base_s, transit) if transits else transit
        transits.append((now, transit))
        if self.counts.received % 10:
            return
        while now - transits[0][0] > WINDOW_S:
            transits.popleft()
        sizes = sorted(size for _, size in transits)
        self._base_s = sizes[0]
        wanted = LEAST_S + sizes[len(sizes) * 97 // 100] - sizes[0]
        self.target_s = min(MOST_S, max(wanted, LEAST_S, self.target_s - FALL_S))

    def _unwrap(self, timestamp: int) -> int:
        ahead = (timestamp - self._newest) & 0xFFFFFFFF
        return self._newest + (ahead - (1 << 32) if ahead >= 1 << 31 else ahead)

    def _restart(self, at: int) -> None:
        """Begin anew with a sender that did: what is stored belongs to the old timeline."""
        self.counts.restarts += 1
        self._packets.clear()
        self._transits.clear()
        self._play, self._newest = None, at
        self.target_s = max(self.target_s, START_S)

"""Which RTP timestamp of a source belongs to which instant: what keeps lips and voice together.

A member's sources share its wall clock.  Each SR gives a pair on that clock, and the quickest of
the SRs tells how far the clock is from ours::

    source's RTP  --pair of its last SR-->  member's NTP  --least offset of 30-60 s-->  our time

Forwarding adds one constant per sink to the timestamps, so our own SR can name, for any instant,
the timestamp of each sink; picture and sound keep the relation they had at the member.  A source
without SR (or whose SR makes no sense) is dated by its quickest arrivals, less a delay the caller
may know of: that of the mix.
"""

from dataclasses import dataclass, field
from math import inf

from sfu.media.rtp import ntp
from sfu.model import MemberId, SourceId

WINDOW_S = 30.0
CLOCK_STEP_S = 5.0
"""A member's clock that moves by more was set anew; less may be an SR in a full queue."""
STREAM_STEP_S = 0.5
"""Timestamps that move by more against their arrival went on after a pause."""
ABSURD_S = 10.0
"""An SR that dates packets this far from their arrival is not believed."""


class LeastOffset:
    """The least of a noisy offset within the last one or two windows."""

    def __init__(self, step_s: float) -> None:
        """Know nothing; a change by more than `step_s` is no noise."""
        self._step_s = step_s
        self._older = self._newer = inf
        self._since = -inf

    @property
    def value(self) -> float | None:
        """The least offset, None before the first."""
        least = min(self._older, self._newer)
        return None if least == inf else least

    def add(self, offset: float, now: float) -> None:
        """Take one; a step starts afresh."""
        if self.value is not None and abs(offset - self.value) > self._step_s:
            self._older = self._newer = inf
        if now - self._since > WINDOW_S:
            self._older, self._newer, self._since = self._newer, inf, now
        self._newer = min(self._newer, offset)


@dataclass(slots=True)
class _SourceClock:
    member: MemberId | None
    clock_hz: int
    delay_s: float = 0.0
    pair: tuple[float, int] | None = None
    """Seconds on the member's clock, RTP timestamp there."""
    transit: LeastOffset = field(default_factory=lambda: LeastOffset(STREAM_STEP_S))
    """Arrival less timestamp, in seconds."""
    latest: tuple[int, float] | None = None
    """Timestamp without its wrap, arrival."""

    def dated(self, at: float, offset: float) -> int:
        """Tell the timestamp of an instant by the pair of the last SR."""
        assert self.pair is not None
        seconds, timestamp = self.pair
        return round(timestamp + (at - offset - seconds) * self.clock_hz) & 0xFFFFFFFF


class Clocks:
    """The clocks of all members and their sources; times are our monotonic seconds."""

    def __init__(self) -> None:
        """Know no clock."""
        self._sources: dict[SourceId, _SourceClock] = {}
        self._members: dict[MemberId, LeastOffset] = {}

    def add(self, source: SourceId, member: MemberId | None, clock_hz: int) -> None:
        """Learn of a source; None for one of no member, a worker's."""
        self._sources[source] = _SourceClock(member, clock_hz)

    def remove(self, source: SourceId) -> None:
        """Forget a source, and its member's clock with the last."""
        gone = self._sources.pop(source, None)
        if gone and gone.member and not self._siblings(gone.member):
            self._members.pop(gone.member, None)

    def restart(self, source: SourceId) -> None:
        """Forget its timestamps: another SSRC has taken over."""
        clock = self._sources[source]
        clock.pair, clock.latest, clock.transit = None, None, LeastOffset(STREAM_STEP_S)

    def set_delay(self, source: SourceId, seconds: float) -> None:
        """Say how much older than its arrival a source without SR is."""
        self._sources[source].delay_s = seconds

    def reported(self, source: SourceId, wall: int, timestamp: int, now: float) -> None:
        """Take an SR; a zero NTP time means that the sender has none."""
        clock = self._sources[source]
        if wall == 0 or clock.member is None:
            return
        seconds = ntp.to_unix(wall)
        offset = self._members.setdefault(clock.member, LeastOffset(CLOCK_STEP_S))
        before = offset.value
        offset.add(now - seconds, now)
        after = offset.value
        if before is not None and after is not None and abs(after - before) > CLOCK_STEP_S:
            self._shift(clock.member, before - after)
        clock.pair = seconds, timestamp

    def _shift(self, member: MemberId, by: float) -> None:
        """Carry the other pairs over when the member's clock is set anew."""
        for clock in self._siblings(member):
            if clock.pair is not None:
                clock.pair = clock.pair[0] + by, clock.pair[1]

    def _siblings(self, member: MemberId) -> list[_SourceClock]:
        return [clock for clock in self._sources.values() if clock.member == member]

    def arrived(self, source: SourceId, timestamp: int, at: float) -> None:
        """Take the source's latest packet."""
        clock = self._sources[source]
        if clock.latest is None:
            extended = timestamp
        elif at <= clock.latest[1]:
            return
        else:
            extended = clock.latest[0] + _difference(timestamp, clock.latest[0])
        clock.latest = extended, at
        clock.transit.add(at - extended / clock.clock_hz, at)

    def timestamp(self, source: SourceId, at: float) -> int | None:
        """Tell the source's RTP timestamp of an instant; None before its first packet."""
        clock = self._sources.get(source)
        if clock is None or clock.latest is None or clock.transit.value is None:
            return None
        reported = self._by_report(clock, at)
        if reported is not None:
            return reported
        elapsed = at + clock.delay_s - clock.transit.value
        return round(elapsed * clock.clock_hz) & 0xFFFFFFFF

    def _by_report(self, clock: _SourceClock, at: float) -> int | None:
        offset = self._members.get(clock.member) if clock.member else None
        if clock.pair is None or clock.latest is None or offset is None or offset.value is None:
            return None
        latest, arrival = clock.latest
        if abs(_difference(clock.dated(arrival, offset.value), latest)) > ABSURD_S * clock.clock_hz:
            return None
        return clock.dated(at, offset.value)


def _difference(timestamp: int, other: int) -> int:
    """Tell how far one timestamp is ahead of another, modulo 2**32."""
    return (timestamp - other + 0x80000000 & 0xFFFFFFFF) - 0x80000000

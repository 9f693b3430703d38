r"""Who is asked to send no picture at all: the deaf, while their line bears no more.

::

    sends --deaf, and all the deaf of its line are more than may be asked for on it, for 0.3 s of
            a queue; or, for 5 s, more than it bears at all-------------> stopped
    stopped --room for what it sent, with a fifth to spare, for 5 s,
              and 10 s since it was stopped-----------------------------> sends

Who is stopped again within a minute waits twice as long, up to ten minutes; who was not, 10 s.
What a line bears shows as it fills, and where the others do not fill it nobody could ever show that
there is room: then a picture is tried a minute after its stop, next time twice as late, up to half
an hour.  A queue ends that at once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import exp, inf

from sfu.media.allocation.cost import cost
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.output import Reason, StopPicture
from sfu.media.allocation.rung import Why
from sfu.media.allocation.world import Sender
from sfu.model import LineId, MemberId

OVER_S, QUEUE_S = 5.0, 0.3
"""So long the deaf may be more than a line bears, and so long more than may be asked for in a
queue: what is heard of a line wobbles, and a queue that was none has gone sooner."""
SPARE = 1.2
CLEAN_S = 5.0
"""Room for a picture has to last so long."""
WAIT_S, WAIT_MOST_S = 10.0, 600.0
HELD_S = 60.0
"""Who is stopped again so soon was let back too early."""
COMING_S = 5.0
"""So long who was let back is counted with what it sent before: its packets are on their way."""
TRY_S, TRY_MOST_S = 60.0, 1_800.0
FILLED = 0.8
"""Of what may be asked for: others who use so much show what the line bears."""
TRIED_S = 30.0
"""So long a picture let back to find out is stopped by a queue alone."""
RECENT_S = 10.0
"""What a picture takes is the most of about so long."""


@dataclass(frozen=True, slots=True)
class Uplink:
    """What pictures may take of a line towards us, bit/s on it."""

    encapsulation: Encapsulation
    bears_bps: float
    """With nothing left over."""
    asked_bps: float
    """What encoders are asked for at most; the rest is for their overshoot and key frames."""
    nominal_bps: float
    """As `asked_bps`, of the line's own rate."""
    used_bps: float = 0.0
    """What those who send are asked for, of `asked_bps`."""
    congested: bool = False


@dataclass(slots=True)
class _Deaf:
    """One who goes on sending whatever it is told."""

    rate_bps: float = 0.0
    """The most it sent lately, payload."""
    seen_at: float = -inf
    stopped_at: float | None = None
    back_at: float = -inf
    tried_at: float = -inf
    room_since: float | None = None
    wait_s: float = WAIT_S
    try_s: float = TRY_S
    reason: Reason = Reason(0, 0, Why.DEAF)  # noqa: RUF009

    def measured(self, bps: float, now: float) -> None:
        """Take in what it sends; what it sent before is forgotten slowly."""
        left = exp(-(now - self.seen_at) / RECENT_S)
        self.rate_bps, self.seen_at = max(bps, bps + (self.rate_bps - bps) * left), now

    def stop(self, reason: Reason, now: float) -> None:
        if now - self.tried_at < HELD_S:
            self.try_s = min(2 * self.try_s, TRY_MOST_S)
        elif now - self.back_at < HELD_S:
            self.wait_s = min(2 * self.wait_s, WAIT_MOST_S)
        else:
            self.wait_s, self.try_s = WAIT_S, TRY_S
        self.stopped_at, self.room_since, self.reason = now, None, reason

    def let_back(self, now: float) -> None:
        self.stopped_at, self.back_at, self.seen_at = None, now, now


class Stops:
    """All who are asked to send nothing; owns no clock."""

    def __init__(self) -> None:
        """Let everybody send."""
        self._deaf: dict[MemberId, _Deaf] = {}
        self._over: dict[LineId, float] = {}
        """Since when the deaf of a line are more than it bears."""
        self._queued: dict[LineId, float] = {}
        """Since when they are more than may be asked for, and there is a queue."""

    def of(self, member: MemberId) -> Reason | None:
        """Return why a member is stopped; None where it is not."""
        one = self._deaf.get(member)
        return one.reason if one is not None and one.stopped_at is not None else None

    def forget(self, member: MemberId) -> Iterator[StopPicture]:
        """Drop a member; its picture may come again."""
        one = self._deaf.pop(member, None)
        if one is not None and one.stopped_at is not None:
            yield _back(member)

    def update(
        self,
        senders: Mapping[MemberId, Sender],
        lines: Mapping[LineId, Uplink],
        place: Callable[[MemberId], int],
        now: float,
    ) -> Iterator[StopPicture]:
        """Yield who is stopped or let back now; `place`: the higher, the later it is stopped."""
        by_line: dict[LineId, list[Sender]] = defaultdict(list)
        for sender in senders.values():
            if sender.line in lines and sender.line is not None:
                by_line[sender.line].append(sender)
        for member in list(self._deaf):
            one = senders.get(member)
            if one is None or one.line not in lines or not one.stoppable:
                yield from self.forget(member)
        for line, all_of_it in by_line.items():
            yield from self._on(line, lines[line], all_of_it, place, now)

    def _on(
        self,
        line: LineId,
        uplink: Uplink,
        senders: list[Sender],
        place: Callable[[MemberId], int],
        now: float,
    ) -> Iterator[StopPicture]:
        deaf = [one for one in senders if one.deaf or self.of(one.member)]
        takes = {one.member: self._takes(one, uplink.encapsulation, now) for one in deaf}
        sending = [one for one in deaf if self.of(one.member) is None]
        load = sum(takes[one.member] for one in sending)
        if self._is_over(line, load, uplink, now):
            sending.sort(key=lambda one: (place(one.member), -takes[one.member]))
            for one in sending:
                if load > uplink.asked_bps and self._may_stop(one, uplink, now):
                    load -= takes[one.member]
                    yield self._stop(one.member, takes[one.member], uplink.asked_bps - load, now)
        stopped = [one.member for one in deaf if self.of(one.member) is not None]
        for member in sorted(stopped, key=place, reverse=True):
            needs = load + SPARE * takes[member]
            if self._is_back(self._deaf[member], needs, uplink, now):
                load += takes[member]
                yield _back(member)

    def _is_over(self, line: LineId, load: float, uplink: Uplink, now: float) -> bool:
        """Tell whether the deaf of a line have been too much for it for long enough."""
        if not uplink.congested or load <= uplink.asked_bps:
            self._queued.pop(line, None)
        elif now - self._queued.setdefault(line, now) >= QUEUE_S:
            return True
        if load > uplink.bears_bps:
            return now - self._over.setdefault(line, now) >= OVER_S
        self._over.pop(line, None)
        return False

    def _takes(self, sender: Sender, wrap: Encapsulation, now: float) -> float:
        """Return what a deaf picture takes of its line, or would if it were let back."""
        encoding = sender.encodings[0]
        one = self._deaf.setdefault(sender.member, _Deaf()) if sender.stoppable else _Deaf()
        if one.stopped_at is None and now - one.back_at >= COMING_S:
            one.measured(encoding.fixed_bps, now)
        price = cost(wrap, sender.headers_bytes, encoding.fps, encoding.packet_bytes)
        return price.bps(one.rate_bps)

    def _may_stop(self, sender: Sender, uplink: Uplink, now: float) -> bool:
        one = self._deaf.get(sender.member)
        return one is not None and (uplink.congested or now - one.tried_at >= TRIED_S)

    def _stop(self, member: MemberId, takes: float, left: float, now: float) -> StopPicture:
        reason = Reason(int(takes), max(int(left), 0), Why.DEAF)
        self._deaf[member].stop(reason, now)
        return StopPicture(member, stopped=True, reason=reason)

    @staticmethod
    def _is_back(one: _Deaf, needs: float, uplink: Uplink, now: float) -> bool:
        """Tell whether one is let back now, and take that in."""
        assert one.stopped_at is not None
        if uplink.congested:
            one.room_since = None
            return False
        room = needs <= uplink.asked_bps
        one.room_since = (now if one.room_since is None else one.room_since) if room else None
        proven = one.room_since is not None and now - one.room_since >= CLEAN_S
        if proven and now - one.stopped_at >= one.wait_s:
            one.let_back(now)
            return True
        idle = uplink.used_bps < FILLED * uplink.asked_bps
        if idle and needs <= uplink.nominal_bps and now - one.stopped_at >= one.try_s:
            one.let_back(now)
            one.tried_at = now
            return True
        return False


def _back(member: MemberId) -> StopPicture:
    return StopPicture(member, stopped=False, reason=Reason(0, 0, Why.ROOM))

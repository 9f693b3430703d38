"""What a line is believed to bear: down at once, up by proof.

::

    free --a queue--> congested: 0.7 x what got through --still growing--> 0.85 x, and again
      ^                  |
      `-- 0.97 x what got through while the queue stood <-- the queue has gone

    free: + 8 % a second, 5 s after the last cut, slowly beyond what a queue showed to be the end
"""

from sfu.media.bwe.word import Why

FIRST_CUT, NEXT_CUT = 0.7, 0.85
"""The first empties the queue: 0.85 alone leaves 214 ms of worst queue instead of 150."""
LEAST_BPS = 50_000
CUT_APART_S = 0.3
SEEN_S = 0.15
"""A second cut is judged by packets sent so long after the first."""
FALLING = -0.05
"""Seconds a second: such a queue goes by itself."""
HOLD_S = 5.0
FREE_HOLD_S = 2.0
"""Without a ceiling."""
GROWTH = 1.08
OVER_CARRIED, OVER_CARRIED_BPS = 1.5, 10_000
"""An estimate nobody uses does not grow for ever."""
FALLS = 0.85
"""Of what is seen to get through, while the queue goes: pictures need not wait here."""
DRAINED = 0.97
EVENT_S = 5.0
"""Cuts closer than this to the end of a queue belong to one event."""
DOUBT_S = 20.0
"""So long what got through is not believed after it brought the queue back."""
NEAR, NEAR_S, NEAR_GROWTH = 1.03, 10.0, 1.03
"""Beyond the end a queue showed: so far at once, then 3 % a second after so long."""
PAST = 1.06
"""A probe that measures the end this far below the estimate corrects it."""
UNUSED = 0.5
"""Who sends less than this of the estimate did not make the queue alone."""


class Control:
    """The number, and when it may move; rates in line bit/s, times in seconds."""

    def __init__(self, start_bps: float, ceiling_bps: int | None) -> None:
        """Believe the start."""
        self.capacity = float(start_bps)
        self.why = Why.START if ceiling_bps is None else Why.CONFIGURED
        self.congested = False
        self.proven_bps = 0.0
        """What a probe carried since the last cut, or the queue that went after it."""
        self.cuts = 0
        self.cut_at = -1e9
        self._ceiling_bps = ceiling_bps
        self._hold_s = FREE_HOLD_S if ceiling_bps is None else HOLD_S
        self._through: float | None = None
        """What got through while a queue stood."""
        self._drained_at = -1e9
        self._doubt_until = -1e9
        self._end: tuple[float, float] | None = None
        """(what a queue showed to be the end, when)."""
        self._grown_at = -1e9

    # ---- down

    def over(
        self,
        carried_bps: float,
        used_bps: float,
        why: Why,
        now: float,
        *,
        settled: bool = True,
        falls: bool = False,
        glimpsed: bool = False,
    ) -> None:
        """Take in that a queue grows or stands; `settled`: packets sent since a cut say so.

        `falls`: they say that it goes.  `glimpsed`: seldom told of, so each cut must empty it.
        """
        unused = 0 < used_bps < UNUSED * self.capacity
        self._through = None if unused else carried_bps
        if self.congested and falls and not unused and now >= self._doubt_until:
            self.raise_to(FALLS * carried_bps, Why.DRAINED)
        if now - self.cut_at < CUT_APART_S or (self.congested and not settled):
            return
        first = not self.congested and now - max(self._drained_at, self.cut_at) >= EVENT_S
        if not self.congested and now - self._drained_at < EVENT_S:
            self._doubt_until = now + DOUBT_S
        self.congested = True
        aim = (FIRST_CUT if first or glimpsed else NEXT_CUT) * carried_bps
        if unused:
            aim = max(aim, self.capacity / 2)
        else:
            self._end = carried_bps, now
        self._cut(aim, why, now)

    def passing(self, carried_bps: float) -> None:
        """Take what gets through while the queue goes."""
        if self._through is not None:
            self._through += (carried_bps - self._through) / 2

    def forget_through(self) -> None:
        """Do not believe single glimpses of what got through."""
        self._through = None

    def lossy(self, carried_bps: float, loss: float, now: float) -> None:
        """Take in more loss than noise, twice."""
        if now - self.cut_at < 2 * CUT_APART_S:
            return
        plain = self.capacity * (1 - loss / 2)
        self._cut(plain if self._ceiling_bps is None else min(carried_bps, plain), Why.LOSS, now)

    def _cut(self, aim: float, why: Why, now: float) -> None:
        self.cut_at = now
        self.proven_bps = 0.0
        aim = max(aim, LEAST_BPS)
        if aim < self.capacity:
            self.cuts += 1
            self.capacity, self.why = aim, why

    # ---- up

    def emptied(self, now: float) -> None:
        """Take in that the latest packets found no queue: what is left need not wait here."""
        if self._through is not None and now >= self._doubt_until:
            self.raise_to(FALLS * self._through, Why.DRAINED)

    def drained(self, now: float) -> None:
        """Take in that the queue has gone."""
        if not self.congested:
            return
        self.congested, self._drained_at = False, now
        if self._through is not None and now >= self._doubt_until:
            self._end = self._through, now
            self.proven_bps = max(self.proven_bps, DRAINED * self._through)
            self.raise_to(DRAINED * self._through, Why.DRAINED)
        self._through = None

    def may_rise(self, now: float) -> bool:
        """Tell whether the last cut is long enough ago."""
        return not self.congested and now - self.cut_at >= self._hold_s

    def grow(self, carried_bps: float, now: float) -> None:
        """Rise by what time allows; the caller has seen the line clean."""
        elapsed = min(max(now - self._grown_at, 0.0), 0.25)
        self._grown_at = now
        if self.may_rise(now):
            aim = min(self.capacity * GROWTH**elapsed, self._near(now))
            self.raise_to(min(aim, most(carried_bps)), Why.GROWTH)

    def step(self, factor: float, carried_bps: float, now: float) -> None:
        """Rise by a factor for one clean report."""
        if self.may_rise(now):
            aim = min(self.capacity * factor, self._near(now))
            self.raise_to(min(aim, most(carried_bps)), Why.GROWTH)

    def proven(self, bps: float) -> None:
        """Take what a probe carried."""
        if self._end and bps > self._end[0]:
            self._end = None
        self.proven_bps = max(self.proven_bps, bps)
        self.raise_to(bps, Why.PROBE)

    def ended_at(self, bps: float | None, now: float) -> None:
        """Remember where a probe met the line's end; None where it was too short to tell."""
        here = self.capacity / NEAR
        self._end = here if bps is None else min(bps, here), now
        if bps is not None and self.capacity > PAST * bps:
            self._cut(bps, Why.PROBE, now)

    def _near(self, now: float) -> float:
        if self._end is None:
            return float("inf")
        bps, since = self._end
        near: float = NEAR * bps * NEAR_GROWTH ** max(now - since - NEAR_S, 0.0)
        return near

    def raise_to(self, bps: float, why: Why) -> None:
        """Rise, never above the ceiling."""
        if self._ceiling_bps is not None and bps >= self._ceiling_bps:
            bps, why = self._ceiling_bps, Why.CONFIGURED
        if bps > self.capacity:
            self.capacity, self.why = bps, why


def most(carried_bps: float) -> float:
    """Return how far an estimate may stand above what is carried."""
    return OVER_CARRIED * carried_bps + OVER_CARRIED_BPS

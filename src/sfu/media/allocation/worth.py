"""Whether a sender should hear of other rates.

::

    off, on, pictures a second: at once          a fall of 2 %: at once, of less: once it lasted 8 s
    a rise, seen for 0.2 s, after the order before:   0.5 s: of 8 %    6 s: of 4 %    12 s: of 2 %
                                                      of less: once the plan stood still for 5 s

Each order costs: Chromium takes a sixth off its rate for two seconds after any, until it knows anew
how its encoder keeps to a rate.  And what one line loses is another's gain only until that falls
too.
"""

from math import inf

from sfu.media.allocation.output import Cap

RISES = ((12.0, 1.02), (6.0, 1.04), (0.5, 1.08))
"""So long after the order before, a rise is worth one from so much on."""
SEEN_S = 0.2
LITTLE, STILL_S = 1.002, 5.0
FELL, LASTS_S = 0.98, 8.0


class Worth:
    """One sender's orders over time."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._told: tuple[Cap, ...] = ()
        self._told_at = -inf
        self._less_since: float | None = None
        """Since when the plan gives less than was told."""
        self._more_since: float | None = None
        self._plan: tuple[Cap, ...] = ()
        self._plan_since = -inf

    def telling(self, caps: tuple[Cap, ...], now: float) -> bool:
        """Tell whether the sender should hear of these; if so, it does."""
        if caps != self._plan:
            self._plan, self._plan_since = caps, now
        if not self._differs(caps) and not self._moved(caps, now):
            return False
        self._told, self._told_at = caps, now
        self._less_since = self._more_since = None
        return True

    def _differs(self, caps: tuple[Cap, ...]) -> bool:
        return [(one.rid, one.active, one.max_fps) for one in caps] != [
            (one.rid, one.active, one.max_fps) for one in self._told
        ]

    def _moved(self, caps: tuple[Cap, ...], now: float) -> bool:
        pairs = zip(self._told, caps, strict=True)
        active = [(old.max_bps, new.max_bps) for old, new in pairs if new.active]
        return self._fell(active, now) or self._rose(active, now)

    def _fell(self, active: list[tuple[int, int]], now: float) -> bool:
        if all(new >= old for old, new in active):
            self._less_since = None
            return False
        if self._less_since is None:
            self._less_since = now
        lasted = now - self._less_since >= LASTS_S
        return lasted or any(new < FELL * old for old, new in active)

    def _rose(self, active: list[tuple[int, int]], now: float) -> bool:
        if all(new <= old for old, new in active):
            self._more_since = None
            return False
        if self._more_since is None:
            self._more_since = now
        if now - self._more_since < SEEN_S:
            return False
        least = self._least_rise(now)
        return any(new > least * old for old, new in active)

    def _least_rise(self, now: float) -> float:
        if now - self._plan_since >= STILL_S:
            return LITTLE
        waited = now - self._told_at
        return next((rise for wait_s, rise in RISES if waited >= wait_s), inf)

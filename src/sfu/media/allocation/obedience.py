"""Who does not do as he was told: more than 1.2 x his limit for 5 s is deaf.

::

    obeys --more than 1.2 x the limit for 5 s--> deaf
    obeys --in a queue: more than that and coming down no more, for 2.5 s; for 1 s of a limit
            it has had for 5 s----------------------------------------> deaf
    deaf --less than 1.1 x the limit, and 0.8 x what it sent when deaf, for 5 s--> obeys

A limit above what it sends anyway proves nothing: so a deaf one has to come down for it.  While
its line has a queue nobody is heard, so who does not come down then is waited for less.
"""

DEAF_FACTOR, HEARS_FACTOR = 1.2, 1.1
HEEDS, STANDS = 0.8, 0.9
PATIENCE_S, PRESSED_S, KNOWN_S = 5.0, 2.5, 1.0


class Obedience:
    """One sender; rates are those of all its layers together, bit/s of payload."""

    def __init__(self) -> None:
        """Believe it obeys."""
        self.deaf = False
        self._since: float | None = None
        self._limits: list[tuple[float, float]] = []
        self._sent_bps = 0.0
        """What it sent when it was found deaf."""
        self._above: tuple[float, float, float] | None = None
        """Since when it sends more than it was told without coming down, what it sent then, and how
        long it may in a queue; None where it sends no more."""

    def told(self, limit_bps: float, now: float) -> None:
        """Take in a new limit; encoders have some time to follow."""
        if self._limits and self._limits[-1][1] == limit_bps:
            return
        self._limits.append((now, limit_bps))

    def measured(self, bps: float, now: float, *, pressed: bool = False) -> bool:
        """Take in what arrives; tell whether the verdict changed.

        `pressed`: there is a queue where it sends.
        """
        while len(self._limits) > 1 and self._limits[1][0] <= now - PATIENCE_S:
            self._limits.pop(0)
        if not self._limits:
            return False
        self._follow(bps, now)
        if pressed and not self.deaf and self._in_vain(now):
            return self._change(bps)
        # the most it was allowed lately counts: it may not have heard of less yet
        limit = max(bps for _, bps in self._limits)
        heeds = bps < HEARS_FACTOR * limit and bps < HEEDS * self._sent_bps
        changes = heeds if self.deaf else bps > DEAF_FACTOR * limit
        if not changes or bps <= 0:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since < PATIENCE_S:
            return False
        return self._change(bps)

    def _change(self, bps: float) -> bool:
        self.deaf, self._since, self._sent_bps = not self.deaf, None, bps
        return True

    def _follow(self, bps: float, now: float) -> None:
        """Notice that it sends too much, and that it comes down."""
        told_at, limit_bps = self._limits[-1]
        if bps <= DEAF_FACTOR * limit_bps:
            self._above = None
        elif self._above is None or bps < STANDS * self._above[1]:
            known = now - told_at >= PATIENCE_S
            self._above = now, bps, KNOWN_S if known else PRESSED_S

    def _in_vain(self, now: float) -> bool:
        return self._above is not None and now - self._above[0] >= self._above[2]

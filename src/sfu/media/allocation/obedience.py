"""Who does not do as he was told: more than 1.2 x his limit for 5 s is deaf.

::

    obeys --more than 1.2 x the limit for 5 s--> deaf
    obeys --in a queue: more than that, 2.5 s after a lower limit, coming down no more--> deaf
    deaf --less than 1.1 x the limit, and 0.8 x what it sent when deaf, for 5 s--> obeys

A limit above what it sends anyway proves nothing: so a deaf one has to come down for it.  While
its line has a queue nobody is heard, so who does not come down then is waited for less.
"""

DEAF_FACTOR, HEARS_FACTOR = 1.2, 1.1
HEEDS, STANDS = 0.8, 0.9
PATIENCE_S, PRESSED_S = 5.0, 2.5


class Obedience:
    """One sender; rates are those of all its layers together, bit/s of payload."""

    def __init__(self) -> None:
        """Believe it obeys."""
        self.deaf = False
        self._since: float | None = None
        self._limits: list[tuple[float, float]] = []
        self._sends_bps = 0.0
        self._sent_bps = 0.0
        """What it sent when it was found deaf."""
        self._asked: tuple[float, float] | None = None
        """When it was told less or came down by a tenth last, and what it sent then; None where it
        sends no more than it was told."""

    def told(self, limit_bps: float, now: float) -> None:
        """Take in a new limit; encoders have some time to follow."""
        if self._limits and self._limits[-1][1] == limit_bps:
            return
        if self._asked is None and limit_bps * DEAF_FACTOR < self._sends_bps:
            self._asked = now, self._sends_bps
        self._limits.append((now, limit_bps))

    def measured(self, bps: float, now: float, *, pressed: bool = False) -> bool:
        """Take in what arrives; tell whether the verdict changed.

        `pressed`: there is a queue where it sends.
        """
        self._sends_bps = bps
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
        """Notice that it comes down."""
        if self._asked is None:
            return
        if bps <= DEAF_FACTOR * self._limits[-1][1]:
            self._asked = None
        elif bps < STANDS * self._asked[1]:
            self._asked = now, bps

    def _in_vain(self, now: float) -> bool:
        return self._asked is not None and now - self._asked[0] >= PRESSED_S

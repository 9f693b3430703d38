"""Who does not do as he was told: more than 1.2 x his limit for 5 s is deaf.

::

    obeys --more than 1.2 x the limit for 5 s--> deaf --less than 1.1 x for 5 s--> obeys
"""

DEAF_FACTOR, HEARS_FACTOR = 1.2, 1.1
PATIENCE_S = 5.0


class Obedience:
    """One sender; rates are those of all its layers together, bit/s of payload."""

    def __init__(self) -> None:
        """Believe it obeys."""
        self.deaf = False
        self._since: float | None = None
        self._limits: list[tuple[float, float]] = []

    def told(self, limit_bps: float, now: float) -> None:
        """Take in a new limit; encoders have some time to follow."""
        if not self._limits or self._limits[-1][1] != limit_bps:
            self._limits.append((now, limit_bps))

    def measured(self, bps: float, now: float) -> bool:
        """Take in what arrives; tell whether the verdict changed."""
        while len(self._limits) > 1 and self._limits[1][0] <= now - PATIENCE_S:
            self._limits.pop(0)
        if not self._limits:
            return False
        # the most it was allowed lately counts: it may not have heard of less yet
        limit = max(bps for _, bps in self._limits)
        wrong = bps > DEAF_FACTOR * limit if not self.deaf else bps < HEARS_FACTOR * limit
        if not wrong or bps <= 0:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since < PATIENCE_S:
            return False
        self.deaf, self._since = not self.deaf, None
        return True

"""What one may still ask: so much at once, then steadily (the generic cell rate algorithm)."""

from dataclasses import dataclass

ROUNDING_S = 1e-6
"""Sums of fractions are not exact: the last of a burst shall be there."""


@dataclass(slots=True)
class Share:
    """One float: `full_at` is when nothing of the share is spent any more."""

    full_at: float = 0.0

    def take(self, now: float, per_s: float, burst: float, cost: float = 1.0) -> bool:
        """Spend `cost`; False, and nothing spent, where less is left."""
        full_at = max(self.full_at, now) + cost / per_s
        if full_at - now > burst / per_s + ROUNDING_S:
            return False
        self.full_at = full_at
        return True

    def has(self, now: float, per_s: float, burst: float) -> bool:
        """Tell whether one more could be taken."""
        return self.full_at - now <= (burst - 1) / per_s + ROUNDING_S

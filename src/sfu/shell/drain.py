r"""Going down without cutting anybody off: who is inside stays, who comes is told to come later.

::

    begin(within) --> calls that come: 503 with Retry-After; pages: a sentence; none are begun
         |                nobody is left, or the time is over --> over, the server ends
         `-- cancel --> as before
"""

import math
from dataclasses import dataclass

LEAST_S, MOST_S = 5, 120
"""What is told to who is refused: an end that is near is worth waiting for, one far away is not."""


@dataclass(slots=True)
class Drain:
    """Whether the house takes calls, and when it ends."""

    ends_at: float | None = None
    """Of the clock of the house; None: it does not drain."""

    @property
    def on(self) -> bool:
        """Whether nobody new is let in."""
        return self.ends_at is not None

    def begin(self, now: float, within_s: float) -> None:
        """Let nobody in from now on; end after `within_s` whoever is there."""
        self.ends_at = now + within_s

    def cancel(self) -> None:
        """Take calls again."""
        self.ends_at = None

    def left_s(self, now: float) -> float:
        """Say how long those inside have still; 0 where there is no end."""
        return 0.0 if self.ends_at is None else max(0.0, self.ends_at - now)

    def retry_after_s(self, now: float) -> int:
        """Say when who is refused shall ask again (RFC 3261 section 20.33)."""
        return min(MOST_S, max(LEAST_S, math.ceil(self.left_s(now))))

    def over(self, now: float, people: int) -> bool:
        """Tell whether it is time to end: nobody is left, or no time is."""
        return self.ends_at is not None and (people == 0 or now >= self.ends_at)

"""What a source was told of its limit by RTCP, whether it noted it, and when to say it again."""

from dataclasses import dataclass

from sfu.media.limit.word import Why

LEAST_S = 0.2
"""Two TMMBRs are never closer."""
REPEAT_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses between TMMBRs nobody notes: RTCP may be lost (RFC 5104 section 4.2.1.2)."""
LONG_REPEAT_S = 10.0
"""The pause after that: who notes nothing may obey all the same."""


@dataclass(slots=True)
class Told:
    """The limit said last."""

    said_bps: int = 0
    """0 before the first."""
    said_at: float = float("-inf")
    """When it was said, or said again."""
    first_said_at: float = float("-inf")
    noted: bool = False
    again_at: float | None = None
    again_why: Why = Why.REPEATED
    higher_since: float | None = None
    """Since when a higher one is wanted."""
    _repeats: int = 0

    def say(self, bps: int, now: float) -> None:
        """Begin with a new limit."""
        self.said_bps, self.said_at, self.first_said_at = bps, now, now
        self.noted, self.higher_since, self._repeats = False, None, 0
        self.again_at, self.again_why = now + REPEAT_S[0], Why.REPEATED

    def repeat(self, now: float) -> None:
        """Say the same again."""
        self.said_at, self.again_why = now, Why.REPEATED
        self._repeats += 1
        pause = REPEAT_S[self._repeats] if self._repeats < len(REPEAT_S) else LONG_REPEAT_S
        self.again_at = now + pause

    def settle(self) -> None:
        """Say it no more: it was noted, or needs no note."""
        self.noted, self.again_at = True, None

    def forget(self, again_at: float, why: Why) -> None:
        """Say it again soon: it is not in force any more."""
        self.noted, self._repeats = False, -1
        self.first_said_at = self.again_at = max(again_at, self.said_at + LEAST_S)
        self.again_why = why

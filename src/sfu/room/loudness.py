"""How loud a member is, out of the levels it is heard with (RFC 6464: 0 dBov loudest, 127 silent).

Each level is first judged, then smoothed::

    level --> speech? (above the member's own noise floor) --> points above ZERO_DBOV, else 0
          --> score, rising with ATTACK_S, falling with RELEASE_S

The floor falls at once to any lower level and creeps up under a steady one, so that a fan, which
never pauses, ends as noise, while speech, which does, never hides itself.  A door that slams is
over before the score has risen.
"""

from math import exp

from sfu.model import MemberId

ZERO_DBOV = 60
"""What is quieter earns no points: room tone of a good microphone."""
QUIETEST_SPEECH_DBOV = 55
ALWAYS_SPEECH_DBOV = 35
"""No fan is as loud; and a steady tone this loud is meant to be heard."""
SPEECH_ABOVE_FLOOR_DB = 9
FIRST_FLOOR_DBOV = 45
"""Whoever joins is taken to sit beside a fan, until its first pause tells better."""
FLOOR_RISE_DB_PER_S = 4.0
ATTACK_S = 0.3
RELEASE_S = 0.6
LONGEST_STEP_S = 0.2
"""One level speaks for no more time than this, however long nothing was heard before."""
STALE_S = 0.5
"""Not heard of for so long: silent."""
SPEAKING = 10.0
"""A score from which on somebody speaks: -45 dBov held for a third of a second."""


class Loudness:
    """One member's loudness, from when it came."""

    def __init__(self, now: float) -> None:
        """Start silent."""
        self.score = 0.0
        self.spoke_at = float("-inf")
        """When a level last was speech."""
        self._heard_at = now
        self._floor_dbov = float(FIRST_FLOOR_DBOV)

    def hear(self, level_dbov: int, now: float) -> None:
        """Take one level, the loudest since the one before."""
        level = min(max(level_dbov, 0), 127)
        elapsed = min(max(0.0, now - self._heard_at), LONGEST_STEP_S)
        is_speech = level <= self._threshold_dbov()
        self._follow_floor(level, elapsed)
        target = max(0.0, float(ZERO_DBOV - level)) if is_speech else 0.0
        constant = ATTACK_S if target > self.score else RELEASE_S
        self.score += (target - self.score) * (1.0 - exp(-elapsed / constant))
        self._heard_at = now
        if is_speech:
            self.spoke_at = now

    def at(self, now: float) -> float:
        """Return the score as of now: 0 to 60, `SPEAKING` and above for who speaks."""
        return self.score if now - self._heard_at <= STALE_S else 0.0

    def _threshold_dbov(self) -> float:
        """Return the level from which on it is speech; numbers fall as sounds get louder."""
        above_floor = max(self._floor_dbov - SPEECH_ABOVE_FLOOR_DB, ALWAYS_SPEECH_DBOV)
        return min(above_floor, QUIETEST_SPEECH_DBOV)

    def _follow_floor(self, level: int, elapsed: float) -> None:
        risen = self._floor_dbov - FLOOR_RISE_DB_PER_S * elapsed
        self._floor_dbov = min(max(risen, float(level)), 127.0)


Scores = dict[MemberId, float]
"""Scores of one moment."""

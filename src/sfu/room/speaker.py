"""Who leads: the dominant speaker, slow to change while somebody speaks, quick once he is silent.

::

    leads --(another louder by MARGIN, steadily for STEADY_S, leader in since HOLD_S)--> other leads
    leads, silent --(another speaks for QUICK_S, leader in since QUICK_HOLD_S)---------> other leads
    leads, silent, nobody speaks: still leads, the picture stays
    leads, goes away --> who led before, if still there
"""

from sfu.model import MemberId
from sfu.room.loudness import SPEAKING, Scores

MARGIN = 6.0
"""By so many dB a challenger must be louder than a leader who speaks."""
STEADY_S = 0.8
QUICK_S = 0.3
HOLD_S = 1.5
"""A leader who speaks stays at least so long: every change costs the codecs a key frame."""
QUICK_HOLD_S = 0.5


class Speaker:
    """The leader of one room and those who led before."""

    def __init__(self) -> None:
        """Start without a leader."""
        self.recent: list[MemberId] = []
        """Who led, latest first; the leader is the first."""
        self.deadline: float | None = None
        """When the challenger takes over unless something changes."""
        self._since = float("-inf")
        self._challenger: MemberId | None = None
        self._challenged_at = 0.0

    @property
    def leader(self) -> MemberId | None:
        """Who leads now, None where nobody has spoken yet."""
        return self.recent[0] if self.recent else None

    def hear(self, scores: Scores, now: float) -> None:
        """Take the scores of this moment; the leader may change."""
        challenger = self._loudest_challenger(scores)
        if challenger != self._challenger:
            self._challenger, self._challenged_at = challenger, now
        self.deadline = self._takes_over_at(scores)
        if challenger is not None and self.deadline is not None and now >= self.deadline:
            self._lead(challenger, now)

    def forget(self, member: MemberId, now: float) -> None:
        """Let a member go; who led before it leads again."""
        if self.leader == member:
            self._since = now
        if member in self.recent:
            self.recent.remove(member)
        if self._challenger == member or not self.recent:
            self._challenger = self.deadline = None

    def _loudest_challenger(self, scores: Scores) -> MemberId | None:
        leader = self.leader
        of_leader = scores.get(leader, 0.0) if leader is not None else 0.0
        least = of_leader + MARGIN if of_leader >= SPEAKING else SPEAKING
        others = [m for m, score in scores.items() if m != leader and score >= least]
        if self._challenger in others and scores[self._challenger] >= max(
            scores[m] - MARGIN for m in others
        ):
            return self._challenger  # two who challenge at once do not put each other off
        return max(others, key=lambda m: scores[m], default=None)

    def _takes_over_at(self, scores: Scores) -> float | None:
        if self._challenger is None:
            return None
        leader = self.leader
        if leader is not None and scores.get(leader, 0.0) >= SPEAKING:
            return max(self._challenged_at + STEADY_S, self._since + HOLD_S)
        return max(self._challenged_at + QUICK_S, self._since + QUICK_HOLD_S)

    def _lead(self, member: MemberId, now: float) -> None:
        if member in self.recent:
            self.recent.remove(member)
        self.recent.insert(0, member)
        self._since = now
        self._challenger = self.deadline = None

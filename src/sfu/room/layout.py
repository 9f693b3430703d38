"""What an operator wants shown first: one member's picture, or everybody's in turn.

::

    speaker:  nobody is put in front; who leads is shown
    round:    every ROUND_S another member that sends a picture stands in front
    pinned:   this member stands in front whatever the rule; it sees what the rule gives it

Who stands in front is first of the row of each viewer (`policy.line_up`): a room codec, which has
one place, is shown him; a page keeps him among its tiles.  He himself sees the next of the row.
"""

from collections.abc import Sequence
from enum import StrEnum

from sfu.model import MemberId

ROUND_S = 15.0
"""How long each is shown: a change costs every codec a key frame."""
LOOK_AGAIN_S = 1.0
"""Where nobody sends a picture."""


class Layout(StrEnum):
    """The rule of a meeting."""

    SPEAKER = "speaker"
    ROUND = "round"


class Front:
    """Who stands before all others in one room."""

    def __init__(self) -> None:
        """Begin with the speaker's rule and nobody pinned."""
        self.layout = Layout.SPEAKER
        self.pinned: MemberId | None = None
        self.turn: MemberId | None = None
        """Whose turn it is."""
        self.deadline: float | None = None
        """When the next has his turn."""

    def set(self, layout: Layout, pinned: MemberId | None, now: float) -> None:
        """Take another rule."""
        if layout is not self.layout:
            self.layout, self.turn = layout, None
            self.deadline = now if layout is Layout.ROUND else None
        self.pinned = pinned

    def forget(self, member: MemberId, now: float) -> None:
        """Let a member go: the next has his turn at once."""
        if self.pinned == member:
            self.pinned = None
        if self.turn == member and self.deadline is not None:
            self.deadline = now

    def tick(self, senders: Sequence[MemberId], now: float) -> bool:
        """Give the turn on among who sends pictures, in their order; True where it changed."""
        if self.deadline is None or now < self.deadline:
            return False
        before = self.turn
        at = senders.index(before) + 1 if before in senders else 0
        self.turn = senders[at % len(senders)] if senders else None
        self.deadline = now + (ROUND_S if senders else LOOK_AGAIN_S)
        return self.turn != before

    def row(self) -> list[MemberId]:
        """Return who stands in front, the pinned before whose turn it is."""
        return [one for one in (self.pinned, self.turn) if one is not None]

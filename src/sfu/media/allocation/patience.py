"""When a viewer may go up again: down at once, up only after a while of proven room.

::

    has --a plan gives less--> has = that --room for more, with a fifth to spare,
                                            for 5 s, and 10 s since the fall--> has = that
    a step up that fails within 30 s doubles the wait, up to 2 min; so does one that, planned with
    everybody else's, would bring nothing: it is not taken

When another speaks, a viewer's places are shared out anew, and all of them begin anew with it: who
was small is large now, and who makes way for him has learnt nothing of the line.  Only who fell
within the last 10 s goes on waiting.
"""

from dataclasses import dataclass

from sfu.model import MemberId

CLEAN_S = 5.0
"""Room for more has to last so long."""
WAIT_S, WAIT_MOST_S = 10.0, 120.0
"""Since the last fall."""
FAILED_S = 30.0
"""A fall so soon after a step up: it was a mistake."""
EXCUSED_S = 1.0
"""A rise of the new speaker counts within so much."""
ANYTHING = 1_000


@dataclass(slots=True)
class Patience:
    """One viewer of one member."""

    member: MemberId
    has: int = ANYTHING
    """The level it had without a fall; `ANYTHING` before its first."""
    begun_at: float = 0.0
    wait_s: float = WAIT_S
    _had: int = ANYTHING
    """The level before its last step up."""
    _fell_at: float = float("-inf")
    _rose_at: float = float("-inf")
    _room_since: float | None = None
    _excused_at: float = float("-inf")

    def shared_anew(self, now: float) -> None:
        """Take in that another place of the same viewer changed: a fall that follows is none."""
        self._excused_at = now
        if now - self._fell_at >= WAIT_S:
            self.has, self._had, self._room_since = ANYTHING, ANYTHING, None

    def given(self, level: int, top: int, now: float) -> None:
        """Take in what the plan gives."""
        if level >= self.has:
            return
        if level >= top:
            self.has = ANYTHING
            return
        fresh = self.has == ANYTHING and now - self.begun_at < CLEAN_S
        excused = now - self._excused_at < EXCUSED_S
        self.has = level
        self._room_since = None
        if fresh or excused:
            return  # it begins here, or makes way: that is no fall
        if now - self._rose_at < FAILED_S:
            self.wait_s = min(2 * self.wait_s, WAIT_MOST_S)
        elif now - self._fell_at > WAIT_MOST_S:
            self.wait_s = WAIT_S
        self._fell_at = now

    def rises(self, level: int, now: float) -> bool:
        """Take in what it could have; tell whether it goes up now."""
        if level <= self.has:
            self._room_since = None
            return False
        if self._room_since is None:
            self._room_since = now
        if now - self._room_since < CLEAN_S or now - self._fell_at < self.wait_s:
            return False
        self._had, self.has = self.has, level
        self._rose_at, self._room_since = now, None
        return True

    def brought(self, level: int, now: float) -> bool:
        """Take in what a step up would bring; False where it is nothing, and taken back."""
        if level >= self.has:
            return True
        if level > self._had:
            self.has = level
            return True
        self.has, self._fell_at = self._had, now
        self.wait_s = min(2 * self.wait_s, WAIT_MOST_S)
        return False

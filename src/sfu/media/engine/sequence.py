"""Sequence numbers coming in (RFC 3550 A.1) and going out again without a hole of our making.

::

    source    7  8  .  10  digit  12        9 (late)
    sink    107 108 .  110        111     109
"""

from dataclasses import dataclass, field

MAX_DROPOUT = 3000
MAX_MISORDER = 512
"""A.1 has 100, but repairs come later than reordering."""
PLACES = 256
NUMBER_SET = 0xFFFE
"""The engine says so of parameter sets, 0xFFFF of nothing at all: no number is kept for these."""


@dataclass(slots=True)
class Counter:
    """Extends the numbers of one source."""

    begun: bool = False
    ssrc: int = 0
    highest: int = 0
    """Extended: it never wraps."""
    bad: int | None = None
    restarted: bool = False
    """The last packet began another stream."""

    def restart(self, ssrc: int, sequence: int) -> None:
        """Another stream goes on in the place of this one."""
        self.begun, self.ssrc, self.bad, self.restarted = True, ssrc, None, True
        self.highest = sequence - 1

    def take(self, ssrc: int, sequence: int, *, repaired: bool = False) -> tuple[int, bool] | None:
        """Return the extended number and whether it is late; None when it is not to be used."""
        self.restarted = False
        if not self.begun or self.ssrc != ssrc:
            self.restart(ssrc, sequence)
        ahead = (sequence - self.highest) & 0xFFFF
        if ahead == 0 or ahead > 65536 - MAX_MISORDER:
            return self.highest - (-ahead & 0xFFFF), True
        if ahead >= MAX_DROPOUT:
            if repaired:
                return None
            if self.bad != sequence:
                self.bad = (sequence + 1) & 0xFFFF
                return None
            self.restart(ssrc, sequence)  # two in a row: the other side has started anew
            ahead = 1
        self.highest += ahead
        self.bad = None
        return self.highest, False


@dataclass(slots=True)
class Places:
    """Numbers of one sink: kept free for what may still come, continuous over all else."""

    next: int
    highest: int = 0
    _reserved: dict[int, int] = field(default_factory=dict)

    def rebase(self, extended: int) -> None:
        """Another stream begins with this number; the sink's own go on."""
        self.highest = extended - 1
        self._reserved.clear()

    def forget(self) -> None:
        """Keep no number for what is late."""
        self._reserved.clear()

    def take(self) -> int:
        """Give the next number of the sink."""
        number = self.next
        self.next = (number + 1) & 0xFFFF
        return number

    def find(self, extended: int) -> tuple[bool, int] | None:
        """Return whether a packet is in order, else the number kept for it; None: too late."""
        if extended <= self.highest:
            kept = self._reserved.pop(extended, None)
            return None if kept is None else (False, kept)
        for missing in range(self.highest + 1, extended):
            number = self.take()
            if missing & 0xFFFF < NUMBER_SET:
                self._reserved[missing] = number
        self.highest = extended
        for old in [it for it in self._reserved if it <= extended - PLACES]:
            del self._reserved[old]
        return True, 0

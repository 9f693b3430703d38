"""One key, however many ways it comes by.

A unit may say a key by RFC 4733, by SIP INFO and by the tone that stays in its sound, all at once::

    sound   ----4~~~~----2~~~~----
    INFO    -------4--------2-----     the better way is believed, the other ignored;
    events  ---4444-----2222------     what a lesser way said just before is not counted twice
"""

from enum import IntEnum

SAME_S = 1.5
"""So much later a better way may tell of a key that a lesser one has told already."""


class Way(IntEnum):
    """How a key came; the larger is the better."""

    SOUND = 0
    """A tone in the sound: what is left of it behind codec and line."""
    INFO = 1
    """SIP INFO, of either type."""
    EVENT = 2
    """RFC 4733."""


class Keys:
    """The keys of one caller."""

    def __init__(self) -> None:
        """Start with every way believed."""
        self._best = Way.SOUND
        self._told: list[tuple[str, float]] = []
        """What the best way has told, and when."""
        self._before: list[tuple[str, float]] = []
        """What the way before it had told: a better way may tell it again."""

    def press(self, way: Way, key: str, now: float) -> bool:
        """Tell whether this is a key pressed, and not one heard again another way."""
        if way < self._best:
            return False
        if way > self._best:
            self._best, self._before, self._told = way, self._told, []
        self._before = [one for one in self._before if now - one[1] < SAME_S]
        self._told = [one for one in self._told if now - one[1] < SAME_S]
        again = next((one for one in self._before if one[0] == key), None)
        if again is not None:
            self._before.remove(again)
            return False
        self._told.append((key, now))
        return True

"""What a layer needs by its height: the least that is worth sending, good, and the most of use.

::

    height   180   360   720   1080      kbit/s of payload, at 25 to 30 frames
    floor     42   120   339    624      below it a smaller picture looks better
    good     159   450   543    998      thumbnails get nothing before the main picture has this
    most     424  1200  3394   6235      more is not seen
"""

from dataclasses import dataclass

HEIGHT = 360
FLOOR_BPS, GOOD_BPS, MOST_BPS = 120_000, 450_000, 1_200_000
"""Of 640x360; more pixels need less each, so they grow with the 1.5th power of the height."""
POWER = 1.5
UNKNOWN_HEIGHT = 720
"""Room codecs send this where they may."""
LOWER_MOST = 1.25
"""A layer that has another above it needs no more than this x good: who has more takes that one."""
HALF_RATE = 1.6
"""Below this x floor a layer is sent with half its pictures a second."""
SLIDES = (60_000, 400_000, 1_500_000)
"""The same three of slides, whatever their size: their rate of pictures falls, never their size."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Bit/s of payload."""

    floor_bps: float
    good_bps: float
    most_bps: float


def usual(height: int, *, top: bool, max_bps: int = 0, alone: bool = False) -> Usual:
    """Return what a layer of so many lines needs, within the most its call allows.

    `alone`: the only encoding of a sender that can be steered.  A room codec that is told a low
    rate sends a smaller picture by itself, so its floor is no higher than that of 360 lines.
    """
    scale = ((height or UNKNOWN_HEIGHT) / HEIGHT) ** POWER
    good = GOOD_BPS * scale
    floor = FLOOR_BPS * (min(scale, 1.0) if alone else scale)
    most = MOST_BPS * scale if top else LOWER_MOST * good
    return within(floor, min(good, max(GOOD_BPS, HALF_RATE * floor)), most, max_bps)


def slides(max_bps: int = 0) -> Usual:
    """Return what slides need."""
    return within(*SLIDES, max_bps)


def within(floor: float, good: float, most: float, max_bps: int) -> Usual:
    """Hold all three within what a call allows; 0: anything."""
    if not max_bps:
        return Usual(floor, good, most)
    return Usual(min(floor, max_bps), min(good, max_bps), min(most, max_bps))

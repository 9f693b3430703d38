"""What came back when a room was called to be tried: findings an operator can act on.

::

    picture   nothing agreed -> none came -> came without a key frame -> lost too much -> good
    sound     nothing came   -> silent    -> lost too much            -> good
    sent      it takes no picture, or lost too much of what it was sent, or is slow to answer
"""

from dataclasses import dataclass
from enum import StrEnum

LOSSY = 0.02
"""Of 1: from here on eyes and ears notice."""
SLOW_S = 0.3
"""Round trip from which on people talk across each other (ITU-T G.114: 150 ms one way)."""
SILENT_DBOV = 60
"""Softer than a quiet room before an open microphone."""


class Finding(StrEnum):
    """One thing found."""

    PICTURE_GOOD = "picture_good"
    PICTURE_NOT_AGREED = "picture_not_agreed"
    """It has no picture, or none of our codecs."""
    PICTURE_MISSING = "picture_missing"
    PICTURE_WITHOUT_KEY_FRAME = "picture_without_key_frame"
    """Packets come; nobody could decode them."""
    PICTURE_LOSSY = "picture_lossy"
    SOUND_GOOD = "sound_good"
    SOUND_MISSING = "sound_missing"
    SOUND_SILENT = "sound_silent"
    """Sound comes and holds nothing: its microphone is off, or not plugged in."""
    SOUND_LOSSY = "sound_lossy"
    PATTERN_NOT_TAKEN = "pattern_not_taken"
    """It shows no picture."""
    SENT_LOSSY = "sent_lossy"
    """Its own reports say that it loses much of what it is sent."""
    SLOW = "slow"
    LEFT_EARLY = "left_early"
    """It hung up before the test was over."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured of one room, at the end or over all of its test."""

    sends_pictures: bool
    """A codec was agreed."""
    takes_pictures: bool
    picture_bps: int
    picture_loss: float
    keyframes: int
    sound_bps: int
    sound_loss: float
    level_dbov: int
    """The loudest of all."""
    sent_loss: float
    rtt_s: float | None
    whole: bool = True
    """It stayed until the end."""


def judge(seen: Seen) -> tuple[Finding, ...]:
    """Say what was found: one of its picture, one of its sound, and what else is amiss."""
    found = [_picture(seen), _sound(seen)]
    if not seen.takes_pictures:
        found.append(Finding.PATTERN_NOT_TAKEN)
    if seen.sent_loss >= LOSSY:
        found.append(Finding.SENT_LOSSY)
    if seen.rtt_s is not None and seen.rtt_s >= SLOW_S:
        found.append(Finding.SLOW)
    if not seen.whole:
        found.append(Finding.LEFT_EARLY)
    return tuple(found)


def _picture(seen: Seen) -> Finding:
    if not seen.sends_pictures:
        return Finding.PICTURE_NOT_AGREED
    if not seen.picture_bps:
        return Finding.PICTURE_MISSING
    if not seen.keyframes:
        return Finding.PICTURE_WITHOUT_KEY_FRAME
    return Finding.PICTURE_LOSSY if seen.picture_loss >= LOSSY else Finding.PICTURE_GOOD


def _sound(seen: Seen) -> Finding:
    if not seen.sound_bps:
        return Finding.SOUND_MISSING
    if seen.level_dbov > SILENT_DBOV:
        return Finding.SOUND_SILENT
    return Finding.SOUND_LOSSY if seen.sound_loss >= LOSSY else Finding.SOUND_GOOD

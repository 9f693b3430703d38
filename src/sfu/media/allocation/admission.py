"""Whether a line bears one call more without breaking the speech of those who are there."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sfu.media.allocation.budget import CONTROL_BPS, Budget, Sound, budget
from sfu.media.allocation.event import LineState
from sfu.media.allocation.rung import Why


class Admitted(StrEnum):
    """How a call is taken in."""

    FULL = "full"
    SOUND_ONLY = "sound_only"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Adds:
    """What a call would bring to its line; `picture` bits are its lowest rung, on the line."""

    sounds_down: tuple[Sound, ...] = ()
    sounds_up: tuple[Sound, ...] = ()
    browser: bool = False
    picture_down_bps: int = 0
    picture_up_bps: int = 0


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict, with what the call needs and what is free in the direction that decides."""

    admitted: Admitted
    required_bps: int
    available_bps: int
    why: Why


def admit(line: LineState | None, adds: Adds, hearing: Iterable[Sound] = ()) -> Admission:
    """Weigh a call against its line; `hearing` is what forwarded voices cost at their least.

    Speech that does not fit is refused in either direction; a picture whose lowest rung does not
    fit beside all speech leaves a call of sound.  A line nobody reckons with (None) bears all.
    """
    if line is None:
        return Admission(Admitted.FULL, 0, 0, Why.ROOM)
    cells = line.encapsulation
    added = 1 if adds.browser else 0
    directions = (
        (
            budget(line.down.bps, cells, (*line.sounds_down, *hearing), line.browsers_down),
            budget(line.down.bps, cells, adds.sounds_down, added),
            adds.picture_down_bps,
            Why.LINE_DOWN,
        ),
        (
            budget(line.up.bps, cells, line.sounds_up, line.browsers_up),
            budget(line.up.bps, cells, adds.sounds_up, added),
            adds.picture_up_bps,
            Why.LINE_UP,
        ),
    )
    verdicts = [_weigh(*each) for each in directions]
    order = list(Admitted)
    return max(verdicts, key=lambda one: (order.index(one.admitted), -_left(one)))


def _left(one: Admission) -> int:
    return one.available_bps - one.required_bps


def _weigh(now: Budget, more: Budget, picture_bps: int, why: Why) -> Admission:
    """Weigh one direction; the server's own control traffic is in `now` already."""
    browser_bps = more.control_bps - CONTROL_BPS
    sound_bps = more.sound_bps + browser_bps
    free_bps = max(now.usable_bps - now.sound_bps - now.control_bps, 0)
    if sound_bps > free_bps:
        return Admission(Admitted.REFUSED, sound_bps, free_bps, why)
    if picture_bps and sound_bps + picture_bps > free_bps:
        return Admission(Admitted.SOUND_ONLY, sound_bps + picture_bps, free_bps, why)
    return Admission(Admitted.FULL, sound_bps + picture_bps, free_bps, Why.ROOM)

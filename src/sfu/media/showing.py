"""How a member's picture fares, in a word an operator can act on.

::

                    nothing is shown to it      it is shown what it should be
    nothing comes   no_picture                  oneway: its camera, its encoder, its firewall
    a picture comes oneway: its decoder, ours   ok, also where there is nobody else to be shown

    stalled: packets come and no key frame, however often it was asked for one; or it should be
             shown somebody and nothing has gone to it for a while
    stopped: we asked it for no picture, because it heeds no limit and its line bears it no more
"""

from dataclasses import dataclass
from enum import StrEnum

STALL_S = 5.0
"""So long a key frame may be asked for in vain, or a sink be still."""


class VideoState(StrEnum):
    """The metric label `state`."""

    OK = "ok"
    ONEWAY = "oneway"
    STALLED = "stalled"
    NO_PICTURE = "no_picture"
    STOPPED = "stopped"


class Way(StrEnum):
    """How a picture fares one way."""

    OK = "ok"
    STALLED = "stalled"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Showing:
    """What is known of a member's picture at one instant."""

    agreed: bool
    """It has a line of video at all."""
    arrives: bool
    """Packets of its picture come."""
    missing_s: float
    """For how long its key frame has been asked for in vain."""
    wanted: bool
    """Somebody should be shown to it."""
    still_s: float | None
    """For how long no picture has gone to it; None where none ever did."""
    stopped: bool = False
    """No picture comes because we asked for none."""


NOTHING_KNOWN = Showing(False, False, 0.0, False, None)
"""Before the first numbers."""


def video_state(seen: Showing) -> VideoState:
    """Judge."""
    if not seen.agreed:
        return VideoState.NO_PICTURE
    if seen.stopped:
        return VideoState.STOPPED
    shown = seen.wanted and seen.still_s is not None and seen.still_s < STALL_S
    stopped = seen.wanted and seen.still_s is not None and not shown
    if stopped or (seen.arrives and seen.missing_s >= STALL_S):
        return VideoState.STALLED
    if seen.arrives:
        return VideoState.OK if shown or not seen.wanted else VideoState.ONEWAY
    return VideoState.ONEWAY if shown else VideoState.NO_PICTURE


def ways(seen: Showing) -> tuple[Way, Way]:
    """Judge each way: from it, and to it; none also where nobody should be shown to it."""
    if not seen.agreed:
        return Way.NONE, Way.NONE
    from_it = Way.NONE
    if seen.arrives:
        from_it = Way.STALLED if seen.missing_s >= STALL_S else Way.OK
    if not seen.wanted or seen.still_s is None:
        return from_it, Way.NONE
    return from_it, Way.OK if seen.still_s < STALL_S else Way.STALLED

"""The ladder: named steps of less picture, one order for everybody (docs/allocation.md).

::

    full > slides slow > no thumbnails > half rate > small > still > sound only > sound short
    <---- down at once                                       up one by one, with proof of room ----
"""

from enum import IntEnum, StrEnum


class Rung(StrEnum):
    """What a viewer has of one picture, or a line of all; the metric label `rung`."""

    FULL = "full"
    SLIDES_SLOW = "slides_slow"
    """Slides at full size, some 5 pictures a second."""
    NO_THUMBNAILS = "no_thumbnails"
    """Small pictures are paused, so that the main one keeps its size."""
    HALF_RATE = "half_rate"
    """Half the pictures a second."""
    SMALL = "small"
    """A lower layer than was asked for."""
    STILL = "still"
    """A picture now and then."""
    SOUND_ONLY = "sound_only"
    SOUND_THIN = "sound_thin"
    """Sound only, in fewer and smaller packets."""

    @property
    def depth(self) -> int:
        """Count the steps below `FULL`."""
        return _DEPTH[self]


_DEPTH = {rung: depth for depth, rung in enumerate(Rung)}


class Steer(IntEnum):
    """What a sender can be told of its rates."""

    NONE = 0
    """Nothing, or it does not obey."""
    RATE = 1
    """One rate: TMMBR, REMB, b=."""
    LAYERS = 2
    """Each layer's rate, and whether it is sent at all: our page."""


class Why(StrEnum):
    """Why a picture or sound has this rung; the metric label `why`."""

    ROOM = "room"
    """The line bears what was asked for."""
    LINE_DOWN = "line_down"
    """The viewer's line."""
    LINE_UP = "line_up"
    """The sender's line."""
    OTHERS = "others"
    """Thinner lines that see the same stream."""
    SPEAKER_FIRST = "speaker_first"
    """The main picture of this line is not at its best yet."""
    PRIORITY = "priority"
    """Others on this line go before him: their priority is higher."""
    FLOOR = "floor"
    """What is left is less than what he shall have at least."""
    CEILING = "ceiling"
    """He shall have no more, or takes no more."""
    NOT_WATCHED = "not_watched"
    """Nobody sees this layer: it is switched off where it is made."""
    DEAF = "deaf"
    """The sender goes on sending more than it was told."""
    SETTLING = "settling"
    """There is room, and it has to last a little longer."""
    NO_SOURCE = "no_source"
    """Nothing is sent that could be shown."""
    SPEECH = "speech"
    """Speech alone fills the line."""

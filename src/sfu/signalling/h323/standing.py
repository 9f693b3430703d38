"""What we take in a call, whatever an answer to what flows just now leaves out.

::

    our first description   sound PCMA PCMU G722, picture        stands
    the unit closes its picture: "picture 0" --> our answer says "picture 0"     still stands
    its sound is PCMA: our answer says PCMA alone                still all three
    its picture flows, our answer says "picture 0"               refused: stands no more

SDP agrees on one codec and closes lines; by H.245 a unit opens the next channel by what our
capabilities said, after a pause for instance, behind which another unit may stand.
"""

from collections.abc import Collection
from dataclasses import replace

from sfu.model import Codec
from sfu.signalling.h323.description import SOUND_ORDER, Ours, read_ours
from sfu.signalling.sdp.session import MediaDescription, SessionDescription


class Standing:
    """The lines of our descriptions that stand."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lines: list[MediaDescription] = []
        self._sounds: set[Codec] = set()

    def take(self, said: SessionDescription, flowing: Collection[str]) -> Ours:
        """Take in a description of ours; return what stands now, its `session` too.

        `flowing`: media that the peer was last said to have.
        """
        for at, line in enumerate(said.media):
            if at >= len(self._lines):
                self._lines.append(line)
            elif line.port or line.media in flowing:
                self._lines[at] = line
        ours = read_ours(SessionDescription(said.lines, tuple(self._lines)))
        self._sounds.update(ours.sounds)
        sounds = tuple(codec for codec in SOUND_ORDER if codec in self._sounds)
        return replace(ours, sounds=sounds) if ours.sounds else ours

"""What a source has sent since its last key frame, for who begins to wait for one.

::

    source   K K K K d d d d d d            no hole, K began within a second
    sink               ^ routed: K K K K d d d d at once, by its line, then d d as they come

Cheaper than another key frame it is as long as what was sent since is little, or no more than the
key frame itself; the twin of `native/catchup.c`, which says why, and of what `native/past.c`
keeps for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sfu.media.engine.history import HISTORY_BYTES, SHARED_MAX
from sfu.media.engine.sink import Arrived

FRESH_US = 1_000_000
"""A picture older than this is not shown to who begins: he would see a second of it in a flash."""
BACK_US = 300_000
"""So far what is shown may go back, from one layer of a camera to another: of one that has just
begun the larger arrives second."""
LITTLE_BYTES = 6000
"""Cheap beside a key frame however small: 24 ms of 2 Mbit/s, less than a round trip."""


@dataclass(slots=True)
class Past:
    """The last packets of one source, as they came."""

    _slots: dict[int, Arrived] = field(default_factory=dict)
    _key: Arrived | None = None
    """The first packet of its last key frame, as long as that is fresh."""
    _newest: int = 0

    def take(self, arrived: Arrived) -> None:
        """Keep a packet, in order or late."""
        if arrived.restarted:
            self._slots.clear()
            self._key = None
        if self._begins(arrived):
            self._key = arrived
        elif self._key is not None and self._outlived(self._key, arrived):
            self._key = None
        self._slots[arrived.extended % SHARED_MAX] = arrived
        if not arrived.late:
            self._newest = arrived.extended

    def since_key(self, now_us: int, oldest_us: int = FRESH_US) -> Sequence[Arrived]:
        """Give what a sink may begin with, in order; nothing where another key frame is better."""
        key = self._key
        if key is None or now_us - key.now_us > oldest_us:
            return ()
        if self._newest - key.extended >= SHARED_MAX:
            return ()
        found = [self._at(number) for number in range(key.extended, self._newest + 1)]
        whole = [it for it in found if it is not None]
        picture = [it for it in whole if it.packet.timestamp == key.packet.timestamp]
        if len(whole) < len(found) or _bytes(whole) > 2 * _bytes(picture) + LITTLE_BYTES:
            return ()
        return [replace(it, late=False, restarted=False, before=None) for it in whole]

    def _begins(self, arrived: Arrived) -> bool:
        if arrived.skip or arrived.late or not arrived.key:
            return False
        key = self._key
        return key is None or key.packet.timestamp != arrived.packet.timestamp

    def _outlived(self, key: Arrived, arrived: Arrived) -> bool:
        beyond = not arrived.late and arrived.extended - key.extended >= SHARED_MAX
        return beyond or arrived.now_us - key.now_us > FRESH_US

    def _at(self, extended: int) -> Arrived | None:
        arrived = self._slots.get(extended % SHARED_MAX)
        if arrived is None or arrived.extended != extended:
            return None
        return arrived if arrived.skip or len(arrived.packet.payload) <= HISTORY_BYTES else None


def _bytes(packets: Sequence[Arrived]) -> int:
    return sum(len(it.packet.payload) for it in packets if not it.skip)

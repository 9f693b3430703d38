"""Which addresses the kernel shall drop for us: a flood costs Python nothing that it never sees.

::

    dropped too often in a second --> blocked 1 s --again within 30 s--> 2 s, 4 s, 8 s
                                         `-- it has a call, or we ask it something --> let through

Without this a flood of one address fills the socket's queue, and others' messages find no place.
"""

from collections import OrderedDict
from dataclasses import dataclass

TOO_OFTEN = 60
"""Datagrams of one address dropped unread within `WITHIN_S`."""
WITHIN_S = 1.0
BLOCK_S, BLOCK_MAX_S = 1.0, 8.0
FORGET_S = 30.0
MAX_BLOCKED = 64
"""Each costs the kernel some nanoseconds a datagram."""
MAX_WATCHED = 1024


@dataclass(slots=True)
class _Flooder:
    since: float
    count: int = 0
    until: float = 0.0
    """It is blocked, or was."""
    block_s: float = BLOCK_S / 2


class Shield:
    """Watches what is dropped; `blocked` is what the kernel shall be told."""

    def __init__(self) -> None:
        """Block nobody."""
        self.blocked: frozenset[str] = frozenset()
        self._watched: OrderedDict[str, _Flooder] = OrderedDict()

    @property
    def deadline(self) -> float | None:
        """When the next block ends."""
        return min((self._watched[site].until for site in self.blocked), default=None)

    def dropped(self, site: str, now: float) -> None:
        """Count a datagram that was dropped unread; `site` is nobody's we need."""
        one = self._watched.setdefault(site, _Flooder(now))
        self._watched.move_to_end(site)
        if len(self._watched) > MAX_WATCHED:
            gone, _ = self._watched.popitem(last=False)
            self.blocked -= {gone}
        if now - one.since > WITHIN_S:
            one.since, one.count = now, 0
        one.count += 1
        if one.count >= TOO_OFTEN and site not in self.blocked and len(self.blocked) < MAX_BLOCKED:
            again = now - one.until < FORGET_S
            one.block_s = min(2 * one.block_s, BLOCK_MAX_S) if again else BLOCK_S
            one.until, one.count = now + one.block_s, 0
            self.blocked |= {site}

    def spare(self, site: str) -> None:
        """Let an address through: it has a call, or owes us an answer."""
        self._watched.pop(site, None)
        self.blocked -= {site}

    def tick(self, now: float) -> None:
        """Let time pass: blocks end."""
        self.blocked = frozenset(one for one in self.blocked if self._watched[one].until > now)

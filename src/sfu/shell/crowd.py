"""The connections of one door, counted by where they come from; when it is full, who yields.

::

    reserve(host) --its site has enough, or nobody yields--> False
        `-- full: the idlest connection of the site that holds most is closed for it
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sfu.signalling.sip.flow import site_of


@dataclass(frozen=True, slots=True)
class Held:
    """A connection that may have to yield."""

    host: str
    last_byte: float
    abort: Callable[[], None]


class Crowd:
    """Counts; connections that still agree on TLS among them."""

    def __init__(self, most: int, held: Callable[[], Iterable[Held]]) -> None:
        """Take so many; `held` names those that may yield: of no call, no member."""
        self._most = most
        self._held = held
        self._sites: Counter[str] = Counter()

    def __len__(self) -> int:
        """Count the connections."""
        return self._sites.total()

    def reserve(self, host: str, each: int) -> bool:
        """Count one more of a host; False where it has `each`, or the door is full for it."""
        site = site_of(host)
        full = len(self) >= self._most
        if self._sites[site] >= each or (full and not self._make_room(site)):
            return False
        self._sites[site] += 1
        return True

    def release(self, host: str) -> None:
        """Count one less."""
        site = site_of(host)
        self._sites[site] -= 1
        if not self._sites[site]:
            del self._sites[site]

    def _make_room(self, site: str) -> bool:
        """Close the idlest connection of who has most, unless that is who asks."""
        by_site: dict[str, list[Held]] = {}
        for one in self._held():
            by_site.setdefault(site_of(one.host), []).append(one)
        if not by_site:
            return False
        greedy = max(by_site, key=lambda one: len(by_site[one]))
        if len(by_site[greedy]) <= self._sites[site]:
            return False
        min(by_site[greedy], key=lambda one: one.last_byte).abort()
        return True

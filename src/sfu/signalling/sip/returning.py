"""Strangers who come again with the same words: what is left for them when a flood takes the rest.

A caller who heard nothing says the same again after 0.5 s (timer A, RFC 3261 section 17.1.1.2).  A
flood, from however many addresses, does not: each of its datagrams is another, and would cost it
its rate.  So who comes again has a share that no flood spends by its first word::

    refused, for all strangers together ask too much --> remembered, unread
    the same words 0.3 s later and more --------------> from the share of who comes again
"""

from collections import OrderedDict

from sfu.signalling.sip.share import Share

SOONEST_S, LATEST_S = 0.3, 8.0
"""Copies that come together are one word; nobody waits longer between two of the first four."""
MAX_REFUSED = 32_768
"""What is remembered, the oldest goes: some seconds of a flood, 4 MB."""


class Returning:
    """Who was refused, by host and words, and what is left for whom comes again."""

    def __init__(self) -> None:
        """Remember nobody."""
        self._share = Share()
        self._refused: OrderedDict[int, float] = OrderedDict()

    def may(self, host: str, data: bytes, now: float, per_s: float, cost: float) -> bool:
        """Tell whether this one comes again and has something left; else remember it.

        So many messages a second come again at most, three seconds' worth at once.
        """
        key = hash((host, data))
        first = self._refused.get(key)
        if first is not None and SOONEST_S <= now - first <= LATEST_S:
            return self._share.take(now, per_s, 3 * per_s, cost)
        if first is None or now - first > LATEST_S:
            self._refused.pop(key, None)
            self._refused[key] = now
            while len(self._refused) > MAX_REFUSED:
                self._refused.popitem(last=False)
        return False

"""Wrong PINs by address, browsers' and room codecs' alike, so that nobody can try all of them.

An address that has tried too often is refused the right PIN too: else the limit would only slow
down who guesses, never stop him.
"""

from sfu.signalling.sip.flow import site_of

WINDOW_S = 60.0
"""Wrong PINs of an address count so long."""
MOST_ADDRESSES = 10_000


class PinTries:
    """Counts wrong PINs."""

    def __init__(self, most: int) -> None:
        """Allow `most` in a window."""
        self._most = most
        self._tries: dict[str, list[float]] = {}

    def left(self, host: str, now: float) -> bool:
        """Tell whether this address may still try."""
        site = site_of(host)
        tries = [at for at in self._tries.get(site, []) if now - at < WINDOW_S]
        if tries:
            self._tries[site] = tries
        else:
            self._tries.pop(site, None)
        return len(tries) < self._most

    def forgive(self, host: str) -> None:
        """Take back the newest wrong one of an address: it was right."""
        tries = self._tries.get(site_of(host))
        if tries:
            tries.pop()

    def wrong(self, host: str, now: float) -> None:
        """Count a wrong PIN; more than are allowed change nothing."""
        if not self.left(host, now):
            return
        if len(self._tries) >= MOST_ADDRESSES:
            self._tries.pop(next(iter(self._tries)))
        self._tries.setdefault(site_of(host), []).append(now)

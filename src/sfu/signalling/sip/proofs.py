"""Credentials that were accepted once are not accepted again (RFC 7616 section 5.5).

A proof with qop counts its uses (nc), so its response differs each time: the same one again is a
replay.  Kept are only proofs of right passwords, as long as their nonce lives, MAX_PROOFS at most;
the oldest makes room.  Without qop (RFC 2069) a unit says the same for the whole life of a nonce.
"""

from collections import OrderedDict

MAX_PROOFS = 16_384
"""2 MB; to push one out within the life of its nonce takes 54 proven requests a second."""


class Proofs:
    """Remembers the proofs of the last minutes."""

    def __init__(self, life_s: float) -> None:
        """Remember each for `life_s` seconds."""
        self._life_s = life_s
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._until)

    def fresh(self, nonce: str, response: str, now: float) -> bool:
        """Remember a proof; False if it was shown before."""
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        if (nonce, response) in self._until:
            return False
        if len(self._until) >= MAX_PROOFS:
            self._until.popitem(last=False)
        self._until[nonce, response] = now + self._life_s
        return True

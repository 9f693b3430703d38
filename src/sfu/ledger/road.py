"""Roads between sites: as long one way as the other, and nothing where a site is meant itself."""

from collections.abc import Iterable


class Roads:
    """Kilometres by pair of sites."""

    def __init__(self, roads: Iterable[tuple[str, str, float]]) -> None:
        """Know these: (site, other site, km)."""
        self._km = {frozenset((one, other)): km for one, other, km in roads}

    def km(self, one: str, other: str) -> float | None:
        """Return the road between two sites, one way; None where nobody said."""
        return 0.0 if one == other else self._km.get(frozenset((one, other)))

"""Loss of the legs with feedback, in spans of half a second: noise, or a line that throws away."""

SPAN_S = 0.5
LEAST_PACKETS = 20
HEAVY, FREE_HEAVY = 0.15, 0.10
"""Two spans in a row: on a line of known rate no noise is so much; elsewhere as plain GCC."""


class Losses:
    """Counts of all legs of a line."""

    def __init__(self, heavy: float) -> None:
        """Have seen nothing."""
        self.share = 0.0
        """Smoothed over some spans."""
        self.latest = 0.0
        self.heavy_spans = 0
        self.total = (0, 0)
        """Packets lost and received since the start."""
        self._heavy = heavy
        self._since = -1e9
        self._lost = self._received = 0

    def add(self, lost: int, received: int, now: float) -> bool:
        """Take counts; tell whether a span ended with them."""
        self.total = (self.total[0] + lost, self.total[1] + received)
        self._lost += lost
        self._received += received
        total = self._lost + self._received
        if now - self._since < SPAN_S or total < LEAST_PACKETS:
            return False
        self.latest = max(self._lost, 0) / total
        self.share += (self.latest - self.share) / 4
        self.heavy_spans = self.heavy_spans + 1 if self.latest >= self._heavy else 0
        self._lost = self._received = 0
        self._since = now
        return True

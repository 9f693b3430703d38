"""A token bucket: so many at once, so many a second after."""


class Bucket:
    """Counts what one peer may still send; reads no clock."""

    def __init__(self, burst: int, per_second: float, now: float) -> None:
        """Start full."""
        self._burst, self._per_second = burst, per_second
        self._tokens, self._at = float(burst), now

    def take(self, now: float) -> bool:
        """Take one token; False where none is left."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

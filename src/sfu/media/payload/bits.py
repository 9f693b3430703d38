"""Bits of a payload that is not laid out in bytes, as H.261 and H.263 are not."""


class Bits:
    """Reads numbers at any bit; whatever lies beyond the end is None."""

    def __init__(self, data: bytes) -> None:
        """Look at the beginning of a payload: no header of a picture is longer."""
        self._data = data

    def at(self, place: int, count: int) -> int | None:
        """Return `count` bits, up to 32, from bit `place` on."""
        if place + count > 8 * len(self._data):
            return None
        first, last = place // 8, (place + count + 7) // 8
        word = int.from_bytes(self._data[first:last])
        return word >> (8 * last - place - count) & ((1 << count) - 1)

"""Cutting a TCP stream into packets by TPKT heads (RFC 1006 section 6), and writing them.

::

    03 00 len16 payload    len16 counts the four octets of the head
    03 00 00 04            a keep-alive; Tandberg units send 00 03 00 04 instead
    03 xx len16            some gateways (Cisco AS5300) put something into the second octet

H.225.0 call signalling and H.245 both go in these; several may come in one segment, one in many.
"""

from dataclasses import dataclass, field

from sfu.errors import PeerError

HEAD = 4
VERSION = 3
SWAPPED_KEEP_ALIVE = bytes((0, 3, 0, 4))
MAX_PAYLOAD = 0xFFFF - HEAD
KEEP_ALIVE = bytes((VERSION, 0, 0, HEAD))


def write(payload: bytes) -> bytes:
    """Put a head before a payload of at most 65,531 bytes."""
    assert len(payload) <= MAX_PAYLOAD
    return bytes((VERSION, 0)) + (len(payload) + HEAD).to_bytes(2) + payload


@dataclass(slots=True)
class Framer:
    """Gathers bytes of one stream; memory stays below one packet and one read."""

    error: PeerError | None = None
    """Set once framing is lost: nothing after it can be read, the stream must be closed."""
    keep_alives: int = 0
    """How many have come."""
    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, return the payloads that are whole."""
        payloads: list[bytes] = []
        if self.error is not None:
            return payloads
        self._buffer += data
        while len(self._buffer) >= HEAD:
            length = self._length()
            if self.error is not None:
                self._buffer.clear()
                break
            if len(self._buffer) < length:
                break
            payload = bytes(self._buffer[HEAD:length])
            del self._buffer[:length]
            if payload:
                payloads.append(payload)
            else:
                self.keep_alives += 1
        return payloads

    def _length(self) -> int:
        """Return the length of the packet at the start, its head counted."""
        if self._buffer[:HEAD] == SWAPPED_KEEP_ALIVE:
            return HEAD
        length = int.from_bytes(self._buffer[2:HEAD])
        if self._buffer[0] != VERSION or length < HEAD:
            self.error = PeerError("not TPKT")
        return length

"""Cutting a byte stream into messages by Content-Length (RFC 3261 section 18.3).

::

    CRLFCRLF INVITE ...CRLF Content-Length: 412 CRLFCRLF <412 bytes> CRLF OPTIONS ...
    `ping -> CRLF´ `-------------- one message -------------------´  `stray, dropped
"""

import re
from dataclasses import dataclass, field

from sfu.errors import PeerError
from sfu.signalling.sip.message import MAX_MESSAGE

MAX_HEAD = 32_768
_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*\r?$")
_BREAK = re.compile(rb"\n\r?\n")


@dataclass(slots=True)
class Framer:
    """Gathers bytes of one stream; memory stays below one message and one read."""

    error: PeerError | None = None
    """Set once framing is lost: nothing after it can be read, the stream must be closed."""
    refused_head: bytes = b""
    """The head of a message whose body is too large to be read: it can still be answered."""
    pings: int = 0
    _buffer: bytearray = field(default_factory=bytearray)
    _searched: int = 0
    _total: int = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, return the whole messages among them."""
        messages: list[bytes] = []
        if self.error is not None:
            return messages
        self._buffer += data
        try:
            while (message := self._next()) is not None:
                messages.append(message)
        except PeerError as error:
            self.error = error
            self._buffer.clear()
        return messages

    def take_pings(self) -> int:
        """Return how many double CRLFs (RFC 5626 section 4.4.1) wait for an answer of one CRLF."""
        pings, self.pings = self.pings, 0
        return pings

    @property
    def idle(self) -> bool:
        """Whether no message is half read; a line end alone is a keep-alive, or a pong."""
        return len(self._buffer) < 4 and not self._buffer.strip(b"\r\n")

    def _next(self) -> bytes | None:
        if not self._total:
            self._skip_blank_lines()
            self._total = self._measure()
        if not self._total or len(self._buffer) < self._total:
            return None
        message = bytes(self._buffer[: self._total])
        del self._buffer[: self._total]
        self._searched = self._total = 0
        return message

    def _measure(self) -> int:
        """Return the length of the message at the start, 0 while its head is not whole."""
        end = _BREAK.search(self._buffer, max(0, self._searched - 3))
        self._searched = len(self._buffer)
        if (end.start() if end else self._searched) > MAX_HEAD:
            raise PeerError("head too large", status=513)
        if end is None:
            return 0
        head = bytes(self._buffer[: end.start() + 1])
        total = end.end() + _body_length(head)
        if total > MAX_MESSAGE:
            self.refused_head = head
            raise PeerError("body too large", status=413)
        return total

    def _skip_blank_lines(self) -> None:
        """Drop line ends before a message; four bytes of them alone are a keep-alive."""
        if not self._buffer or self._buffer[0] not in b"\r\n":
            return
        blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
        alone = blank == len(self._buffer)
        whole = blank - blank % 4 if alone else blank
        self.pings += bytes(self._buffer[:whole]).count(b"\r\n\r\n")
        del self._buffer[:whole]
        self._searched = 0


def _body_length(head: bytes) -> int:
    """Content-Length is mandatory on streams; a head without one has no body."""
    lengths = {int(match[1]) for match in _LENGTH.finditer(head)}
    if len(lengths) > 1:
        raise PeerError("Content-Length told twice")
    if not lengths and re.search(rb"(?im)^(content-length|l)[ \t]*:", head):
        raise PeerError("bad Content-Length")
    return lengths.pop() if lengths else 0

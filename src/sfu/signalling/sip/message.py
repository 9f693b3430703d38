"""SIP messages: tolerant in, strict out (RFC 3261 sections 7 and 25, RFC 4475).

Taken in: folded lines, bare LF, raw 8-bit bytes, compact names, a blank before the colon, none
after it, unknown headers.  Written: CRLF, canonical names, a Content-Length that is true.
A message is kept as its head lines; typed views (`via`, `cseq`, ...) are read when asked for and
raise PeerError, so that a request with one bad header can still be answered 400.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from sfu.errors import PeerError
from sfu.signalling.sip.address import (
    CSeq,
    NameAddr,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_via,
)
from sfu.signalling.sip.text import TOKEN, clean, number, split
from sfu.signalling.sip.uri import Uri, parse_uri

MAX_MESSAGE = 65_535
MAX_HEADERS = 256
MAX_LINE = 16_384

Header = tuple[str, str]
AnyMessage = TypeVar("AnyMessage", "Request", "Response")

_COMPACT = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition",
    "e": "Content-Encoding", "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported",
    "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject",
    "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
}  # fmt: skip
_CANONICAL = {
    name.lower(): name
    for name in (
        *_COMPACT.values(), "Accept", "Accept-Encoding", "Allow", "Authorization", "CSeq",
        "Content-Disposition", "Content-Language", "Date", "Expires", "Max-Forwards",
        "Min-Expires", "Min-SE", "MIME-Version", "Path", "Proxy-Authenticate",
        "Proxy-Authorization", "Proxy-Require", "RAck", "RSeq", "Reason", "Record-Route",
        "Replaces", "Require", "Retry-After", "Route", "Server", "Service-Route", "Unsupported",
        "User-Agent", "WWW-Authenticate", "Warning",
    )
}  # fmt: skip


@dataclass(frozen=True)
class _Message:
    headers: tuple[Header, ...]
    body: bytes

    @cached_property
    def _lines(self) -> dict[str, list[str]]:
        lines: dict[str, list[str]] = {}
        for name, value in self.headers:
            lines.setdefault(name.lower(), []).append(value)
        return lines

    def all(self, name: str) -> list[str]:
        """Return each line of this name, in order."""
        return self._lines.get(name.lower(), [])

    def get(self, name: str) -> str | None:
        """Return the first line of this name."""
        lines = self._lines.get(name.lower())
        return lines[0] if lines else None

    def values(self, name: str) -> list[str]:
        """Return all values of a list header, comma-separated or on lines of their own."""
        values: list[str] = []
        for line in self.all(name):
            values += [part.strip() for part in split(line, ",") if part.strip()]
        return values

    def options(self, name: str) -> frozenset[str]:
        """Return the tokens of Supported, Require, Allow... in lower case."""
        return frozenset(value.lower() for value in self.values(name))

    def _only(self, name: str) -> str:
        value = self.get(name)
        if not value:
            raise PeerError(f"missing {name}")
        return value

    @cached_property
    def vias(self) -> list[Via]:
        """All Via values, ours or the last hop's first."""
        return [parse_via(value) for value in self.values("Via")]

    @cached_property
    def via(self) -> Via:
        """The topmost Via; alone it is read even where lower ones are broken."""
        values = self.values("Via")
        if not values:
            raise PeerError("missing Via")
        return parse_via(values[0])

    @cached_property
    def sender(self) -> NameAddr:
        """From."""
        return parse_name_addr(self._only("From"))

    @cached_property
    def to(self) -> NameAddr:
        """To."""
        return parse_name_addr(self._only("To"))

    @cached_property
    def call_id(self) -> str:
        """Call-ID, any text without blanks: "x@127.0.0.1" or no host at all."""
        return self._only("Call-ID")

    @cached_property
    def cseq(self) -> CSeq:
        """CSeq."""
        return parse_cseq(self._only("CSeq"))

    @cached_property
    def contact(self) -> NameAddr | None:
        """The first Contact, None where there is none or only a star."""
        values = self.values("Contact")
        return parse_name_addr(values[0]) if values and values[0] != "*" else None


@dataclass(frozen=True)
class Request(_Message):
    """A request; `target` is the Request-URI as it came."""

    method: str
    target: str
    version: str = "SIP/2.0"

    @cached_property
    def uri(self) -> Uri:
        """The Request-URI."""
        return parse_uri(self.target)

    def to_bytes(self) -> bytes:
        """Write it."""
        return _write(f"{self.method} {self.target} {self.version}", self)


@dataclass(frozen=True)
class Response(_Message):
    """A response."""

    status: int
    reason: str

    def to_bytes(self) -> bytes:
        """Write it."""
        return _write(f"SIP/2.0 {self.status} {self.reason}", self)


Message = Request | Response


def with_headers(message: AnyMessage, headers: Iterable[Header]) -> AnyMessage:
    """Return the message with other headers."""
    return replace(message, headers=tuple(headers))


def _write(start: str, message: _Message) -> bytes:
    lines = [clean(start)]
    lines += [
        f"{name}: {clean(value)}"
        for name, value in message.headers
        if name.lower() != "content-length"
    ]
    lines += [f"Content-Length: {len(message.body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + message.body


def parse_message(data: bytes) -> Message:
    """Read one whole message: a datagram, or what `framing` cut out of a stream."""
    if len(data) > MAX_MESSAGE:
        raise PeerError("message too large", status=513)
    head, body = _split_head(data.lstrip(b"\r\n"))
    message = parse_head(head)
    return replace(message, body=_cut_body(message.headers, body))


def parse_head(data: bytes, *, broken: bool = False) -> Message:
    """Read a message without its body, whatever length it tells.

    `broken`: only to be refused, so lines that are no headers do not matter.
    """
    head, body = _split_head(data.lstrip(b"\r\n"))[0], b""
    lines = _unfold(head)
    told = [line for line in lines[1:] if line.strip() and not (broken and ":" not in line)]
    headers = tuple(_parse_header(line) for line in told)
    first, _, rest = lines[0].strip().partition(" ")
    rest, _, last = rest.strip().rpartition(" ")
    if first.upper() == "SIP/2.0":
        return _parse_response(lines[0].strip(), headers, body)
    if not TOKEN.fullmatch(first) or not last.upper().startswith("SIP/") or not rest:
        raise PeerError("bad start line")
    return Request(headers, body, first, rest.strip(), last.upper())


def _split_head(data: bytes) -> tuple[bytes, bytes]:
    end = re.search(rb"\n\r?\n", data)
    return (data, b"") if end is None else (data[: end.start()], data[end.end() :])


def _unfold(head: bytes) -> list[str]:
    """Return the logical lines; a line that starts with a blank continues the one before."""
    text = head.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    text = re.sub(r"[ \t\r]*\n[ \t]+", " ", text).replace("\r", " ").replace("\0", " ")
    lines = text.split("\n")
    if len(lines) > MAX_HEADERS or any(len(line) > MAX_LINE for line in lines):
        raise PeerError("head too large", status=513)
    return lines


def _parse_header(line: str) -> Header:
    name, colon, value = line.partition(":")
    name = name.strip()
    if not colon or not TOKEN.fullmatch(name):
        raise PeerError("bad header line")
    name = _COMPACT.get(name.lower(), name)
    return _CANONICAL.get(name.lower(), name), value.strip()


def _cut_body(headers: tuple[Header, ...], body: bytes) -> bytes:
    """18.3: bytes past Content-Length are dropped, a body cut short is an error."""
    told = {value for name, value in headers if name == "Content-Length"}
    if not told:
        return body
    lengths = {number(value, "Content-Length") for value in told}
    if len(lengths) > 1:
        raise PeerError("Content-Length told twice")
    [length] = lengths
    if length > len(body):
        raise PeerError("body cut short")
    return body[:length]


def _parse_response(line: str, headers: tuple[Header, ...], body: bytes) -> Response:
    match = re.fullmatch(r"\S+\s+([1-6][0-9]{2})(?:\s+(.*))?", line, re.ASCII)
    if match is None:
        raise PeerError("bad status line")
    return Response(headers, body, int(match[1]), match[2] or "")


def check_request(request: Request) -> None:
    """Raise PeerError where a header every request needs is absent or broken (8.1.1)."""
    _ = request.sender, request.to, request.call_id, request.vias
    if request.version != "SIP/2.0":
        raise PeerError("version not supported", status=505)
    if request.cseq.method != request.method:
        raise PeerError("CSeq names another method")
    if request.cseq.number >= 2**31:
        raise PeerError("CSeq too large")
    if not request.sender.tag and request.method == "INVITE" and request.to.tag:
        raise PeerError("no From tag")
    if request.method in ("INVITE", "UPDATE"):
        _ = request.contact  # who follows it later has nobody to refuse any more
    for name in ("Call-ID", "CSeq", "From", "To", "Max-Forwards"):
        if len(request.all(name)) > 1:
            raise PeerError(f"several {name} headers")
    number(request.get("Max-Forwards") or "70", "Max-Forwards", 255)
    try:
        _ = request.uri
    except PeerError:
        raise PeerError("bad Request-URI") from None
    if request.uri.scheme not in ("sip", "sips", "tel"):
        raise PeerError("unsupported URI scheme", status=416)

"""Addresses in headers: From, To, Contact, Route (RFC 3261 section 20.10) and Via (20.42)."""

import re
from dataclasses import dataclass, replace

from sfu.errors import PeerError
from sfu.signalling.sip.text import (
    Params,
    format_params,
    number,
    param,
    parse_params,
    plain,
    split,
    unquote,
)
from sfu.signalling.sip.uri import Uri, bracket, parse_hostport, parse_uri

_VIA = re.compile(
    r"\s*SIP\s*/\s*([0-9.]{1,7})\s*/\s*([A-Za-z0-9\-]{1,16})\s+([^;]+)(;.*)?", re.I | re.DOTALL
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A URI with a display name and parameters of the header it stands in."""

    display: str
    uri: Uri
    params: Params = ()

    def __str__(self) -> str:
        """Write it with angle brackets; `display` is written as it stands."""
        blank = " " if self.display else ""
        return f"{self.display}{blank}<{self.uri}>{format_params(self.params)}"

    @property
    def tag(self) -> str:
        """The tag, "" for none."""
        return self.param("tag") or ""

    @property
    def name(self) -> str:
        """Display name as a person reads it."""
        return plain(unquote(self.display))

    def param(self, name: str) -> str | None:
        """Return a header parameter, "" for a flag, None where it is absent."""
        return param(self.params, name)


def parse_name_addr(text: str) -> NameAddr:
    """Read ``"Name" <uri>;params``, ``<uri>`` or a bare ``uri;params``."""
    pieces = split(text.strip(), ";")
    head, tail = pieces[0].strip(), ";".join(pieces[1:])
    if "<" not in head:
        if "?" in head:
            raise PeerError("escaped headers outside angle brackets")
        # 20.10: without brackets the parameters belong to the header, not to the URI
        return NameAddr("", parse_uri(head), parse_params(tail))
    opening = head.rindex("<")
    display, rest = head[:opening].strip(), head[opening + 1 :]
    if display.startswith('"') and not _QUOTED.fullmatch(display):
        raise PeerError("quotes without end")
    uri, closed, junk = rest.partition(">")
    if not closed or junk.strip():
        raise PeerError("bad address")
    return NameAddr(display, parse_uri(uri), parse_params(tail))


@dataclass(frozen=True, slots=True)
class Via:
    """One hop: transport, sent-by and parameters."""

    transport: str
    host: str
    port: int | None
    params: Params
    version: str = "2.0"
    """Of SIP: another one is read so that it can be refused."""

    def __str__(self) -> str:
        """Write it."""
        port = "" if self.port is None else f":{self.port}"
        sent_by = f"{bracket(self.host)}{port}{format_params(self.params)}"
        return f"SIP/{self.version}/{self.transport} {sent_by}"

    def param(self, name: str) -> str | None:
        """Return a parameter, "" for a flag, None where it is absent."""
        return param(self.params, name)

    @property
    def branch(self) -> str:
        """Its branch, "" where an RFC 2543 client sent none."""
        return self.param("branch") or ""

    def seen_from(self, host: str, port: int) -> "Via":
        """Add `received` and fill `rport` (RFC 3261 section 18.2.1, RFC 3581 section 4)."""
        asked = any(name == "rport" for name, _ in self.params)
        params = [(n, v) for n, v in self.params if n not in ("received", "rport")]
        if asked or self.host != host:
            params.append(("received", host))
        if asked:
            params.append(("rport", str(port)))
        return replace(self, params=tuple(params))


def parse_via(text: str) -> Via:
    """Read one Via value, blanks around its slashes and colon included."""
    match = _VIA.fullmatch(text)
    if match is None:
        raise PeerError("bad Via")
    host, port = parse_hostport(match[3])
    return Via(match[2].upper(), host, port, parse_params(match[4] or ""), match[1])


@dataclass(frozen=True, slots=True)
class CSeq:
    """Sequence number and method."""

    number: int
    method: str

    def __str__(self) -> str:
        """Write it."""
        return f"{self.number} {self.method}"


def parse_cseq(text: str) -> CSeq:
    """Read a CSeq (8.1.1.5: below 2**31; we take 32 bits)."""
    words = text.split(None, 1)
    if len(words) != 2:
        raise PeerError("bad CSeq")
    return CSeq(number(words[0], "CSeq"), words[1].rstrip())

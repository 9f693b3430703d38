"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966).

::

    sip:c20%40example.org:secret@[2001:db8::1]:5060;transport=tcp;lr?subject=x
        `----- user ----´ `-pw-´ `--- host ---´ `port `-- params --´ `headers´
"""

import re
from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.signalling.sip.text import Params, format_params, number, param, parse_params, plain

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,31}):(.*)", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9._\-]{1,255}")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,/")
MAX_URI = 2048


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI; `user` is as it came, escapes and all.  Schemes but sip and sips fill only `user`."""

    scheme: str
    user: str
    host: str
    port: int | None = None
    params: Params = ()
    headers: str = ""

    def __str__(self) -> str:
        """Write it."""
        if not self.is_sip:
            return f"{self.scheme}:{self.user}"
        at = f"{self.user}@" if self.user else ""
        port = "" if self.port is None else f":{self.port}"
        tail = f"?{self.headers}" if self.headers else ""
        host = bracket(self.host)
        return f"{self.scheme}:{at}{host}{port}{format_params(self.params)}{tail}"

    @property
    def is_sip(self) -> bool:
        """Whether it is a SIP or SIPS URI."""
        return self.scheme in ("sip", "sips")

    @property
    def name(self) -> str:
        """User part without password, escapes undone; of a tel URI the number."""
        if self.is_sip:
            return unescape(self.user.partition(":")[0])
        return unescape(self.user.partition(";")[0])

    @property
    def address(self) -> str:
        """Show as user@host."""
        host = bracket(self.host)
        return f"{self.name}@{host}" if self.name and host else self.name or host

    def param(self, name: str) -> str | None:
        """Return a parameter, "" for a flag, None where it is absent."""
        return param(self.params, name)


def parse_uri(text: str) -> Uri:
    """Read a URI without angle brackets."""
    text = text.strip()
    match = _SCHEME.fullmatch(text)
    if match is None or len(text) > MAX_URI or re.search(r"[\s<>\"]", text):
        raise PeerError("bad URI")
    scheme, rest = match[1].lower(), match[2]
    if scheme not in ("sip", "sips"):
        return Uri(scheme, rest, "")
    user, rest = _split_user(rest)
    rest, _, headers = rest.partition("?")
    hostport, _, params = rest.partition(";")
    host, port = parse_hostport(hostport)
    return Uri(scheme, user, host, port, parse_params(params), headers)


def _split_user(rest: str) -> tuple[str, str]:
    """Cut at the first @, or a later one before any parameter (an unescaped user@domain@host)."""
    user, at, tail = rest.partition("@")
    if not at:
        return "", rest
    while "@" in re.split(r"[;?]", tail, maxsplit=1)[0]:
        more, _, tail = tail.partition("@")
        user = f"{user}@{more}"
    return user, tail


def parse_hostport(text: str) -> tuple[str, int | None]:
    """Read host and port; an IPv6 host comes back without its brackets."""
    text = text.strip()
    if text.startswith("["):
        host, closed, tail = text[1:].partition("]")
        good = bool(closed) and _IPV6.fullmatch(host) is not None
    else:
        host, colon, tail = text.partition(":")
        host, tail = host.strip(), colon + tail
        good = _HOST.fullmatch(host) is not None
    tail = tail.strip()
    if not good or (tail and not tail.startswith(":")):
        raise PeerError("bad host")
    digits = tail[1:].strip()
    return host, number(digits, "port", 65535) if digits else None


def bracket(host: str) -> str:
    """Put an IPv6 host into brackets."""
    return f"[{host}]" if ":" in host else host


def unescape(text: str) -> str:
    """Undo percent escapes; bytes that are no UTF-8 are read as latin-1."""
    if "%" not in text:
        return plain(text)
    raw = text.encode("utf-8", "surrogateescape")
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), raw)
    return plain(raw.decode("utf-8", "surrogateescape"))


def escape(user: str) -> str:
    """Write a user part: what RFC 3261 does not allow there is percent-escaped."""
    raw = user.encode("utf-8", "replace")
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)

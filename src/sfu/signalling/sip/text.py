"""Pieces of SIP text: lists, quoted strings, parameters (RFC 3261 section 25.1).

Heads are decoded as UTF-8 with surrogate escapes, so that a raw latin-1 byte of an old codec is
echoed untouched; `plain` turns it into readable text where a person will see it.
"""

import re

from sfu.errors import PeerError

Params = tuple[tuple[str, str | None], ...]
"""Parameters in order: names in lower case, values as they came (quotes kept), None for flags."""

MAX_PARTS = 128
"""No honest header carries more values or parameters."""

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")


def split(text: str, separator: str) -> list[str]:
    """Split where a separator stands in neither quotes nor angle brackets."""
    if '"' not in text and "<" not in text:
        parts = text.split(separator)
    else:
        parts = _split_quoted(text, separator)
    if len(parts) > MAX_PARTS:
        raise PeerError("too many values in a header")
    return parts


def _split_quoted(text: str, separator: str) -> list[str]:
    parts, start, index = [], 0, 0
    quoted = angled = False
    while index < len(text):
        char = text[index]
        if quoted:
            index += char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "<>":
            angled = char == "<"
        elif char == separator and not angled:
            parts.append(text[start:index])
            start = index + 1
        index += 1
    parts.append(text[start:])
    return parts


def parse_params(text: str) -> Params:
    """Read ``;a=b;c``; empty pieces (a trailing semicolon) are ignored."""
    params = []
    for part in split(text, ";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if name:
            params.append((name, value.strip() if equals else None))
    return tuple(params)


def format_params(params: Params) -> str:
    """Write parameters, each with its semicolon."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params)


def param(params: Params, name: str) -> str | None:
    """Return a parameter's value without quotes, "" for a flag, None where it is absent."""
    for key, value in params:
        if key == name:
            return unquote(value or "")
    return None


def unquote(text: str) -> str:
    """Take off quotes and backslashes."""
    text = text.strip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def quote(text: str) -> str:
    """Write a quoted string."""
    inner = clean(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def clean(text: str) -> str:
    """Take out what would break a line: control characters and what no encoder takes."""
    text = re.sub(r"[\x00-\x08\x0a-\x1f\x7f]+", " ", text)
    return re.sub(r"[\ud800-\udc7f\udd00-\udfff]", "?", text)


def plain(text: str) -> str:
    """Make readable what came in raw bytes: UTF-8 as such, else latin-1."""
    if text.isascii():
        return text
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def number(text: str, what: str, limit: int = 2**32 - 1) -> int:
    """Read a decimal number of the wire, refusing signs, other digits and giants."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or int(text) > limit:
        raise PeerError(f"bad {what}")
    return int(text)

"""Aliases: the names and numbers an H.323 endpoint is called by (H.225.0, AliasAddress)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sfu.signalling.h323.per import Value
from sfu.signalling.h323.transport import read_transport

MAX_ALIASES = 16
MAX_NAME, MAX_DIGITS, MAX_URL = 256, 128, 512
DIGITS = frozenset("0123456789#*,")


@dataclass(frozen=True, slots=True)
class Alias:
    """One name or number."""

    kind: str
    """dialledDigits, h323-ID, url-ID, email-ID, transportID or partyNumber."""
    text: str


def number(text: str) -> Alias:
    """Make the alias of what somebody dials: digits where it is a number, else a name."""
    return Alias("dialledDigits" if text and set(text) <= DIGITS else "h323-ID", text)


def read_aliases(values: Iterable[Value]) -> tuple[Alias, ...]:
    """Read a list of aliases, each once; what has no text is left out."""
    found: dict[Alias, None] = {}
    for name, value in list(values)[:MAX_ALIASES]:
        text = _text(name, value)
        if text:
            found.setdefault(Alias(name, text))
    return tuple(found)


def _text(name: str, value: Value) -> str:
    if isinstance(value, str):
        return value[:256].rstrip("\0")
    if name == "transportID":
        address = read_transport(value)
        return str(address) if address else ""
    if name == "partyNumber" and isinstance(value[1], dict):
        digits = value[1].get("publicNumberDigits") or value[1].get("privateNumberDigits") or ""
        return str(digits)
    return ""


def write_aliases(aliases: Iterable[Alias]) -> list[Value]:
    """Make a list of aliases of names, numbers and addresses in text; what cannot be said is not.

    A name is cut to 256 characters of the basic plane, as BMPString has it.
    """
    legal = ((alias.kind, _legal(alias)) for alias in aliases)
    return [(kind, text) for kind, text in legal if text]


def _legal(alias: Alias) -> str:
    text = alias.text
    match alias.kind:
        case "h323-ID":
            return "".join(letter for letter in text if ord(letter) <= 0xFFFF)[:MAX_NAME]
        case "dialledDigits":
            return text if len(text) <= MAX_DIGITS and set(text) <= DIGITS else ""
        case "url-ID" | "email-ID":
            return text if text.isascii() and len(text) <= MAX_URL else ""
    return ""

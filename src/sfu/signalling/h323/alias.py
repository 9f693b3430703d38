"""Aliases: the names and numbers an H.323 endpoint is called by (H.225.0, AliasAddress)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sfu.model import Address, is_address
from sfu.signalling.h323.per import Value
from sfu.signalling.h323.transport import read_transport

SIGNALLING_PORT = 1720
MAX_ALIASES = 16
MAX_PORT_DIGITS = 5
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


def dialled(text: str) -> str:
    """Return what is meant of "h323:4201@192.0.2.10": the number or name alone."""
    for scheme in ("h323:", "sip:"):
        text = text.removeprefix(scheme)
    return text.partition("@")[0]


def address_of(alias: Alias) -> Address | None:
    """Return the address somebody dials, alone or behind a name; None where there is none."""
    text = alias.text.removeprefix("h323:").rpartition("@")[2].partition(";")[0]
    host, colon, port = text.rpartition(":")
    if not colon or is_address(text) or not (port.isascii() and port.isdigit()):
        host, port = text, str(SIGNALLING_PORT)
    host = host.strip("[]")
    if not is_address(host) or len(port) > MAX_PORT_DIGITS or not 0 < int(port) < 65_536:
        return None
    return Address(host, int(port))


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

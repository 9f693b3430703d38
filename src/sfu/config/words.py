"""What pydantic finds wrong, in words for who edits the file: what must stand there instead."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_type_hints

from pydantic_core import ErrorDetails

from sfu.config.address import NAMED_HOST

HOST = "a host's name, its IPv4 address or its IPv6 one in brackets, with :PORT where one is meant"
LETTERS = "letters without accents, digits and . _ -"
PATTERNS = {
    r"^[0-9]{1,20}$": "1 to 20 digits",
    r"^([0-9]{1,20})?$": "1 to 20 digits, or nothing",
    r"^[0-9]{0,20}$": "20 digits at most",
    r"^\+?[0-9]{1,20}$": "1 to 20 digits, a + before them if you like",
    r"^\+?[0-9]{0,20}$": "20 digits at most, a + before them if you like",
    r"^[0-9]+(-[0-9]+)?$": 'a number, or the first and the last of several: "4201-4299"',
    r"^[0-9]{1,5}-[0-9]{1,5}$": 'the first and the last port: "10000-10099"',
    r"^([0-9]{4,12})?$": "4 to 12 digits",
    r"^[A-Za-z0-9._-]{0,32}$": f"32 {LETTERS} at most",
    r"^[A-Za-z0-9._-]{1,32}$": f"1 to 32 {LETTERS}",
    r"^[A-Za-z0-9._-]{1,64}$": f"1 to 64 {LETTERS}",
    r"^[a-z_]{1,32}$": "small letters and _",
    NAMED_HOST: HOST,
    f"^$|{NAMED_HOST}": HOST,
    r"^turns?:[^\s<>]+$": 'an address like "turn:turn.example.org:3478"',
    r"^(sips?|h323):[^\s<>]+$": 'an address like "sip:room@192.0.2.21" or "h323:192.0.2.21"',
    r"^$|^https?://[^\s]{1,500}$": 'an address like "https://login.example.org"',
    r"^https?://[^\s]{1,2000}$": 'an address like "https://intranet.example.org/hook"',
}
"""How each pattern of a setting is said; tests/config/test_words.py finds one that is not."""
WORDS = {
    "missing": "is missing",
    "missing_argument": "is missing",
    "value_error": "not an IP address, or not a network with all host bits 0",
    "int_type": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number, without quotes",
    "float_type": "must be a number, without quotes",
    "finite_number": "must be a number",
    "bool_type": "must be true or false, without quotes",
    "string_type": 'must stand in quotes: "..."',
    "tuple_type": 'must be a list: ["...", "..."]',
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "string_too_short": "must have {min_length} characters at least",
    "string_too_long": "must have {max_length} characters at most",
    "too_short": "must have {min_length} at least",
    "too_long": "must have {max_length} at most",
}


def why(detail: ErrorDetails, settings: type) -> str:
    """Say what is wrong at one place of such settings."""
    kind, place = detail["type"], detail["loc"]
    facts: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "unexpected_keyword_argument":
        return "unknown key" + perhaps(str(place[-1]), _keys(settings, place[:-1]))
    if kind == "string_pattern_mismatch":
        return f"must be {PATTERNS.get(facts['pattern'], facts['pattern'])}"
    if kind == "dataclass_type":
        return f"must be a table: {_header(place)}"
    if kind == "tuple_type" and len(place) == 1 and _keys(settings, (*place, 0)):
        return f"must be tables: each begins with [[{place[0]}]]"
    try:
        return WORDS[kind].format(**facts)
    except KeyError:
        return detail["msg"]


def perhaps(word: str, known: Iterable[str]) -> str:
    """Ask for the known word that is most alike; "" where none is."""
    found = get_close_matches(word, list(known), 1)
    return f"; perhaps {found[0]}?" if found else ""


def _keys(settings: type, place: Sequence[int | str]) -> list[str]:
    """Give the keys that may stand at a place: those of a section, or the sections."""
    kind: Any = settings
    for part in place:
        if isinstance(part, int):
            kind = next(iter(get_args(kind)), None)
        elif dataclasses.is_dataclass(kind):
            kind = get_type_hints(kind).get(part)
    return [one.name for one in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []


def _header(place: Sequence[int | str]) -> str:
    name = ".".join(part for part in place if isinstance(part, str))
    return f"[[{name}]]" if any(isinstance(part, int) for part in place) else f"[{name}]"

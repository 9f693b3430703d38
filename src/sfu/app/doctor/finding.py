"""What was looked at, how it is, and what to do about it in one sentence, in two languages."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How it is."""

    OK = "ok"
    NOTE = "note"
    """It may be meant so."""
    WRONG = "wrong"
    """Somebody will notice."""


@dataclass(frozen=True, slots=True)
class Words:
    """The same in French and English."""

    fr: str
    en: str

    def of(self, language: str) -> str:
        """Give one of them."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer."""

    check: str
    """Short name of what was looked at, the same in all languages: "port sip.udp_port"."""
    level: Level
    said: Words
    fix: Words | None = None
    """What to do, in one sentence; None where there is nothing to do."""


def fine(check: str, fr: str, en: str) -> Finding:
    """Say that something is as it shall be."""
    return Finding(check, Level.OK, Words(fr, en))


def note(check: str, said: Words, fix: Words | None = None) -> Finding:
    """Say what may be meant so."""
    return Finding(check, Level.NOTE, said, fix)


def wrong(check: str, said: Words, fix: Words) -> Finding:
    """Say what is wrong, and what to do."""
    return Finding(check, Level.WRONG, said, fix)

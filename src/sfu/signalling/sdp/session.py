"""Session descriptions (RFC 8866), read so that no line is lost.

::

    v=0                         }
    o=salle 1 1 IN IP4 ...      }  session lines
    b=AS:1920                   }
    m=audio 49170 RTP/AVP 9     )  a MediaDescription: its m= line
    a=rtpmap:9 G722/8000        )  and everything up to the next
    m=video ...

Every line stays, in order, as it came; what we do not understand we carry.  Read loosely: LF or
CR for CRLF, `s=` or `t=` missing, any bytes (latin-1 keeps each of them).  Write strictly: CRLF.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from sfu.errors import PeerError

MAX_BYTES = 262_144
"""A browser's offer with thirty tiles takes 200 kB."""
MAX_LINES = 8_192
MAX_LINE = 8_192
MAX_SESSION_LINES = 512
"""They are looked at once for each m= line."""
MAX_MEDIA = 64
MAX_FORMATS = 128

_LINE_END = re.compile("\r\n|\n|\r")


def number(text: str, low: int, high: int) -> int | None:
    """Return the decimal number `text` if it is one between the limits (both included)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        return None
    value = int(text)
    return value if low <= value <= high else None


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together, without their line ends."""

    lines: tuple[str, ...]

    _index: dict[str, list[str]] = field(init=False, repr=False, compare=False)
    """Values by "b" or "a=rtpmap", so that a reader need not look at every line again."""

    def __post_init__(self) -> None:
        """Look at each line once."""
        index: dict[str, list[str]] = {}
        for line in self.lines:
            letter, equals, value = line.partition("=")
            letter = letter.strip()
            if equals:
                index.setdefault(letter, []).append(value.strip())
            if equals and letter == "a":
                name, _, rest = value.partition(":")
                index.setdefault(f"a={name.strip().lower()}", []).append(rest.strip())
        object.__setattr__(self, "_index", index)

    def fields(self, letter: str) -> Iterator[str]:
        """Yield the values of the lines of one type, say "b", blanks around them removed."""
        yield from self._index.get(letter, ())

    def values(self, name: str) -> Iterator[str]:
        """Yield the values of all attributes of a name, "" for a=name without a value."""
        yield from self._index.get(f"a={name}", ())

    def value(self, name: str) -> str | None:
        """Return the first value of an attribute, None where it is missing."""
        return next(self.values(name), None)

    def has(self, name: str) -> bool:
        """Tell whether the attribute is there."""
        return self.value(name) is not None


@dataclass(frozen=True, slots=True)
class MediaDescription(Section):
    """One m= line and what belongs to it (RFC 8866 section 5.14)."""

    media: str
    """audio, video, application..."""
    port: int
    """0: refused, or not wanted any more (RFC 3264 section 6)."""
    protocol: str
    """As it came: "RTP/AVP", "UDP/TLS/RTP/SAVPF", "TCP/BFCP"."""
    formats: tuple[str, ...]

    @classmethod
    def of(cls, lines: Iterable[str]) -> "MediaDescription":
        """Build from the m= line and the lines under it; PeerError for a broken m= line."""
        kept = tuple(lines)
        words = kept[0].partition("=")[2].split()
        if len(words) < 3 or len(words) > 3 + MAX_FORMATS:
            raise PeerError("broken m= line")
        port = number(words[1].partition("/")[0], 0, 65_535)
        if port is None:
            raise PeerError("broken port in m= line")
        return cls(kept, words[0].lower(), port, words[2], tuple(words[3:]))


@dataclass(frozen=True, slots=True)
class SessionDescription(Section):
    """A whole description; `lines` are those of the session."""

    media: tuple[MediaDescription, ...]

    @property
    def origin(self) -> str:
        """The value of o=, "" where it is missing."""
        return next(self.fields("o"), "")

    def either(self, media: MediaDescription, name: str) -> str | None:
        """Return an attribute of the media, or else of the session."""
        value = media.value(name)
        return value if value is not None else self.value(name)

    def all_lines(self) -> Iterator[str]:
        """Yield every line from v= to the last."""
        yield from self.lines
        for media in self.media:
            yield from media.lines

    def __bytes__(self) -> bytes:
        """Write it with CRLF, every byte of a parsed line as it came."""
        return "".join(f"{line}\r\n" for line in self.all_lines()).encode("latin-1")

    @property
    def text(self) -> str:
        """Return it as text, for those who carry text (JSON)."""
        return bytes(self).decode("utf-8", "replace")


def parse(data: bytes | str) -> SessionDescription:
    """Read a description; PeerError where it is none, or too large."""
    if isinstance(data, str):
        data = data.encode("utf-8", "replace")
    if len(data) > MAX_BYTES:
        raise PeerError("session description too large", status=413)
    lines = _split(data.decode("latin-1"))
    starts = [at for at, line in enumerate(lines) if line.partition("=")[0].strip() == "m"]
    if len(starts) > MAX_MEDIA:
        raise PeerError("too many m= lines", status=488)
    head = tuple(lines[: starts[0]] if starts else lines)
    if not head or head[0].replace(" ", "") != "v=0":
        raise PeerError("no session description")
    if len(head) > MAX_SESSION_LINES:
        raise PeerError("session description too large", status=413)
    media = (MediaDescription.of(lines[a:b]) for a, b in pairwise([*starts, len(lines)]))
    return SessionDescription(head, tuple(media))


def _split(text: str) -> list[str]:
    lines = _LINE_END.split(text)
    if not lines[-1]:
        lines.pop()
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE for line in lines):
        raise PeerError("session description too large", status=413)
    return lines


def same_lines(one: SessionDescription, other: SessionDescription) -> bool:
    """Tell whether two descriptions say the same, whatever their o= lines (RFC 3264 section 8).

    Some units repeat o= with the media changed (a hold), others raise its version with the media
    unchanged: the lines decide.
    """
    return _without_origin(one) == _without_origin(other)


def revise(former: SessionDescription | None, fresh: SessionDescription) -> SessionDescription:
    """Give our next description its o= line: the former's if it says the same, else one more."""
    if former is None:
        return fresh
    if same_lines(former, fresh):
        return former
    words = former.origin.split()
    words[2] = str(int(words[2]) + 1)
    lines = (f"o={' '.join(words)}" if line.startswith("o=") else line for line in fresh.lines)
    return SessionDescription(tuple(lines), fresh.media)


def _without_origin(session: SessionDescription) -> list[str]:
    return [line.strip() for line in session.all_lines() if not line.startswith("o=")]

"""Attributes of a media description, each read by one function.

A function returns None (or leaves a value out) for what it cannot read: an attribute we do not
understand is ignored (RFC 8866 section 5.13), never an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sfu.model import Address, Ssrc
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp.session import MediaDescription, Section, SessionDescription, number

MAX_VALUES = 64
"""Of one attribute in one m= line we look at so many."""
MAX_MID = 16
"""What fits a one-byte header extension (RFC 8285)."""

FINGERPRINT_HASHES = frozenset({"sha-256", "sha-384", "sha-512"})
"""Those a certificate is held against; RFC 8122 section 5 leaves older ones to the past."""

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class Extmap:
    """A header extension (RFC 8285)."""

    id: int
    uri: str
    direction: str
    """One of `DIRECTIONS`, "" where not told."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """A SDES line (RFC 4568), its keys unread."""

    tag: int
    suite: str
    text: str
    """The whole value."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An ICE candidate (RFC 8839 section 5.1)."""

    component: int
    transport: str
    priority: int
    address: Address
    kind: str
    """host, srflx, prflx, relay."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hash of a certificate (RFC 8122)."""

    algorithm: str
    """Lower case: sha-256."""
    value: str
    """Upper case, bytes parted by colons."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A BFCP floor and the labels of its m= lines (RFC 8856 section 5.4)."""

    id: int
    labels: tuple[str, ...]


def direction_of(session: SessionDescription, media: MediaDescription) -> str:
    """Return the direction of an m= line, its own or the session's, else sendrecv."""
    for section in (media, session):
        for field in section.fields("a"):
            if field.lower() in DIRECTIONS:
                return field.lower()
    return "sendrecv"


def reversed_direction(direction: str) -> str:
    """Return what the other side says of the same line."""
    return {"sendonly": "recvonly", "recvonly": "sendonly"}.get(direction, direction)


def crypto_of(media: MediaDescription) -> tuple[Crypto, ...]:
    """Return the SDES lines in order of preference."""
    found = []
    for text in _some(media, "crypto"):
        words = text.split()
        tag = number(words[0], 0, 999_999_999) if len(words) >= 3 else None
        if tag is not None:
            found.append(Crypto(tag, words[1].upper(), text))
    return tuple(found)


def feedback_of(media: MediaDescription, pt: int) -> frozenset[Feedback]:
    """Return the feedback a payload format takes (RFC 4585, RFC 5104).

    Polycom HDX puts several words on one line: `* ccm fir tmmbr`.
    """
    found: set[Feedback] = set()
    for text in _some(media, "rtcp-fb", MAX_VALUES * 8):
        words = text.lower().split()
        if len(words) > 1 and words[0] in ("*", str(pt)):
            found |= known_feedback(words[1:]).keys()
    return frozenset(found)


def known_feedback(words: list[str]) -> dict[Feedback, str]:
    """Return what we know of "ccm fir tmmbr", each with the word that says it."""
    if not words[1:]:
        return {Feedback(words[0]): ""} if words[0] in _ALONE else {}
    pairs = ((f"{words[0]} {word}", word) for word in words[1:])
    return {Feedback(pair): word for pair, word in pairs if pair in _PAIRS}


_ALONE = (Feedback.NACK, Feedback.REMB, Feedback.TRANSPORT_CC)
_PAIRS = (Feedback.PLI, Feedback.FIR, Feedback.TMMBR)


def candidates_of(media: MediaDescription) -> tuple[Candidate, ...]:
    """Return the ICE candidates we can read."""
    found = []
    for text in _some(media, "candidate"):
        words = text.split()
        if len(words) < 8 or words[6].lower() != "typ" or len(words[4]) > 255:
            continue
        component, priority = number(words[1], 1, 256), number(words[3], 0, 2**32 - 1)
        port = number(words[5], 0, 65_535)
        if component is not None and priority is not None and port is not None:
            where = Address(words[4], port)
            found.append(Candidate(component, words[2].lower(), priority, where, words[7].lower()))
    return tuple(found)


def extmaps_of(media: MediaDescription) -> tuple[Extmap, ...]:
    """Return the header extensions with an id of the one-byte form (1 to 14)."""
    found = []
    for text in _some(media, "extmap"):
        words = text.split()
        if len(words) >= 2:
            id_text, _, direction = words[0].partition("/")
            number_ = number(id_text, 1, 14)
            if number_ is not None and (not direction or direction in DIRECTIONS):
                found.append(Extmap(number_, words[1], direction))
    return tuple(found)


def ssrcs_of(media: MediaDescription) -> tuple[Ssrc, ...]:
    """Return the SSRCs told of (RFC 5576), each once, in order."""
    words = (text.split(None, 1)[0] for text in _some(media, "ssrc", 512) if text)
    found = (number(word, 0, 2**32 - 1) for word in words)
    return tuple(dict.fromkeys(Ssrc(one) for one in found if one is not None))


def ssrc_groups_of(media: MediaDescription, semantics: str) -> tuple[tuple[Ssrc, ...], ...]:
    """Return the groups of a meaning, say FID: (stream, its retransmission)."""
    found = []
    for text in _some(media, "ssrc-group"):
        name, *words = text.split() or [""]
        ids = [number(word, 0, 2**32 - 1) for word in words]
        if name.upper() == semantics and len(ids) >= 2 and None not in ids:
            found.append(tuple(Ssrc(one) for one in ids if one is not None))
    return tuple(found)


def msid_of(media: MediaDescription) -> tuple[str, str] | None:
    """Return (stream id, track id) (RFC 8830); the track id may be ""."""
    words = (media.value("msid") or "").split()
    return (words[0], words[1] if len(words) > 1 else "") if words else None


def sent_rids_of(media: MediaDescription) -> tuple[str, ...]:
    """Return the simulcast layers the peer wants to send, in its order (RFC 8851, RFC 8853)."""
    declared = {
        words[0]
        for words in (text.split() for text in _some(media, "rid"))
        if len(words) >= 2 and words[1] == "send" and words[0].isascii() and words[0].isalnum()
    }
    words = (media.value("simulcast") or "").split()
    if "send" not in words[:-1]:
        return ()
    listed = words[words.index("send") + 1].split(";")[:8]
    first = (alternatives.split(",")[0].lstrip("~") for alternatives in listed)
    return tuple(dict.fromkeys(rid for rid in first if rid in declared))


def mid_of(media: MediaDescription) -> str:
    """Return the identification of the line (RFC 5888), "" for none we can use."""
    mid = media.value("mid") or ""
    return mid if mid.isascii() and " " not in mid and len(mid) <= MAX_MID else ""


def bundled(session: SessionDescription) -> tuple[str, ...]:
    """Return the mids of the first BUNDLE group (RFC 8843)."""
    for text in session.values("group"):
        words = text.split()
        if words and words[0].upper() == "BUNDLE":
            return tuple(words[1:])
    return ()


def fingerprints_of(
    session: SessionDescription, media: MediaDescription
) -> tuple[Fingerprint, ...]:
    """Return the certificate hashes of the line, or else of the session."""
    own = _fingerprints(media)
    return own or _fingerprints(session)


def floors_of(media: MediaDescription) -> tuple[Floor, ...]:
    """Return the BFCP floors; Yealink writes m-stream for mstrm."""
    found = []
    for text in _some(media, "floorid"):
        words = text.split()
        id_ = number(words[0], 0, 65_535) if words else None
        if id_ is not None:
            heads = ((word.partition(":")[0].lower(), word.partition(":")[2]) for word in words[1:])
            labels = [value for name, value in heads if name in ("mstrm", "m-stream") and value]
            bare = [word for word in words[2:] if ":" not in word]
            found.append(Floor(id_, (*labels, *bare)))
    return tuple(found)


def floor_control_of(media: MediaDescription) -> tuple[str, ...]:
    """Return the roles the peer offers: c-only, s-only, c-s (RFC 8856 section 5.1)."""
    return tuple((media.value("floorctrl") or "").lower().split())


def connection_of(session: SessionDescription, media: MediaDescription) -> str | None:
    """Return the host of c=, the media's or else the session's; None for none we can read."""
    for section in (media, session):
        for field in section.fields("c"):
            words = field.split()
            if len(words) >= 3 and words[0].upper() == "IN" and 0 < len(words[2]) <= 255:
                return words[2].partition("/")[0]
    return None


def ptime_of(media: MediaDescription) -> int | None:
    """Return the wanted packet time in ms, where one of 10 to 60 is asked for."""
    text = (media.value("ptime") or "").partition(".")[0]
    return number(text, 10, 60)


def _fingerprints(section: Section) -> tuple[Fingerprint, ...]:
    found = []
    for text in _some(section, "fingerprint"):
        words = text.split()
        if len(words) == 2 and len(words[1]) <= 256:
            found.append(Fingerprint(words[0].lower(), words[1].upper()))
    return tuple(found)


def _some(section: Section, name: str, most: int = MAX_VALUES) -> Iterator[str]:
    for _, value in zip(range(most), section.values(name), strict=False):
        yield value

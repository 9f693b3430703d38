"""Payload formats: what a payload number of an m= line means (RFC 3551, RFC 8866 section 6.6).

Field manners: fmtp before rtpmap, static numbers without rtpmap, one number mapped twice (AVer:
the known encoding counts), parameters parted by `;` or by blanks (Huawei), keys in any case.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sfu.model import Codec
from sfu.signalling.sdp.session import MediaDescription, number

STATIC = {
    0: ("PCMU", 8_000),
    8: ("PCMA", 8_000),
    9: ("G722", 8_000),
    13: ("CN", 8_000),
    15: ("G728", 8_000),
    18: ("G729", 8_000),
    31: ("H261", 90_000),
    34: ("H263", 90_000),
}
"""RFC 3551 section 6, as far as rooms use it without rtpmap."""

_CODECS = {
    ("OPUS", 48_000): Codec.OPUS,
    ("G722", 8_000): Codec.G722,
    ("PCMU", 8_000): Codec.PCMU,
    ("PCMA", 8_000): Codec.PCMA,
    ("CN", 8_000): Codec.CN,
    ("TELEPHONE-EVENT", 8_000): Codec.TELEPHONE_EVENT,
    ("TELEPHONE-EVENT", 48_000): Codec.TELEPHONE_EVENT,
    ("H224", 4_800): Codec.H224,
    ("H224", 0): Codec.H224,
    ("H264", 90_000): Codec.H264,
    ("VP8", 90_000): Codec.VP8,
    ("H263", 90_000): Codec.H263,
    ("H263-1998", 90_000): Codec.H263_1998,
    ("H263-2000", 90_000): Codec.H263_1998,
    ("H261", 90_000): Codec.H261,
}
_SPELLING = {
    Codec.OPUS: "opus/48000/2",
    Codec.TELEPHONE_EVENT: "telephone-event/8000",
}
_SEPARATOR = re.compile(r"[;\s]+")
_EQUALS = re.compile(r"\s*=\s*")


@dataclass(frozen=True, slots=True)
class Format:
    """One payload number."""

    pt: int
    encoding: str
    """Upper case; "" where nothing maps the number."""
    clock_hz: int
    parameters: tuple[tuple[str, str], ...]
    """(key in lower case, value) in order; a flag has the value ""; keys may repeat."""
    fmtp: str
    """The parameters as they came."""
    codec: Codec | None
    """None: not one of ours."""

    def get(self, key: str) -> str | None:
        """Return the first value of a parameter."""
        return next((value for name, value in self.parameters if name == key), None)

    def number(self, key: str, low: int = 0, high: int = 10**9) -> int | None:
        """Return a parameter as a number, None where it is missing or is none."""
        return number(self.get(key) or "", low, high)


def formats_of(media: MediaDescription) -> tuple[Format, ...]:
    """Return the payload formats of an RTP m= line in its order, each number once."""
    mapped, described = _rtpmaps(media), _fmtps(media)
    numbers = (number(word, 0, 127) for word in media.formats)
    unique = dict.fromkeys(pt for pt in numbers if pt is not None)
    return tuple(_format(pt, mapped.get(pt), described.get(pt, "")) for pt in unique)


def rtpmap(codec: Codec, pt: int, clock_hz: int = 0, encoding: str = "") -> str:
    """Write the attribute that maps a number to one of our codecs, spelled as they did."""
    if encoding:
        return f"a=rtpmap:{pt} {encoding}/{clock_hz or codec.clock_hz}"
    if codec is Codec.TELEPHONE_EVENT and clock_hz:
        return f"a=rtpmap:{pt} telephone-event/{clock_hz}"
    return f"a=rtpmap:{pt} {_SPELLING.get(codec, f'{codec.name}/{codec.clock_hz}')}"


def split_parameters(text: str) -> Iterator[tuple[str, str]]:
    """Yield (key, value) of an fmtp value."""
    for word in _SEPARATOR.split(_EQUALS.sub("=", text)):
        key, _, value = word.partition("=")
        if key:
            yield key.lower(), value


def _format(pt: int, mapping: tuple[str, int, int] | None, fmtp: str) -> Format:
    encoding, clock_hz, channels = mapping or (*STATIC.get(pt, ("", 0)), 1)
    codec = _known(encoding, clock_hz, channels)
    return Format(pt, encoding, clock_hz, tuple(split_parameters(fmtp)), fmtp, codec)


def _known(encoding: str, clock_hz: int, channels: int) -> Codec | None:
    codec = _CODECS.get((encoding, clock_hz))
    return codec if channels == 1 or codec is Codec.OPUS else None


def _rtpmaps(media: MediaDescription) -> dict[int, tuple[str, int, int]]:
    found: dict[int, tuple[str, int, int]] = {}
    for value in media.values("rtpmap"):
        words = value.split()
        pt = number(words[0], 0, 127) if len(words) >= 2 else None
        if pt is None:
            continue
        mapping = _mapping(words[1])
        if pt not in found or (_known(*found[pt]) is None and _known(*mapping) is not None):
            found[pt] = mapping
    return found


def _mapping(text: str) -> tuple[str, int, int]:
    encoding, clock, channels, *_ = [*text.split("/"), "", "", ""]
    return encoding.upper(), number(clock, 1, 10**6) or 0, number(channels, 1, 255) or 1


def _fmtps(media: MediaDescription) -> dict[int, str]:
    found: dict[int, str] = {}
    for value in media.values("fmtp"):
        head, _, rest = value.partition(" ")
        pt = number(head, 0, 127)
        if pt is not None:
            found[pt] = f"{found[pt]};{rest.strip()}" if pt in found else rest.strip()
    return found

"""What receivers ask of a sender: lost packets, a picture, a rate (RFC 4585, RFC 5104, REMB).

::

    | header | SSRC of who asks | SSRC of the media, 0 where entries name it | entries... |

`OldFir` is the request of RFC 2032 section 5.2.1 that old room codecs still send.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.model import Ssrc

OLD_FIR = 192
_NONE = Ssrc(0)


@dataclass(frozen=True, slots=True)
class Nack:
    """These packets are missing (RFC 4585 section 6.2.1)."""

    sender: Ssrc
    media: Ssrc
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pli:
    """The picture is broken (RFC 4585 section 6.3.1)."""

    sender: Ssrc
    media: Ssrc


@dataclass(frozen=True, slots=True)
class Fir:
    """Send a full picture (RFC 5104 section 4.3.1); entries are (SSRC asked, command number)."""

    sender: Ssrc
    entries: tuple[tuple[Ssrc, int], ...]


@dataclass(frozen=True, slots=True)
class OldFir:
    """Send a full picture, as H.261 over RTP asked for it."""

    media: Ssrc


@dataclass(frozen=True, slots=True)
class Remb:
    """What the receiver believes the path bears (draft-alvestrand-rmcat-remb-03)."""

    sender: Ssrc
    bps: int
    ssrcs: tuple[Ssrc, ...]


def parse_ends(body: bytes) -> tuple[Ssrc, Ssrc, bytes]:
    """Split off who asks and about what."""
    if len(body) < 8:
        raise PeerError("feedback too short")
    sender, media = struct.unpack_from("!II", body)
    return Ssrc(sender), Ssrc(media), body[8:]


def compose_ends(sender: Ssrc, media: Ssrc) -> bytes:
    """Write who asks and about what."""
    return struct.pack("!II", sender, media)


def parse_nack(body: bytes) -> Nack:
    """Read pairs of a sequence number and a mask of the sixteen after it."""
    sender, media, entries = parse_ends(body)
    sequences: list[int] = []
    for at in range(0, len(entries) - 3, 4):
        first, mask = struct.unpack_from("!HH", entries, at)
        sequences.append(first)
        sequences += (first + 1 + bit & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return Nack(sender, media, tuple(sequences))


def compose_nack(nack: Nack) -> bytes:
    """Write them in as few pairs as their order allows."""
    pairs = (struct.pack("!HH", first, mask) for first, mask in _pairs(nack.sequences))
    return compose_ends(nack.sender, nack.media) + b"".join(pairs)


def _pairs(sequences: Iterable[int]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for sequence in sequences:
        behind = sequence - pairs[-1][0] & 0xFFFF if pairs else 0
        if pairs and 1 <= behind <= 16:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] | 1 << behind - 1)
        else:
            pairs.append((sequence, 0))
    return pairs


def parse_pli(body: bytes) -> Pli:
    """Read a PLI, which has no entries."""
    sender, media, _ = parse_ends(body)
    return Pli(sender, media)


def compose_pli(pli: Pli) -> bytes:
    """Write a PLI."""
    return compose_ends(pli.sender, pli.media)


def parse_fir(body: bytes) -> Fir:
    """Read the entries; the media SSRC of the header is unused."""
    sender, media, data = parse_ends(body)
    entries = tuple(
        (Ssrc(int.from_bytes(data[at : at + 4])), data[at + 4]) for at in range(0, len(data) - 7, 8)
    )
    # seen from room codecs: no entry, and the SSRC in the header as in a PLI
    return Fir(sender, entries or ((media, 0),))


def compose_fir(fir: Fir) -> bytes:
    """Write the entries."""
    entries = (struct.pack("!IB3x", ssrc, number) for ssrc, number in fir.entries)
    return compose_ends(fir.sender, _NONE) + b"".join(entries)


def parse_old_fir(body: bytes) -> OldFir:
    """Read the one SSRC."""
    if len(body) < 4:
        raise PeerError("FIR too short")
    return OldFir(Ssrc(int.from_bytes(body[:4])))


def parse_remb(body: bytes) -> Remb | None:
    """Read an application layer feedback message; None when it is no REMB."""
    sender, _, data = parse_ends(body)
    if data[:4] != b"REMB":
        return None
    if len(data) < 8 or len(data) < 8 + 4 * data[4]:
        raise PeerError("REMB too short")
    bps = (int.from_bytes(data[5:8]) & 0x3FFFF) << (data[5] >> 2)
    ssrcs = struct.unpack_from(f"!{data[4]}I", data, 8)
    return Remb(sender, bps, tuple(Ssrc(ssrc) for ssrc in ssrcs))


def compose_remb(remb: Remb) -> bytes:
    """Write a REMB, its rate rounded down to 18 significant bits."""
    exponent = max(0, remb.bps.bit_length() - 18)
    rate = exponent << 18 | remb.bps >> exponent
    head = b"REMB" + bytes([len(remb.ssrcs)]) + rate.to_bytes(3)
    return (
        compose_ends(remb.sender, _NONE) + head + struct.pack(f"!{len(remb.ssrcs)}I", *remb.ssrcs)
    )

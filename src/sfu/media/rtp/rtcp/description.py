"""Who a stream belongs to, and its end: SDES CNAME and BYE (RFC 3550 sections 6.5 and 6.6)."""

from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.model import Ssrc

SOURCE_DESCRIPTION = 202
BYE = 203
_END = 0
_CNAME = 1


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SSRCs and their canonical names; other items are passed over."""

    cnames: tuple[tuple[Ssrc, str], ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """These streams have ended."""

    ssrcs: tuple[Ssrc, ...]
    reason: str = ""


def parse_source_description(count: int, body: bytes) -> SourceDescription:
    """Read `count` chunks; one without a CNAME is passed over."""
    cnames: list[tuple[Ssrc, str]] = []
    at = 0
    for _ in range(count):
        if at + 4 > len(body):
            raise PeerError("SDES chunk missing")
        ssrc = Ssrc(int.from_bytes(body[at : at + 4]))
        cname, at = _parse_items(body, at + 4)
        if cname is not None:
            cnames.append((ssrc, cname))
    return SourceDescription(tuple(cnames))


def _parse_items(body: bytes, at: int) -> tuple[str | None, int]:
    """Read items up to the zero that ends a chunk; some senders forget it in the last one."""
    cname = None
    while at < len(body) and body[at] != _END:
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            raise PeerError("SDES item runs over its packet")
        kind, end = body[at], at + 2 + body[at + 1]
        if kind == _CNAME:
            cname = body[at + 2 : end].decode("utf-8", "replace")
        at = end
    return cname, at + 4 - at % 4  # at least one zero, then to the next word


def parse_bye(count: int, body: bytes) -> Bye:
    """Read SSRCs and the optional reason."""
    if len(body) < 4 * count:
        raise PeerError("BYE too short")
    ssrcs = tuple(Ssrc(int.from_bytes(body[at : at + 4])) for at in range(0, 4 * count, 4))
    behind = body[4 * count :]
    reason = behind[1 : 1 + behind[0]].decode("utf-8", "replace") if behind else ""
    return Bye(ssrcs, reason)


def compose_source_description(description: SourceDescription) -> tuple[int, bytes]:
    """Write count and body."""
    return len(description.cnames), b"".join(
        _compose_chunk(ssrc, cname.encode()) for ssrc, cname in description.cnames
    )


def _compose_chunk(ssrc: Ssrc, cname: bytes) -> bytes:
    assert len(cname) <= 255
    chunk = ssrc.to_bytes(4) + bytes([_CNAME, len(cname)]) + cname
    return chunk + bytes(4 - len(chunk) % 4)


def compose_bye(bye: Bye) -> tuple[int, bytes]:
    """Write count and body."""
    ssrcs = b"".join(ssrc.to_bytes(4) for ssrc in bye.ssrcs)
    reason = bye.reason.encode()
    assert len(reason) <= 255
    text = bytes([len(reason)]) + reason if reason else b""
    return len(bye.ssrcs), ssrcs + text + bytes(-len(text) % 4)

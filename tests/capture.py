"""Reads a capture (pcap, Ethernet, IPv4): whole TCP streams and UDP datagrams in their order."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TCP, UDP = 6, 17
FIN, SYN, RST = 1, 2, 4


@dataclass(frozen=True)
class Piece:
    """What one segment or datagram brought, in order and without repetition."""

    frame: int
    at: float
    protocol: int
    source: tuple[str, int]
    destination: tuple[str, int]
    data: bytes
    opened: bool = False
    closed: bool = False


def read(path: Path) -> list[Piece]:
    """Return the pieces of a capture."""
    expected: dict[tuple[object, object], int] = {}
    waiting: dict[tuple[object, object], dict[int, tuple[bytes, bool]]] = {}
    pieces: list[Piece] = []
    for frame, at, packet in _packets(path.read_bytes()):
        if packet[12:14] != b"\x08\x00":
            continue
        ip = packet[14:]
        size, protocol = (ip[0] & 15) * 4, ip[9]
        ip, rest = ip[: int.from_bytes(ip[2:4])], b""
        hosts = [".".join(map(str, ip[start : start + 4])) for start in (12, 16)]
        body = ip[size:]
        ports = struct.unpack_from("!HH", body)
        source, destination = (hosts[0], ports[0]), (hosts[1], ports[1])
        if protocol == UDP:
            pieces.append(Piece(frame, at, UDP, source, destination, body[8:]))
            continue
        key = (source, destination)
        sequence, flags = struct.unpack_from("!I", body, 4)[0], body[13]
        rest = body[(body[12] >> 4) * 4 :]
        if flags & SYN:
            expected[key] = sequence + 1
            pieces.append(Piece(frame, at, TCP, source, destination, b"", opened=True))
            continue
        expected.setdefault(key, sequence)
        ended = bool(flags & (FIN | RST))
        if rest or ended:
            waiting.setdefault(key, {})[sequence] = (rest, ended)
        while (found := waiting.get(key, {}).pop(expected[key], None)) is not None:
            data, over = found
            expected[key] += len(data)
            if data or over:
                pieces.append(Piece(frame, at, TCP, source, destination, data, closed=over))
            if over:
                break
    return pieces


def _packets(data: bytes) -> Iterator[tuple[int, float, bytes]]:
    magic = struct.unpack_from("<I", data)[0]
    order = "<" if magic in (0xA1B2C3D4, 0xA1B23C4D) else ">"
    scale = 1e9 if 0xA1B23C4D in (magic, struct.unpack_from(">I", data)[0]) else 1e6
    at, frame = 24, 0
    while at + 16 <= len(data):
        seconds, part, kept, _ = struct.unpack_from(order + "IIII", data, at)
        frame += 1
        yield frame, seconds + part / scale, data[at + 16 : at + 16 + kept]
        at += 16 + kept

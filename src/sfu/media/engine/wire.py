"""Commands to bytes, bytes to events and snapshots: the Python side of `native/engine.h`."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain
from typing import assert_never

from sfu.errors import UseError
from sfu.media.engine import layout
from sfu.media.engine.command import (
    CloseLine,
    CloseSink,
    CloseSocket,
    CloseSource,
    CloseTransport,
    Command,
    OpenSocket,
    OpenTransport,
    Probe,
    SetKeys,
    SetLine,
    SetMarks,
    SetRoute,
    SetSink,
    SetSource,
    Transmit,
    TransmitRtcp,
)
from sfu.media.engine.event import (
    DatagramReceived,
    Event,
    KeyframePassed,
    RtcpReceived,
    SinkStarved,
    SocketEnded,
    SourceAppeared,
    TelephoneEventReceived,
    TransportLatched,
)
from sfu.media.engine.layout import Down, Up
from sfu.media.engine.snapshot import (
    EngineRow,
    LineRow,
    SinkRow,
    Snapshot,
    SocketRow,
    SourceRow,
    TransportRow,
)
from sfu.model import (
    Address,
    Codec,
    Framing,
    LineId,
    SinkId,
    SocketId,
    SourceId,
    Ssrc,
    TransportId,
)

PackedAddress = tuple[int, int, int, bytes]
FRAMINGS = {Framing.PLAIN: 0, Framing.EFM: 1, Framing.ATM: 2}
"""As the engine counts them."""


def check_abi(sizes: Iterable[int]) -> None:
    """Refuse an engine built from another engine.h than this file knows."""
    if tuple(sizes) != layout.SIZES:
        raise UseError("the native engine was built from other sources: build it again")


def pack(commands: Iterable[Command]) -> bytes:
    """Write commands as `sfu_apply` reads them."""
    return b"".join(map(_pack_one, commands))


def _record(kind: int, body: bytes) -> bytes:
    padding = -len(body) % 8
    size = layout.RECORD.size + len(body) + padding
    return layout.RECORD.pack(size, kind) + body + bytes(padding)


def _pack_one(command: Command) -> bytes:
    match command:
        case OpenSocket(socket, fd):
            return _record(Down.OPEN_SOCKET, layout.OPEN_SOCKET.pack(socket, fd))
        case OpenTransport():
            return _record(Down.OPEN_TRANSPORT, _pack_transport(command))
        case SetKeys():
            return _record(Down.SET_KEYS, _pack_keys(command))
        case SetSource():
            return _record(Down.SET_SOURCE, _pack_source(command))
        case SetSink():
            return _record(Down.SET_SINK, _pack_sink(command))
        case SetRoute(sink, source, temporal):
            return _record(Down.SET_ROUTE, layout.SET_ROUTE.pack(sink, source or 0, temporal))
        case SetLine(line, rate_bps, framing, overhead_bytes):
            body = layout.SET_LINE.pack(line, overhead_bytes, rate_bps, FRAMINGS[framing])
            return _record(Down.SET_LINE, body)
        case SetMarks(sound, picture, slides, other):
            return _record(Down.SET_MARKS, layout.SET_MARKS.pack(sound, picture, slides, other))
        case Probe(line, sink, rate_bps, duration_us):
            return _record(Down.PROBE, layout.PROBE.pack(line, sink, rate_bps, duration_us))
        case CloseLine(line):
            return _record(Down.CLOSE_LINE, layout.CLOSE.pack(line))
        case CloseSocket(socket):
            return _record(Down.CLOSE_SOCKET, layout.CLOSE.pack(socket))
        case CloseTransport(transport):
            return _record(Down.CLOSE_TRANSPORT, layout.CLOSE.pack(transport))
        case CloseSource(source):
            return _record(Down.CLOSE_SOURCE, layout.CLOSE.pack(source))
        case CloseSink(sink):
            return _record(Down.CLOSE_SINK, layout.CLOSE.pack(sink))
        case Transmit(socket, remote, payload):
            head = layout.TRANSMIT.pack(socket, len(payload), *pack_address(remote))
            return _record(Down.TRANSMIT, head + payload)
        case TransmitRtcp(transport, payload):
            head = layout.TRANSMIT.pack(transport, len(payload), *pack_address(None))
            return _record(Down.TRANSMIT_RTCP, head + payload)
        case _:
            assert_never(command)


def pack_address(address: Address | None) -> PackedAddress:
    """Family, port, scope and sixteen bytes; all zero for none."""
    if address is None:
        return (0, 0, 0, bytes(16))
    try:
        host = ip_address(address.host)
    except ValueError as error:
        raise UseError(f"not an IP address: {address.host!r}") from error
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    scope = 0
    if isinstance(host, IPv6Address) and (host.scope_id or "").isdigit():
        scope = int(host.scope_id or 0)
    return (host.version, address.port, scope, host.packed.ljust(16, b"\0"))


def unpack_address(family: int, port: int, scope: int, host: bytes) -> Address:
    """Give the text form back; an interface number stays behind its percent sign."""
    if family == 4:
        return Address(str(IPv4Address(host[:4])), port)
    text = str(IPv6Address(host))
    return Address(f"{text}%{scope}" if scope else text, port)


def _pack_transport(command: OpenTransport) -> bytes:
    ids = command.extensions
    return layout.OPEN_TRANSPORT.pack(
        command.transport,
        command.rtp_socket,
        command.rtcp_socket,
        command.line or 0,
        command.latch,
        command.secure,
        command.gso,
        command.group,
        bytes(
            (
                ids.mid,
                ids.rid,
                ids.repaired_rid,
                ids.audio_level,
                ids.transport_cc,
                ids.abs_send_time,
            )
        ),
        *pack_address(command.remote),
        *pack_address(command.rtcp_remote),
    )


def _pack_keys(command: SetKeys) -> bytes:
    keys = command.keys
    if len(keys.key) != keys.suite.key_bytes or len(keys.salt) != keys.suite.salt_bytes:
        raise UseError(f"key or salt has not the length {keys.suite.name} wants")
    if len(keys.mki) > layout.MKI_MAX:
        raise UseError("MKI longer than RFC 4568 allows")
    return layout.SET_KEYS.pack(
        command.transport,
        command.component,
        keys.suite,
        command.sending,
        len(keys.mki),
        keys.key,
        keys.salt,
        keys.mki,
    )


def _pairs(pairs: Iterable[tuple[int, int]]) -> tuple[int, bytes]:
    """Count and bytes; what goes beyond the engine's table is left out."""
    kept = list(pairs)[: layout.PAYLOADS_MAX]
    return len(kept), bytes(chain.from_iterable(kept))


def _pack_source(command: SetSource) -> bytes:
    payload_count, payloads = _pairs(command.payloads)
    rtx_count, rtx = _pairs(command.rtx_payloads)
    sets = command.parameter_sets[:255]
    head = layout.SET_SOURCE.pack(
        command.source,
        command.transport,
        command.ssrc or 0,
        command.rtx_ssrc or 0,
        command.clock_hz,
        command.kind,
        command.ssrc is not None,
        command.rtx_ssrc is not None,
        command.nack,
        payload_count,
        rtx_count,
        len(sets),
        payloads,
        rtx,
    )
    return head + b"".join(len(each).to_bytes(2, "little") + each for each in sets)


def _pack_sink(command: SetSink) -> bytes:
    payload_count, payloads = _pairs(command.payloads)
    rtx_count, rtx = _pairs(command.rtx_payloads)
    mid = command.mid.encode()
    if len(mid) > layout.MID_MAX:
        raise UseError("mid longer than the engine writes")
    return layout.SET_SINK.pack(
        command.sink,
        command.transport,
        command.ssrc,
        command.rtx_ssrc or 0,
        command.clock_hz,
        command.history,
        command.kind,
        command.rtx_ssrc is not None,
        command.single_nal,
        len(mid),
        payload_count,
        rtx_count,
        command.picture_class,
        payloads,
        rtx,
        mid,
    )


def unpack_events(packed: bytes) -> Iterator[Event]:
    """Read what `sfu_poll` wrote."""
    at = 0
    while at < len(packed):
        size, kind = layout.RECORD.unpack_from(packed, at)
        yield _unpack_event(kind, packed[at + layout.RECORD.size : at + size])
        at += size


def _unpack_event(kind: int, body: bytes) -> Event:
    match kind:
        case Up.DATAGRAM_RECEIVED:
            id_, length, at_us, *remote = layout.RECEIVED.unpack_from(body)
            payload = body[layout.RECEIVED.size :][:length]
            return DatagramReceived(SocketId(id_), unpack_address(*remote), payload, at_us)
        case Up.RTCP_RECEIVED:
            id_, length, at_us, *_ = layout.RECEIVED.unpack_from(body)
            return RtcpReceived(TransportId(id_), body[layout.RECEIVED.size :][:length], at_us)
        case Up.SOURCE_APPEARED:
            return _unpack_appeared(body)
        case Up.KEYFRAME_PASSED:
            source, at_us = layout.KEYFRAME_PASSED.unpack_from(body)
            return KeyframePassed(SourceId(source), at_us)
        case Up.TRANSPORT_LATCHED:
            transport, rtcp, *remote = layout.TRANSPORT_LATCHED.unpack_from(body)
            return TransportLatched(TransportId(transport), unpack_address(*remote), bool(rtcp))
        case Up.TELEPHONE_EVENT_RECEIVED:
            source, digit, end, duration, stamp = layout.TELEPHONE_EVENT.unpack_from(body)
            return TelephoneEventReceived(SourceId(source), digit, bool(end), duration, stamp)
        case Up.SINK_STARVED:
            sink, packets, at_us = layout.SINK_STARVED.unpack_from(body)
            return SinkStarved(SinkId(sink), packets, at_us)
        case Up.SOCKET_ENDED:
            (id_,) = layout.CLOSE.unpack_from(body)
            return SocketEnded(SocketId(id_))
        case _:
            raise AssertionError(f"the engine sent an event of kind {kind}")


def _unpack_appeared(body: bytes) -> SourceAppeared:
    transport, ssrc, payload_type, *rest = layout.SOURCE_APPEARED.unpack_from(body)
    lengths, texts = rest[:3], rest[3:]
    mid, rid, repaired_rid = (
        text[:length].decode("ascii", "replace")
        for text, length in zip(texts, lengths, strict=True)
    )
    return SourceAppeared(TransportId(transport), Ssrc(ssrc), payload_type, mid, rid, repaired_rid)


def unpack_snapshot(packed: bytes) -> Snapshot:
    """Read what `sfu_snapshot` wrote."""
    head = layout.SNAPSHOT_HEAD.unpack_from(packed)
    counts, realtime, threads, at_us, events_lost, handed_lost = head[:7], *head[7:12]
    at = layout.SNAPSHOT_HEAD.size
    rows: list[list[tuple[int, ...]]] = []
    for kind, count in zip(_ROWS, counts, strict=False):
        end = at + kind.size * count
        rows.append(list(kind.iter_unpack(packed[at:end])))
        at = end
    sockets, transports, sources, sinks, lines = rows
    arrived = at + layout.LOG_ROW.size * counts[-2]
    return Snapshot(
        EngineRow(at_us, bool(realtime), events_lost, head[12:-1], head[-1], threads, handed_lost),
        {SocketId(row[0]): SocketRow._make(row) for row in sockets},
        {TransportId(row[0]): TransportRow._make(row) for row in transports},
        {SourceId(row[0]): _source_row(row) for row in sources},
        {SinkId(row[0]): _sink_row(row) for row in sinks},
        packed[at:arrived],
        packed[arrived:],
        {LineId(row[0]): LineRow._make(row) for row in lines},
    )


_ROWS = (
    layout.SOCKET_ROW,
    layout.TRANSPORT_ROW,
    layout.SOURCE_ROW,
    layout.SINK_ROW,
    layout.LINE_ROW,
)
"""Arrivals and departures come last and stay packed."""


def _source_row(row: tuple[int, ...]) -> SourceRow:
    source, transport, ssrc, codec, packets, bytes_, lost, highest, jitter, stamp, level = row[:11]
    return SourceRow(
        SourceId(source),
        TransportId(transport),
        Ssrc(ssrc),
        Codec(codec) if codec else None,
        packets,
        bytes_,
        lost,
        highest,
        jitter,
        stamp,
        row[11],
        row[12],
        level,
        row[13],
        row[14],
        row[15],
    )


def _sink_row(row: tuple[int, ...]) -> SinkRow:
    sink, transport, source, waiting, ssrc, stamp, offset, packets, octets, sent_us = row[:10]
    return SinkRow(
        SinkId(sink),
        TransportId(transport),
        SourceId(source) if source else None,
        bool(waiting),
        Ssrc(ssrc),
        packets,
        octets,
        stamp,
        sent_us,
        offset,
        *row[10:],
    )

"""Commands to the reference engine: each makes its state what it says (`native/apply.c`).

Twice the same changes nothing.  Sockets, keys and marks are nothing to it: what it sends is
returned, in the clear.
"""

from typing import assert_never

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
from sfu.media.engine.departure import Departures, Sent
from sfu.media.engine.line import LineState
from sfu.media.engine.pacer import PictureClass
from sfu.media.engine.picture import ALL
from sfu.media.engine.sink import SinkState
from sfu.media.engine.source import SourceState
from sfu.media.engine.tables import Tables
from sfu.media.engine.transport import TransportState
from sfu.model import Kind, LineId, SinkId, SourceId, TransportId


class Application:
    """Applies commands to the tables of one engine."""

    def __init__(self, seed: int, tables: Tables, departures: Departures) -> None:
        """Choose the first sequence numbers by `seed`, as the engine does by its dice."""
        self._seed = seed
        self._tables = tables
        self._departures = departures

    def apply(self, command: Command, now_us: int = 0) -> list[Sent]:
        """Make it so; return what leaves by that."""
        match command:
            case OpenTransport(transport):
                state = self._tables.transports.setdefault(transport, TransportState(command))
                state.asked = command
                line = None if command.line is None else self._tables.lines.get(command.line)
                return self._move(state, line, now_us)
            case SetSource():
                self._set_source(command)
            case SetSink():
                self._set_sink(command)
            case SetRoute():
                return self._set_route(command, now_us)
            case CloseSource(source):
                self._close_source(source)
            case CloseSink(sink):
                self._close_sink(sink)
            case CloseTransport(transport):
                self._close_transport(transport)
            case OpenSocket() | CloseSocket() | SetKeys() | SetMarks():
                pass  # no sockets, no keys: what is sent is returned in the clear
            case Transmit() | TransmitRtcp():
                pass
            case SetLine(line_id):
                self._set_line(line_id, command)
            case CloseLine(line_id):
                return self._close_line(line_id, now_us)
            case Probe(line_id, sink):
                if line_id in self._tables.lines:
                    self._tables.lines[line_id].probe(command, self._tables.sinks.get(sink), now_us)
            case _:
                assert_never(command)
        return []

    def _set_line(self, line: LineId, command: SetLine) -> None:
        self._tables.lines.setdefault(line, LineState(command)).set(command)

    def _close_line(self, line: LineId, now_us: int) -> list[Sent]:
        state = self._tables.lines.get(line)
        sent: list[Sent] = []
        for transport in [it for it in self._tables.transports.values() if it.line is state]:
            sent += self._move(transport, None, now_us)
        self._tables.lines.pop(line, None)
        return sent

    def _move(self, transport: TransportState, line: LineState | None, now_us: int) -> list[Sent]:
        """Let what waits for one line wait for another; without one it leaves."""
        sent: list[Sent] = []
        before, transport.line = transport.line, line
        if before is None or before is line:
            return sent
        if before.probing is not None and before.probing.sink.transport is transport:
            before.probing = None
        for sink in [it for it in self._tables.sinks.values() if it.transport is transport]:
            for picture_class in (sink.asked.picture_class, PictureClass.REPAIR):
                for waiting in before.pacer.forget_class(picture_class, sink.asked.sink):
                    if line is None:
                        sent += self._departures.depart(sink, waiting.packet, now_us)
                    else:
                        line.pacer.add(picture_class, waiting, now_us)
        if line is not None:
            line.pacer.trim()
            self._departures.starve(line, now_us)
        return sent

    def _set_source(self, command: SetSource) -> None:
        state = self._tables.sources.get(command.source)
        if command.transport not in self._tables.transports:
            return
        if state is None:
            state = self._tables.sources[command.source] = SourceState(command, {}, {})
        state.asked = command
        state.codecs = dict(command.payloads)
        state.repairs = dict(command.rtx_payloads)
        if not state.counter.begun:  # in band is newer
            for unit in command.parameter_sets:
                state.keep(unit)

    def _set_sink(self, command: SetSink) -> None:
        transport = self._tables.transports.get(command.transport)
        if transport is None:
            return
        state = self._tables.sinks.get(command.sink)
        if state is None:
            first = transport.first_sequence(self._seed, command.ssrc)
            state = self._tables.sinks[command.sink] = SinkState(command, transport, first)
            if command.rtx_ssrc is not None:
                state.next_rtx = transport.first_sequence(self._seed, command.rtx_ssrc)
        else:
            self._renumber(state, command)
        before, state.asked = state.asked, command
        state.history.resize(command.history)
        if transport.line is not None:
            pacer = transport.line.pacer
            pacer.move(command.sink, before.picture_class, command.picture_class)

    def _renumber(self, state: SinkState, command: SetSink) -> None:
        transport, before = state.transport, state.asked
        if before.ssrc != command.ssrc:
            transport.spent[before.ssrc] = state.places.next
            state.places.next = transport.first_sequence(self._seed, command.ssrc)
            joined = state.joined
            state.forget()
            state.joined = joined
        if before.rtx_ssrc == command.rtx_ssrc:
            return
        if before.rtx_ssrc is not None:
            transport.spent[before.rtx_ssrc] = state.next_rtx
        if command.rtx_ssrc is not None:
            state.next_rtx = transport.first_sequence(self._seed, command.rtx_ssrc)

    def _set_route(self, command: SetRoute, now_us: int) -> list[Sent]:
        sink = self._tables.sinks.get(command.sink)
        if sink is None:
            return []
        sink.pictures.temporal = min(command.temporal, ALL)
        source = None if command.source is None else self._tables.sources.get(command.source)
        if source is None:
            self._let_go(sink)
        elif sink.pending != command.source and (
            sink.source != command.source or sink.pending is not None
        ):
            return self._route(sink, source, now_us)
        return []

    def _route(self, sink: SinkState, source: SourceState, now_us: int) -> list[Sent]:
        if sink.pending is not None:
            self._tables.sources[sink.pending].unlink(sink)
        sink.pending = None
        if sink.source == source.asked.source:
            return []
        if sink.asked.kind is Kind.VIDEO:
            sink.pending = source.asked.source
            source.link(sink)
            return self._departures.catch_up(sink, source, now_us)
        self._let_go(sink)
        sink.source = source.asked.source
        source.link(sink)
        return []

    def _let_go(self, sink: SinkState) -> None:
        """Carry nothing."""
        self._departures.forget_waiting(sink)
        for source in (sink.source, sink.pending):
            if source is not None:
                self._tables.sources[source].unlink(sink)
        sink.source = sink.pending = None
        sink.rebase = True

    def _close_source(self, source: SourceId) -> None:
        state = self._tables.sources.pop(source, None)
        for sink in [] if state is None else state.sinks:
            if sink.source == source:
                self._departures.forget_waiting(sink)
                sink.source = None
            sink.pending = None if sink.pending == source else sink.pending
            if sink.joined == source:
                sink.forget()
            sink.rebase = True

    def _close_sink(self, sink: SinkId) -> None:
        state = self._tables.sinks.pop(sink, None)
        if state is None:
            return
        self._let_go(state)
        line = state.transport.line
        if line is not None:
            line.pacer.forget(sink)
            if line.probing is not None and line.probing.sink is state:
                line.probing = None
        state.transport.spent[state.asked.ssrc] = state.places.next
        if state.asked.rtx_ssrc is not None:
            state.transport.spent[state.asked.rtx_ssrc] = state.next_rtx

    def _close_transport(self, transport: TransportId) -> None:
        for sink in [
            it for it, state in self._tables.sinks.items() if state.asked.transport == transport
        ]:
            self._close_sink(sink)
        for source in [
            it for it, state in self._tables.sources.items() if state.asked.transport == transport
        ]:
            self._close_source(source)
        self._tables.transports.pop(transport, None)

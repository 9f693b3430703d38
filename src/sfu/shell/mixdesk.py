"""Plugs members into the mix worker and its mixes into members: the worker is one more peer.

::

    member's sound source --route--> sink on the worker's transport  == RTP ==> worker
    member's mix place   <--route-- source on the worker's transport <== RTP == worker

A worker that dies is started anew by `MixWorker`; its transport, sinks and sources are then made
again, and the meetings state their routes once more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sfu.media.engine.command import OpenTransport, SetSink, SetSource
from sfu.model import (
    Codec,
    Kind,
    Latch,
    MemberId,
    SinkId,
    SocketId,
    SourceId,
    Ssrc,
    Tone,
    TransportId,
)
from sfu.shell.fault import surviving
from sfu.shell.leg import MixPlace
from sfu.shell.patchbay import Patchbay
from sfu.shell.workers import MixWorker
from sfu.worker.protocol import (
    PAYLOAD_TYPES,
    Delays,
    KeyHeard,
    LevelsMeasured,
    Report,
    Spoken,
)

METER = MemberId("")
"""Stands among the listeners of an input that is measured."""
KEYS = MemberId("#")
"""Stands among the listeners of an input that is searched for keys."""
CODECS = tuple(PAYLOAD_TYPES.items())
RECEIVED = tuple((number, codec) for codec, number in CODECS)


@dataclass(slots=True)
class _Input:
    """A member's sound on its way into the worker."""

    ssrc: Ssrc
    source: SourceId
    sink: SinkId
    listeners: set[MemberId] = field(default_factory=set)
    on_key: Callable[[str], None] | None = None


@dataclass(slots=True)
class _Output:
    """A mix on its way to a member."""

    leg: int
    ssrc: Ssrc
    place: MixPlace
    source: SourceId
    inputs: frozenset[MemberId] = frozenset()
    on_spoken: Callable[[], None] | None = None


class MixDesk:
    """All inputs and outputs of one mix worker."""

    def __init__(self, patchbay: Patchbay, worker: MixWorker | None) -> None:
        """Begin with nothing plugged in; without a worker there is no mix."""
        self._patchbay = patchbay
        self._worker = worker
        self._transport: TransportId | None = None
        self._socket: SocketId | None = None
        self._inputs: dict[MemberId, _Input] = {}
        self._outputs: dict[MemberId, _Output] = {}
        self._legs = 0
        self._levels: dict[Ssrc, int] = {}
        self.delay_s = 0.0
        """How long sound stays in the worker, the longest of its legs."""
        self.on_restart: Callable[[], None] = lambda: None

    @property
    def available(self) -> bool:
        """Whether there is a mixer at all."""
        return self._worker is not None

    @property
    def legs(self) -> int:
        """How many mixes are sent."""
        return len(self._outputs)

    def connect(self, fd: int) -> None:
        """Take the media socket of a worker just started, or started anew."""
        if self._transport is not None and self._socket is not None:
            self._patchbay.close_transport(self._transport)
            self._patchbay.close_socket(self._socket)
        self._socket = self._patchbay.open_socket(fd)
        self._transport = self._patchbay.new_transport()
        self._patchbay.open_transport(
            OpenTransport(
                self._transport, self._socket, self._socket, None, None, Latch.CONNECTED, False
            ),
            lambda event: None,
            reports=False,
        )
        for one in self._inputs.values():
            one.sink = self._new_sink(one.ssrc)
            self._patchbay.want(one.sink, one.source)
        for member, output in self._outputs.items():
            output.source = self._new_source(output.ssrc, output.place.codec, member)
            self._patchbay.want(output.place.sink, output.source)
        self.on_restart()

    def listen(
        self, listener: MemberId, place: MixPlace, members: Mapping[MemberId, SourceId]
    ) -> SourceId | None:
        """Mix these members' sounds for a listener; return the source its place shall carry."""
        if self._worker is None or self._transport is None:
            return None
        output = self._outputs.get(listener)
        heard = output.inputs if output is not None else frozenset()
        for member, source in members.items():
            self._plug(member, source, listener)
        if output is not None and output.place.codec is not place.codec:
            self._close_output(listener)
            output = None
        if output is None:
            output = self._open_output(listener, place)
        for member in heard - members.keys():
            self._unplug(member, listener)
        output.place, output.inputs = place, frozenset(members)
        ssrcs = frozenset(self._inputs[member].ssrc for member in members)
        self._worker.set_leg(
            output.leg, output.ssrc, place.codec, ssrcs, place.ptime_ms, place.max_bps
        )
        return output.source

    def stop_listening(self, listener: MemberId) -> None:
        """Mix for this listener no longer."""
        output = self._outputs.get(listener)
        if output is None:
            return
        for member in output.inputs:
            self._unplug(member, listener)
        self._close_output(listener)

    def measure(self, member: MemberId, source: SourceId) -> None:
        """Hear a member for its loudness alone: its packets do not tell it (RFC 6464)."""
        if self._worker is not None and self._transport is not None:
            self._plug(member, source, METER)

    def watch_keys(self, member: MemberId, source: SourceId, on_key: Callable[[str], None]) -> None:
        """Look for keys pressed as tones in a member's sound."""
        if self._worker is None or self._transport is None:
            return
        self._plug(member, source, KEYS)
        one = self._inputs[member]
        if one.on_key is None:
            self._worker.set_input(one.ssrc, keys=True)
        one.on_key = on_key

    def ignore_keys(self, member: MemberId) -> None:
        """Look for keys in this sound no longer; who else hears it goes on."""
        one = self._inputs.get(member)
        if one is None or one.on_key is None:
            return
        one.on_key = None
        self._unplug(member, KEYS)
        if member in self._inputs and self._worker is not None:
            self._worker.set_input(one.ssrc)

    def forget(self, member: MemberId) -> None:
        """Let go of a member that left."""
        self.stop_listening(member)
        if member in self._inputs:
            self._close_input(member)
        for output in self._outputs.values():
            output.inputs -= {member}

    def play_tone(self, listener: MemberId, tone: Tone) -> None:
        """Beep to one listener."""
        output = self._outputs.get(listener)
        if output is not None and self._worker is not None:
            self._worker.play_tone(output.leg, tone)

    def speak(
        self, listener: MemberId, names: tuple[str, ...], done: Callable[[], None] | None = None
    ) -> None:
        """Say prompts to one listener, and tell when they are over; none: be silent."""
        output = self._outputs.get(listener)
        if output is not None and self._worker is not None:
            output.on_spoken = done
            self._worker.speak(output.leg, names)

    def levels(self) -> dict[MemberId, int]:
        """Return the loudness the worker measured of each member it hears, in dBov."""
        return {member: self._levels.get(one.ssrc, 127) for member, one in self._inputs.items()}

    def take_report(self, report: Report) -> None:
        """Keep what the worker measured; its delays correct the mixes' sender reports."""
        match report:
            case LevelsMeasured(levels):
                self._levels = dict(levels)
            case Spoken(leg):
                with surviving("prompt_failed"):
                    self._spoken(leg)
            case KeyHeard(ssrc, key):
                with surviving("key_failed"):
                    self._key_heard(ssrc, key)
            case Delays(legs):
                delays = dict(legs)
                self.delay_s = max(delays.values(), default=0) / 1_000
                for output in self._outputs.values():
                    if output.leg in delays:
                        self._patchbay.reporter.set_delay(output.source, delays[output.leg] / 1_000)

    def _spoken(self, leg: int) -> None:
        for output in list(self._outputs.values()):
            if output.leg == leg and output.on_spoken is not None:
                done, output.on_spoken = output.on_spoken, None
                done()

    def _key_heard(self, ssrc: Ssrc, key: str) -> None:
        for one in list(self._inputs.values()):
            if one.ssrc == ssrc and one.on_key is not None:
                one.on_key(key)

    # ---- plugs

    def _plug(self, member: MemberId, source: SourceId, listener: MemberId) -> None:
        assert self._worker is not None
        one = self._inputs.get(member)
        if one is None:
            ssrc = self._patchbay.new_ssrc()
            one = self._inputs[member] = _Input(ssrc, source, self._new_sink(ssrc))
            self._worker.set_input(ssrc)
        one.source = source
        one.listeners.add(listener)
        self._patchbay.want(one.sink, source)

    def _unplug(self, member: MemberId, listener: MemberId) -> None:
        one = self._inputs.get(member)
        if one is None:
            return
        one.listeners.discard(listener)
        if not one.listeners:
            self._close_input(member)

    def _close_input(self, member: MemberId) -> None:
        one = self._inputs.pop(member)
        self._patchbay.close_sink(one.sink)
        self._levels.pop(one.ssrc, None)
        if self._worker is not None:
            self._worker.close_input(one.ssrc)

    def _open_output(self, listener: MemberId, place: MixPlace) -> _Output:
        self._legs += 1
        ssrc = self._patchbay.new_ssrc()
        source = self._new_source(ssrc, place.codec, listener)
        output = self._outputs[listener] = _Output(self._legs, ssrc, place, source)
        return output

    def _close_output(self, listener: MemberId) -> None:
        output = self._outputs.pop(listener)
        self._patchbay.close_source(output.source)
        if self._worker is not None:
            self._worker.close_leg(output.leg)

    def _new_sink(self, ssrc: Ssrc) -> SinkId:
        assert self._transport is not None
        sink = self._patchbay.new_sink()
        # the packets keep their own clocks: the codec, told by its payload type, says which
        self._patchbay.set_sink(
            SetSink(sink, self._transport, Kind.AUDIO, ssrc, CODECS, clock_hz=48_000)
        )
        return sink

    def _new_source(self, ssrc: Ssrc, codec: Codec, listener: MemberId) -> SourceId:
        assert self._transport is not None
        source = self._patchbay.new_source()
        self._patchbay.set_source(
            SetSource(source, self._transport, Kind.AUDIO, ssrc, RECEIVED, codec.clock_hz),
            MemberId(f"mix:{listener}"),
        )
        return source

"""The mixer: orders and RTP in, RTP and reports out, one tick each 20 ms; waits for nothing.

::

    receive -> Input: jitter -> decode --+          +-> Stream: encode -+-> Leg -> RTP
    receive -> Input: jitter -> decode --+-- Plan --+-> Stream: encode -+-> Leg -> RTP
                                         |  (N-1)                       +-> Leg -> RTP
                                         +-> levels

An input nobody sends on is a row of zeros: no decoder runs.  A leg that hears only such rows
repeats its encoder's last word.
"""

from collections.abc import Iterator
from typing import Final, assert_never

import numpy as np

from sfu.errors import PeerError
from sfu.media.mix import FRAME, Samples, tone
from sfu.media.mix.level import SILENT, dbov
from sfu.media.mix.sum import Plan, soften
from sfu.model import Codec, Ssrc, Tone
from sfu.worker import prompt
from sfu.worker.codec import encoder
from sfu.worker.input import Input, parse
from sfu.worker.opus import BITRATE
from sfu.worker.output import Key, Leg, Stream, numbers_at
from sfu.worker.protocol import (
    Alive,
    CloseInput,
    CloseLeg,
    Delays,
    KeyHeard,
    LevelsMeasured,
    Order,
    PlayTone,
    Report,
    SetInput,
    SetLeg,
    Speak,
    Spoken,
)

TICK_S: Final = 0.02
MOST_INPUTS: Final = 1024
FINE, COARSE = 5, 0
"""Opus complexities: the first while `FEW` streams or less use it, then the cheapest."""
FEW: Final = 16


class Mixer:
    """All rooms of one worker; reads no clock: `now` is monotonic seconds."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._inputs: dict[Ssrc, Input] = {}
        self._legs: dict[int, Leg] = {}
        self._streams: dict[Key, Stream] = {}
        self._free = list(range(MOST_INPUTS))[::-1]
        self._frames: Samples = np.zeros((1, FRAME), dtype=np.int16)
        self._plan: Plan | None = None
        self._ticks = 0
        self._busy_s = 0.0
        self._heard = False
        """Whether the last report of levels named anybody."""
        self._news: list[Report] = []
        """What is reported as soon as it happens."""

    @property
    def resting(self) -> bool:
        """Whether ticks would do nothing: no leg, no input."""
        return not self._legs and not self._inputs

    def apply(self, order: Order, now: float) -> None:
        """Do as the server says."""
        match order:
            case SetInput():
                if order.ssrc not in self._inputs and self._free:
                    self._inputs[order.ssrc] = Input(self._free.pop())
                if source := self._inputs.get(order.ssrc):
                    source.look_for_keys(order.keys)
            case CloseInput():
                if gone := self._inputs.pop(order.ssrc, None):
                    self._free.append(gone.row)
            case SetLeg():
                self._set_leg(order, now)
            case CloseLeg():
                if leg := self._legs.pop(order.leg, None):
                    self._release(leg.stream)
            case PlayTone():
                if (leg := self._legs.get(order.leg)) and order.name in list(Tone):
                    self._play(leg, tone.samples(Tone(order.name)), speaking=False)
            case Speak():
                if leg := self._legs.get(order.leg):
                    wave = prompt.speech(order.names)
                    if order.names and leg.tone is not None:
                        wave = np.concatenate([leg.tone, prompt.PAUSE, wave])
                    self._play(leg, wave, speaking=bool(order.names))
            case _:
                assert_never(order)
        self._plan = None

    def _play(self, leg: Leg, wave: Samples, *, speaking: bool) -> None:
        leg.tone, leg.speaking = wave, speaking
        leg.stream = self._stream(leg.order, leg.stream, alone=True)

    def receive(self, datagram: bytes, now: float) -> None:
        """Take an RTP packet; what is none, or of no input, is dropped."""
        try:
            packet = parse(datagram)
            if source := self._inputs.get(packet.ssrc):
                source.insert(packet, now)
        except PeerError:
            return

    def tick(self, now: float) -> Iterator[bytes]:
        """Mix 20 ms; yield the RTP packets of all legs."""
        self._ticks += 1
        plan = self._plan or self._draw()
        self._hear(now)
        sums = plan.sums(self._frames)
        beeps = {id(leg.stream): leg for leg in self._legs.values() if leg.tone is not None}
        for row, stream in enumerate(self._streams.values()):
            leg = beeps.get(id(stream))
            if leg and (beep := leg.beep()) is not None:
                sums[row] += beep
        mixed = soften(sums)
        payloads = {id(s): s.feed(mixed[row]) for row, s in enumerate(self._streams.values())}
        for leg in self._legs.values():
            for payload in payloads[id(leg.stream)]:
                yield leg.packet(payload)
        for leg in beeps.values():
            if leg.tone is None:
                leg.stream = self._stream(leg.order, leg.stream, alone=False)
                self._plan = None
                if leg.speaking:
                    leg.speaking = False
                    self._news.append(Spoken(leg.order.leg))

    def _hear(self, now: float) -> None:
        """Fill the rows, and measure those that sound."""
        sounding = []
        for ssrc, source in self._inputs.items():
            frame = source.pull(now)
            if frame is None:
                self._frames[source.row] = 0
                continue
            keys, for_others = source.keys(frame)
            self._news += [KeyHeard(ssrc, key) for key in keys]
            self._frames[source.row] = frame if for_others else 0
            sounding.append(source)
        if sounding:
            levels = dbov(self._frames[[source.row for source in sounding]]).tolist()
            for source, level in zip(sounding, levels, strict=True):
                source.measured(level)

    def skip(self, ticks: int) -> None:
        """Leave out ticks whose time is long gone."""
        for leg in self._legs.values():
            leg.skip(ticks)

    def worked(self, seconds: float) -> None:
        """Count time spent, for `Alive`."""
        self._busy_s += seconds

    def reports(self) -> Iterator[Report]:
        """Yield what is due after this tick."""
        yield from self._news
        self._news = []
        if self._ticks % 5 == 0:
            levels = tuple(self._levels())
            if levels or self._heard:
                yield LevelsMeasured(levels)
            self._heard = bool(levels)
        if self._ticks % 50 == 0:
            if self._legs:
                yield Delays(
                    tuple((number, self._delay(leg)) for number, leg in self._legs.items())
                )
            yield Alive(round(min(1.0, self._busy_s), 3))
            self._busy_s = 0.0

    def _levels(self) -> Iterator[tuple[Ssrc, int]]:
        for ssrc, source in self._inputs.items():
            if source.heard:
                yield ssrc, source.loudest
                source.loudest, source.heard = SILENT, False

    def _delay(self, leg: Leg) -> int:
        """Return ms from a sound's arrival to its sending, first sample to whole packet."""
        delays = [
            source.delay_s
            for ssrc in leg.order.inputs
            if (source := self._inputs.get(ssrc)) and source.delay_s
        ]
        mean = sum(delays) / len(delays) if delays else 0.0
        return round(1000 * mean + leg.stream.key.ptime_ms - 20)

    def _set_leg(self, order: SetLeg, now: float) -> None:
        old = self._legs.get(order.leg)
        stream = self._stream(
            order, old.stream if old else None, alone=bool(old and old.tone is not None)
        )
        if old and (old.order.ssrc, old.order.codec) == (order.ssrc, order.codec):
            old.order, old.stream = order, stream
            return
        sequence, timestamp = numbers_at(now, order.codec, stream.key.ptime_ms)
        self._legs[order.leg] = Leg(order, stream, sequence, timestamp)

    def _stream(self, order: SetLeg, old: Stream | None, alone: bool) -> Stream:
        """Return the stream a leg shall carry, held once more; the old one is let go."""
        ptime_ms = 20 if order.codec is Codec.OPUS and order.ptime_ms == 30 else order.ptime_ms
        bps = min(order.max_bps or BITRATE, BITRATE) if order.codec is Codec.OPUS else 0
        key = Key(order.codec, ptime_ms, bps, order.inputs, order.leg + 1 if alone else 0)
        if old and old.key == key:
            return old
        stream = self._streams.get(key)
        if stream is None and old and old.legs == 1 and old.key[:3] == key[:3]:
            del self._streams[old.key]
            old.key = key
            self._streams[key] = old
            return old
        if stream is None:
            stream = Stream(key, encoder(order.codec, ptime_ms, self._complexity(), bps or BITRATE))
            self._streams[key] = stream
        stream.legs += 1
        if old:
            self._release(old)
        return stream

    def _complexity(self) -> int:
        opus = sum(key.codec is Codec.OPUS for key in self._streams)
        return FINE if opus < FEW else COARSE

    def _release(self, stream: Stream) -> None:
        stream.legs -= 1
        if not stream.legs:
            del self._streams[stream.key]

    def _draw(self) -> Plan:
        """Give every input its row, every stream its sum."""
        rows = MOST_INPUTS - len(self._free)
        top = max((source.row for source in self._inputs.values()), default=-1) + 1
        assert rows <= top
        self._frames = np.zeros((top + 1, FRAME), dtype=np.int16)
        wanted = [
            frozenset(self._inputs[ssrc].row for ssrc in key.inputs if ssrc in self._inputs)
            for key in self._streams
        ]
        self._plan = Plan(wanted, top)
        return self._plan

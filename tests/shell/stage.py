"""A house with every core in it, before an engine, a mixer and a database that only take notes.

Time is moved by hand, packets by saying that they flow; nothing here waits or sends.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import shake_128
from itertools import count
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from sfu.config import MediaEncryption, Settings
from sfu.errors import UseError
from sfu.media.connect.dtls import Identity
from sfu.media.engine.command import (
    CloseSink,
    CloseSocket,
    CloseSource,
    CloseTransport,
    OpenSocket,
    OpenTransport,
    SetRoute,
    SetSink,
    SetSource,
)
from sfu.media.engine.event import KeyframePassed
from sfu.media.engine.snapshot import EngineRow, Snapshot, SourceRow, TransportRow
from sfu.media.report import Reporter
from sfu.model import Address, CallId, Codec, Protocol, SinkId, SourceId, Ssrc, TransportId
from sfu.shell.browser_surroundings import BrowserSurroundings
from sfu.shell.browsers import Browsers
from sfu.shell.calls import Calls
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.house import TICK_S, House
from sfu.shell.icedoor import IceDoor
from sfu.shell.mixdesk import MixDesk
from sfu.shell.patchbay import Patchbay
from sfu.shell.ports import PortRange
from sfu.shell.record import RecordId
from sfu.shell.surroundings import Surroundings
from sfu.signalling.call import CallOffered
from sfu.signalling.sdp.local import Policy
from tests.signalling.sdp import shapes

PAGES = Path(__file__).parents[1] / "signalling" / "webrtc" / "offers"
HDX_HOST = "192.0.2.21"
FEW = 10
"""Pairs of ports of which each counts."""
IDENTITY = Identity(time.time())
BROWSERS_PORT = Address("198.51.100.5", 10000)


class NotingEngine:
    """The engine's interface: notes commands, keeps what is open, shows what is said to flow."""

    def __init__(self) -> None:
        self.commands: list[Any] = []
        self.sources: dict[SourceId, SetSource] = {}
        self.sinks: dict[SinkId, SetSink] = {}
        self.transports: dict[int, OpenTransport] = {}
        self.sockets: dict[int, int] = {}
        self.carries: dict[SinkId, SourceId | None] = {}
        self.flowing: dict[SourceId, tuple[Codec, int]] = {}
        self.counts: dict[SourceId, tuple[int, int]] = {}
        """Packets that came of a source, and that were lost; 10 and none unless told."""
        self.fresh: set[SourceId | None] = set()
        """Sources of whose last key frame all is still there."""
        self.heard: dict[TransportId, float] = {}
        self.tell: Any = None
        self.now = 1000.0

    def apply(self, *commands: Any) -> None:
        self.commands += commands
        for one in commands:
            self._apply(one)

    def served(self) -> tuple[SinkId, ...]:
        return tuple(sink for sink in self.carries if self.carries[sink] in self.fresh)

    def _apply(self, one: Any) -> None:
        match one:
            case OpenSocket():
                self.sockets[one.socket] = one.fd
            case CloseSocket():
                os.close(self.sockets.pop(one.socket))
            case OpenTransport():
                self.transports[one.transport] = one
            case SetSource():
                self.sources[one.source] = one
            case SetSink():
                self.sinks[one.sink] = one
            case SetRoute():
                assert one.sink in self.sinks
                assert one.source is None or one.source in self.sources
                self.carries[one.sink] = one.source
            case CloseSource():
                self._close_source(one.source)
            case CloseSink():
                self._close_sink(one.sink)
            case CloseTransport():
                self.transports.pop(one.transport, None)  # what is not there is closed already
                for source in [s for s, c in self.sources.items() if c.transport == one.transport]:
                    self._close_source(source)
                for sink in [s for s, c in self.sinks.items() if c.transport == one.transport]:
                    self._close_sink(sink)

    def _close_source(self, source: SourceId) -> None:
        self.sources.pop(source, None)
        self.flowing.pop(source, None)
        for sink, carried in self.carries.items():
            if carried == source:
                self.carries[sink] = None

    def _close_sink(self, sink: SinkId) -> None:
        self.sinks.pop(sink, None)
        self.carries.pop(sink, None)

    def on_event(self, callback: Any) -> None:
        self.tell = callback

    def snapshot(self) -> Snapshot:
        at_us = round(self.now * 1e6)
        sources = {
            source: SourceRow(
                source, self.sources[source].transport, Ssrc(7000 + source), codec, packets, 1000,
                lost, 10, 0, 0, at_us, 1, level, 0, 0,
            )
            for source, (codec, level) in self.flowing.items()
            for packets, lost in [self.counts.get(source, (10, 0))]
        }  # fmt: skip
        heard = {row.transport: self.now for row in sources.values()} | self.heard
        transports = {
            one: TransportRow(one, 10, 1000, 20, 2000, 0, 0, 0, 0, 0, round(at * 1e6))
            for one, at in heard.items()
        }
        row = EngineRow(at_us, False, 0, (0,) * 10, 0)
        return Snapshot(row, transports=transports, sources=sources)

    def of(self, kind: Any) -> list[Any]:
        return [one for one in self.commands if isinstance(one, kind)]

    def close(self) -> None:
        for fd in self.sockets.values():
            os.close(fd)


class NotingMixer:
    """The mix worker's interface."""

    def __init__(self) -> None:
        self.inputs: set[int] = set()
        self.legs: dict[int, tuple[int, Codec, frozenset[int], int]] = {}
        self.bounds: dict[int, int] = {}
        """The most of each leg's Opus."""
        self.tones: list[tuple[int, str]] = []
        self.said: list[tuple[int, tuple[str, ...]]] = []
        self.searched: set[int] = set()
        """Inputs that keys are looked for in."""
        self.alive = True

    def set_input(self, ssrc: int, *, keys: bool = False) -> None:
        self.inputs.add(ssrc)
        (self.searched.add if keys else self.searched.discard)(ssrc)

    def close_input(self, ssrc: int) -> None:
        self.inputs.remove(ssrc)
        self.searched.discard(ssrc)

    def set_leg(
        self, leg: int, ssrc: int, codec: Codec, inputs: frozenset[int], ptime: int,
        max_bps: int = 0,
    ) -> None:  # fmt: skip
        assert inputs <= self.inputs
        self.legs[leg] = (ssrc, codec, inputs, ptime)
        self.bounds[leg] = max_bps

    def close_leg(self, leg: int) -> None:
        del self.legs[leg]

    def play_tone(self, leg: int, name: str) -> None:
        assert leg in self.legs
        self.tones.append((leg, str(name)))

    def speak(self, leg: int, names: tuple[str, ...]) -> None:
        assert leg in self.legs
        self.said.append((leg, names))


class NotingStore:
    """The call records' interface."""

    def __init__(self) -> None:
        self.joins: list[Any] = []
        self.ends: dict[int, str] = {}
        self.beats: list[Any] = []

    def joined(self, joining: Any, now: float) -> RecordId:
        self.joins.append(joining)
        return RecordId(len(self.joins))

    def left(self, record: int, now: float, cause: str, **more: Any) -> None:
        self.ends[record] = cause

    def row_of(self, record: RecordId) -> RecordId:
        return record

    def heartbeat(self, records: Any, now: float) -> None:
        self.beats.append(records)


class Stage:
    """Everything between signalling and engine."""

    def __init__(self, settings: Settings, *, mixing: bool = True, pairs: int = 500) -> None:
        numbers = count(1)
        self.engine = NotingEngine()
        self.mixer = NotingMixer() if mixing else None
        self.store = NotingStore()
        self.orders: list[Any] = []
        self.said: Any = []
        """Log lines."""
        self.faults = 0
        """Faults of ours that a test provokes; any other fails it."""

        def noise(size: int) -> bytes:
            return shake_128(next(numbers).to_bytes(4)).digest(size)

        def clock() -> float:
            return self.engine.now

        engine: Any = self.engine
        mixer: Any = self.mixer
        store: Any = self.store
        self.patchbay = Patchbay(engine, Reporter("test", 0.0), noise)
        self.desk = MixDesk(self.patchbay, mixer)
        if mixing:
            self.desk.connect(_fd())
        self.house = House(settings, self.patchbay, self.desk, store, clock)
        limit = settings.limits.vanish_s
        around = Surroundings(
            self.patchbay, ports(pairs), self.orders.append, noise, False, limit,
            Policy(secure=settings.sip.media_encryption is MediaEncryption.REQUIRED),
            IDENTITY, settings.sip.offered_encryption, self.house.lines,
        )  # fmt: skip
        self.around = around
        self.calls = Calls(self.house, around, lambda host: "198.51.100.5")
        self.door = IceDoor(self.patchbay, IDENTITY, (BROWSERS_PORT,), noise, clock)
        self.door.listen(_fd())
        self.page_around = BrowserSurroundings(
            self.patchbay, self.door, noise, settings.media.video_bps, settings.media.video_fs,
            limit, False, self.house.lines, settings.media.sound_twice,
        )  # fmt: skip
        self.browsers = Browsers(self.house, self.page_around, noise)

    @property
    def now(self) -> float:
        return self.engine.now

    def tick(self, seconds: float = TICK_S) -> None:
        """Let time pass, in steps of the house's rhythm where it is short."""
        until = self.engine.now + seconds
        while self.engine.now < until - 1e-9:
            self.engine.now = min(until, self.engine.now + max(TICK_S, seconds / 100))
            snapshot = self.house.tick()
            self.calls.tick(snapshot)
            self.browsers.tick(snapshot)

    def flow(self, source: SourceId | None, codec: Codec, level_dbov: int = 127) -> None:
        """Let packets of this stream arrive from now on."""
        assert source is not None
        self.engine.flowing[source] = (codec, level_dbov)

    def keyframe(self, source: SourceId | None) -> None:
        assert source is not None
        self.engine.tell(KeyframePassed(source, round(self.now * 1e6)))

    # ---- room codecs

    def ring(
        self,
        call: int,
        target: str = "4201",
        offer: bytes | str | None = "polycom_hdx",
        host: str = HDX_HOST,
        also: tuple[str, ...] = (),
        protocol: Protocol = Protocol.SIP,
    ) -> Any:
        """Have a room codec call; return the last thing ordered."""
        body = codec_offer(offer) if isinstance(offer, str) else offer
        self.calls.handle(
            CallOffered(
                CallId(call), protocol, target, f"room{call}@{host}", f"Room {call}", "HDX",
                Address(host, 5060), None, body, also=also,
            )
        )  # fmt: skip
        return self.orders[-1]

    def leg(self, call: int) -> CodecLeg:
        """Return the leg of a call that is in a room."""
        for guest in self.house.guests.values():
            if isinstance(guest.leg, CodecLeg) and guest.leg.call == call:
                return guest.leg
        raise AssertionError(f"call {call} is in no room")

    def send(self, call: int, *, level_dbov: int = 127) -> CodecLeg:
        """Have a room codec that is inside send sound and picture."""
        leg = self.leg(call)
        self.flow(leg.streams.sound, Codec.G722, level_dbov)
        if leg.streams.picture is not None:
            self.flow(leg.streams.picture, Codec.H264)
        return leg

    def shown(self, leg: CodecLeg) -> SourceId | None:
        """Return what a room codec's picture carries."""
        return self.engine.carries.get(leg.streams.pictures[0])

    def shown_sink(self, leg: CodecLeg) -> SinkId:
        """Return the sink of a room codec's picture, also while it is not shown anything."""
        assert leg.streams.picture is not None
        return next(
            sink for sink, one in self.engine.sinks.items()
            if one.transport == self.engine.sources[leg.streams.picture].transport
        )  # fmt: skip

    def cards(self) -> list[SourceId]:
        """Return the cards that are shown to somebody."""
        return [
            source for source, one in self.engine.sources.items()
            if one.payloads == ((96, Codec.H264),)
        ]  # fmt: skip

    @staticmethod
    def spare_fd() -> int:
        """Return a descriptor for whom one must be handed to."""
        return _fd()

    def of(self, kind: Any) -> list[Any]:
        return [one for one in self.orders if isinstance(one, kind)]


@contextmanager
def stage(settings: Settings | None = None, **more: Any) -> Iterator[Stage]:
    """Open a house and give all its descriptors back."""
    with capture_logs() as said:
        made = Stage(settings or Settings(), **more)
        made.said = said
        try:
            yield made
        finally:
            made.engine.close()
        faults = [line for line in said if line["log_level"] == "error"]
        assert len(faults) == made.faults, faults


def codec_offer(name: str) -> bytes:
    return shapes.offered(name)


def page_offer(name: str = "chromium_page") -> str:
    return (PAGES / f"{name}.sdp").read_text()


def ports(pairs: int) -> PortRange:
    """Return so many pairs of ports that are free now: where there are few, all of them count."""
    if pairs > FEW:
        return PortRange(23000, 22999 + 2 * pairs)
    for first in range(25000 + os.getpid() % 1000 * 2, 30000, 2 * pairs):
        span = PortRange(first, first + 2 * pairs - 1)
        with contextlib.suppress(UseError), contextlib.ExitStack() as held:
            for _ in range(pairs):
                pair = span.take()
                held.callback(os.close, pair.rtp_fd)
                held.callback(os.close, pair.rtcp_fd)
            return span
    raise AssertionError("no ports are free")


def _fd() -> int:
    return os.open(os.devnull, os.O_RDONLY)

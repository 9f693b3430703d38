"""A page's streams in the engine: what it sends, by layers, and the places we send on.

::

    agreement --> microphone, camera: a source each, or one for each rid of the camera
                  places (tiles, voices, mix): a sink each
    SourceAppeared {mid, rid} -----------> this layer's SSRC     layers tell no SSRC in the offer
    SourceAppeared {mid, repaired_rid} --> its retransmissions' (RFC 4588)

A layer's source exists as soon as it is agreed, so that it may be routed before it is switched on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sfu.media.engine.command import Extensions, SetSink, SetSource
from sfu.media.engine.event import SourceAppeared
from sfu.media.engine.snapshot import Snapshot
from sfu.media.keyframe import Ask
from sfu.model import Codec, Kind, MemberId, Protocol, SinkId, SourceId, Ssrc
from sfu.shell.icedoor import IcePath
from sfu.shell.leg import MixPlace, PictureLayer, Streams
from sfu.shell.patchbay import Patchbay
from sfu.shell.voices import ONCE, Twice
from sfu.signalling.capability import Feedback
from sfu.signalling.webrtc.negotiate import BrowserAgreement, BrowserStream, StreamIds
from sfu.signalling.webrtc.offer import Role

VIDEO_HISTORY, AUDIO_HISTORY = 512, 64
TWICE_DOWN = (Role.WIDE, Role.MIX)
LAYER_SILENT_S = 0.7
"""A layer without a packet for so long is no longer the one to show: its encoder rests."""


@dataclass(slots=True)
class Place:
    """A place we send on: one m-line of the browser."""

    ids: StreamIds
    sink: SinkId
    stream: BrowserStream | None = None


@dataclass(slots=True)
class _Layer:
    """One layer of the camera: its source, and the SSRCs it showed itself under."""

    source: SourceId
    ssrc: Ssrc
    """One that nobody has, until it shows itself."""
    shown: bool = False
    rtx_ssrc: Ssrc | None = None


@dataclass(slots=True)
class _Sending:
    """What the page sends."""

    sound: SourceId | None = None
    picture: SourceId | None = None
    """Where it sends one stream."""
    layers: dict[str, _Layer] = field(default_factory=dict)


class BrowserStreams:
    """The sources and sinks of one page; `streams` is what its leg shows of them."""

    def __init__(self, patchbay: Patchbay, member: MemberId, streams: Streams) -> None:
        """Begin without any."""
        self.agreement: BrowserAgreement | None = None
        self._bay = patchbay
        self._member = member
        self._streams = streams
        self._places: dict[str, Place] = {}
        self._sending = _Sending()
        self._sizes: dict[str, tuple[int, int, int]] = {}
        self._path: IcePath | None = None
        self.able = ONCE
        """Which sounds may be sent twice, as agreed."""
        self._twice = False

    def place(self, mid: str) -> Place:
        """Return the place of an m-line, a new one where we have none."""
        bay = self._bay
        known = self._places.get(mid)
        return known or Place(StreamIds(bay.new_ssrc(), bay.new_ssrc()), bay.new_sink())

    def use(self, places: dict[str, Place]) -> None:
        """Send on these places and no others: m-lines that are gone take theirs along."""
        for mid in self._places.keys() - places.keys():
            self._bay.close_sink(self._places[mid].sink)
        self._places = places

    def apply(self, agreement: BrowserAgreement, path: IcePath) -> None:
        """Put what was agreed into the engine."""
        self.agreement, self._path = agreement, path
        ids = agreement.extensions
        path.set_extensions(
            Extensions(
                ids.mid, ids.rid, ids.repaired_rid, ids.audio_level, ids.transport_cc,
                ids.abs_send_time,
            )
        )  # fmt: skip
        self._streams.header_levels = bool(ids.audio_level)
        for stream in agreement.streams:
            if stream.role.sends:
                self._expect(stream, path)
            elif stream.role.receives:
                self._set_sink(stream, path)
        self._name_places(agreement)
        down = any(one.red is not None for role in TWICE_DOWN for one in self.open(role))
        up = any(one.red is not None for one in self.open(Role.MICROPHONE))
        self.able = Twice(down, up)

    def open(self, role: Role) -> list[BrowserStream]:
        """Return the streams of a part that are in use now, in the order of their places."""
        return open_streams(self.agreement, role) if self.agreement else []

    def send_twice(self, twice: bool) -> None:
        """Send each sound with the one before beside it, or once; no number is left out."""
        if self._twice == twice:
            return
        self._twice = twice
        if self.agreement is None or self._path is None:
            return
        for role in TWICE_DOWN:
            for stream in self.agreement.of(role):
                if stream.red is not None:
                    self._set_sink(stream, self._path)

    def mid_of(self, sink: SinkId) -> str | None:
        """Return the m-line of a place."""
        return next((mid for mid, place in self._places.items() if place.sink == sink), None)

    # ---- what the page sends

    def _expect(self, stream: BrowserStream, path: IcePath) -> None:
        if not stream.rids:
            self._set_source(stream, path, stream.ssrc)
            return
        layers = self._sending.layers
        for rid in stream.rids:
            if rid not in layers:
                layers[rid] = _Layer(self._bay.new_source(), self._bay.new_ssrc())
            self._set_layer(layers[rid], stream, path)
        self._name_layers(stream.rids)

    def _name_layers(self, rids: Sequence[str]) -> None:
        """Show the layers; once the page has said how large they are, those it makes."""
        layers, sizes = self._sending.layers, self._sizes
        made = [rid for rid in rids if rid in sizes] or rids
        self._streams.simulcast = [
            PictureLayer(layers[rid].source, rid, *sizes.get(rid, (0, 0, 1))) for rid in made
        ]
        if self._streams.picture not in [layer.source for layer in self._streams.simulcast]:
            self._streams.picture = self._streams.simulcast[-1].source

    def set_sizes(self, sizes: Mapping[str, tuple[int, int, int]]) -> None:
        """Take in height, pictures a second and temporals of each layer, as the page tells."""
        self._sizes = dict(sizes)
        self._streams.picture_size = sizes.get("", (0, 0, 1))
        rids = self._rids
        if rids:
            self._name_layers(rids)

    @property
    def _rids(self) -> tuple[str, ...]:
        cameras = self.agreement.of(Role.CAMERA) if self.agreement else ()
        return cameras[0].rids if cameras else ()

    def _set_layer(self, layer: _Layer, stream: BrowserStream, path: IcePath) -> None:
        self._bay.set_source(
            self._source(layer.source, replace(stream, rtx_ssrc=layer.rtx_ssrc), path, layer.ssrc),
            self._member,
            self._asks(layer.source),
            shown=layer.shown,
        )

    def _set_source(self, stream: BrowserStream, path: IcePath, ssrc: Ssrc | None) -> None:
        if ssrc is None:
            return  # it shows itself by its mid: `appeared`
        sending, video = self._sending, stream.kind is Kind.VIDEO
        source = (sending.picture if video else sending.sound) or self._bay.new_source()
        if video:
            sending.picture = self._streams.picture = source
        else:
            sending.sound = self._streams.sound = source
        command = self._source(source, stream, path, ssrc)
        self._bay.set_source(command, self._member, self._asks(source) if video else None)

    def _source(
        self, source: SourceId, stream: BrowserStream, path: IcePath, ssrc: Ssrc
    ) -> SetSource:
        return SetSource(
            source,
            path.transport,
            stream.kind,
            ssrc,
            stream.payloads,
            stream.clock_hz,
            nack=Feedback.NACK in stream.feedback,
            rtx_ssrc=stream.rtx_ssrc,
            rtx_payloads=stream.rtx_payloads,
        )

    def _asks(self, source: SourceId) -> tuple[Protocol, Callable[[Ask], None]]:
        return Protocol.WEBRTC, partial(self._ask_picture, source)

    def _ask_picture(self, source: SourceId, ask: Ask) -> None:
        self._bay.ask_picture(source, fir=False, repeated=ask.repeated)

    def appeared(self, event: SourceAppeared) -> None:
        """Give a stream the offer did not name to microphone, camera or one of its layers."""
        if self.agreement is None or self._path is None:
            return
        for stream in self.agreement.streams:
            if stream.role.sends and _meant(event, stream):
                self._take(event, stream, self._path)
                return

    def _take(self, event: SourceAppeared, stream: BrowserStream, path: IcePath) -> None:
        if not stream.rids:
            if not event.repaired_rid:
                self._set_source(replace(stream, rtx_ssrc=None), path, event.ssrc)
            return
        layer = self._sending.layers.get(event.repaired_rid or event.rid)
        if layer is None:
            return  # told again with the packet that names its rid
        if event.repaired_rid:
            layer.rtx_ssrc = event.ssrc
            self._set_layer(layer, stream, path)
            return
        first = not layer.shown  # once for each layer: a page shall not hurry us as it likes
        layer.ssrc, layer.shown = event.ssrc, True
        self._set_layer(layer, stream, path)
        if first:
            self._bay.on_hurry()

    def observe(self, snapshot: Snapshot, now: float, resting: Sequence[str] = ()) -> None:
        """Have `streams.picture` be the highest layer that arrives; `resting` were switched off."""
        for layer in reversed(self._streams.simulcast):
            row = snapshot.sources.get(layer.source)
            arrives = row is not None and now - row.last_arrival_us / 1e6 < LAYER_SILENT_S
            if row is not None and row.last_arrival_us and arrives and layer.rid not in resting:
                self._streams.picture = layer.source
                return

    # ---- what it is sent

    def _set_sink(self, stream: BrowserStream, path: IcePath) -> None:
        place = self._places[stream.mid]
        most = VIDEO_HISTORY if stream.kind is Kind.VIDEO else AUDIO_HISTORY
        repair = {repaired: rtx for rtx, repaired in stream.rtx_payloads}
        twice = [(Codec.RED, stream.red)] if self._twice and stream.red is not None else []
        self._bay.set_sink(
            SetSink(
                place.sink,
                path.transport,
                stream.kind,
                place.ids.ssrc,
                (*stream.send_payloads, *twice),
                stream.clock_hz,
                mid=stream.mid,
                single_nal=stream.single_nal,
                rtx_ssrc=place.ids.rtx if repair else None,
                rtx_payloads=tuple(repair.items()),
                history=most if Feedback.NACK in stream.feedback else 0,
            )
        )
        place.stream = stream

    def _name_places(self, agreement: BrowserAgreement) -> None:
        streams = self._streams
        streams.pictures = self._sinks(Role.TILE)
        streams.wide = self._sinks(Role.WIDE)
        streams.narrow = self._sinks(Role.NARROW)
        mixes = self._sinks(Role.MIX)
        before = streams.mix or MixPlace(SinkId(0), Codec.OPUS)  # of a thin line: it stays so
        streams.mix = replace(before, sink=mixes[0]) if mixes else None
        for stream in agreement.streams:
            if stream.role.receives and not stream.active:
                self._bay.want(self._places[stream.mid].sink, None)

    def _sinks(self, role: Role) -> list[SinkId]:
        return [self._places[stream.mid].sink for stream in self.open(role)]


def open_streams(agreement: BrowserAgreement, role: Role) -> list[BrowserStream]:
    """Return the streams of a part that are in use, in the order of their places."""
    return [one for one in agreement.of(role) if one.active]


def ids_of(places: Mapping[str, Place]) -> dict[str, StreamIds]:
    """Return the SSRCs of each place."""
    return {mid: place.ids for mid, place in places.items()}


def _meant(event: SourceAppeared, stream: BrowserStream) -> bool:
    """Tell whether a stream is of this m-line: by mid, else by its payload type."""
    numbers = {number for number, _ in stream.payloads}
    repairs = {number for number, _ in stream.rtx_payloads} if stream.rids else set()
    if event.payload_type not in (repairs if event.repaired_rid else numbers):
        return False
    return event.mid == stream.mid if event.mid else True

r"""What a page is told to send of its camera: the room's codec and size, a line's rates by layer.

::

    SendPicture (codec, mode, size, whether anybody watches) --\
    Cap for each layer, once a line is shared out ---------------> `send` {camera, layers}
    before any Cap: what a line of 2 Mbit/s bears -------------/
"""

from collections.abc import Sequence

from sfu.media.allocation.output import Cap
from sfu.model import Codec
from sfu.room.output import SendPicture
from sfu.signalling.webrtc.message import Camera, CameraLayer

LAYER_SHARES = {1: (1.0,), 2: (0.15, 0.85), 3: (0.1, 0.25, 0.65)}
"""How a page's rate is split over its layers, lowest first, while nobody shares out its line."""
DUE_S = 3.0
"""So long after it may send, a picture is reckoned with before it comes."""
THIN_BPS = 150_000
"""Most of the lowest of several layers: 320x180 needs no more."""


class CameraOrders:
    """Composes `send` for one page from what the room and the line want of it."""

    def __init__(self, video_bps: int, video_fs: int) -> None:
        """Keep the settings' bounds: RTP payload, macroblocks a picture."""
        self.room: SendPicture | None = None
        self.caps: dict[str, Cap] = {}
        self.rids: tuple[str, ...] = ()
        """Of the layers agreed, lowest first; none where there is one stream."""
        self._due_until: float | None = None
        """None: it may not send yet."""
        self._video_bps = video_bps
        self._video_fs = video_fs

    def set_caps(self, caps: Sequence[Cap]) -> bool:
        """Take what a line bears; False where it says nothing new."""
        said = {cap.rid: cap for cap in caps}
        new = said != self.caps
        self.caps = said
        return new

    @property
    def resting(self) -> tuple[str, ...]:
        """Return the layers that were switched off."""
        return tuple(rid for rid, cap in self.caps.items() if not cap.active)

    def tick(self, now: float) -> None:
        """Let time pass: what was told to be sent is awaited for a while."""
        wanted = self.room is not None and self.room.wanted
        if not wanted or set(self.rids) <= set(self.resting):
            self._due_until = None
        elif self._due_until is None:
            self._due_until = now + DUE_S

    def due(self, now: float) -> Codec | None:
        """Return the codec of a picture in layers that was ordered and is about to come.

        For `DUE_S` since it may send: a camera that gives nothing shall hold no room for ever.
        """
        late = self._due_until is not None and now > self._due_until
        if self.room is None or not self.room.wanted or len(self.rids) < 2 or late:
            return None
        return self.room.codec

    def camera(self) -> Camera | None:
        """Say it; None before the room has said how, and for codecs no page sends."""
        order = self.room
        if order is None or order.codec not in (Codec.H264, Codec.VP8):
            return None
        most = min(order.max_bps, self._video_bps) if order.max_bps else self._video_bps
        height = height_of(min(order.max_fs or self._video_fs, self._video_fs))
        one = self.caps.get("")
        layers = tuple(self._layers(most, height))
        return Camera(
            codec="H264" if order.codec is Codec.H264 else "VP8",
            mode=0 if order.single_nal else 1,
            max_bps=min(most, one.max_bps) if one else most,
            max_height=height,
            active=order.wanted and (one is None or one.active),
            layers=layers,
        )

    def _layers(self, most: int, height: int | None) -> list[CameraLayer]:
        rates = default_rates(len(self.rids), self._video_bps)
        usual = dict(zip(self.rids, rates, strict=True))
        layers = []
        for rid, rate in usual.items():
            cap = self.caps.get(rid)
            layers.append(
                CameraLayer(
                    rid=rid,
                    max_bps=min(cap.max_bps if cap else rate, most),
                    max_height=height,
                    max_fps=cap.max_fps if cap else None,
                    active=cap.active if cap else True,
                )
            )
        return layers


def default_rates(layers: int, most: int) -> tuple[int, ...]:
    """Split a rate over so many layers, lowest first; what a thin one leaves goes to the top."""
    if not layers:
        return ()
    shares = LAYER_SHARES.get(layers) or (1 / layers,) * layers
    rates = [round(most * share) for share in shares]
    if layers > 1:
        spare = max(0, rates[0] - THIN_BPS)
        rates[0] -= spare
        rates[-1] += spare
    return tuple(rates)


def height_of(max_fs: int) -> int | None:
    """Return the height of the largest 16:9 picture of so many macroblocks."""
    if not max_fs:
        return None
    for width, height in ((1920, 1080), (1280, 720), (1024, 576), (768, 432), (640, 360)):
        if -(-width // 16) * -(-height // 16) <= max_fs:
            return height
    return 288

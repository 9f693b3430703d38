"""The pictures one sink of the reference passes: temporal layers, and VP8 numbers without a hole.

::

    source   picture  7(0)  8(2)  9(1) 10(2) 11(0)      TID in brackets, at most 1 asked for
    sink     picture  7           8          9

Down at the next picture.  Up where a receiver that lacks the layers above may begin with one: at a
key frame, or at a picture of the next layer that refers to the base layer only (RFC 7741, Y).  In
H.264 a picture nothing refers to is all there is to leave out.  The twin of `native/layers.c`.
"""

from dataclasses import dataclass, field

from sfu.media.payload import h264, vp8
from sfu.model import Codec

PICTURES = 128
NEAR = 16
"""Pictures in which a late one that was lost whole finds its neighbour."""
ALL = 7


@dataclass(frozen=True, slots=True)
class _Named:
    """What was added to a picture's number, and whether it was left out."""

    picture: int
    offset: int
    thinned: bool


@dataclass(slots=True)
class Pictures:
    """What one sink has shown, and what it may show."""

    temporal: int = ALL
    """The highest layer asked for."""
    rebase: bool = True
    """Another stream begins: its numbers are joined to those before."""
    _layers: int = ALL
    _thinning: bool = False
    _timestamp: int | None = None
    _picture_offset: int = 0
    _tl0_offset: int = 0
    _last_picture: int | None = None
    _last_tl0: int | None = None
    _named: dict[int, _Named] = field(default_factory=dict)

    def join(self) -> None:
        """Expect another stream."""
        self.rebase, self._timestamp = True, None

    def take(self, codec: Codec, payload: bytes, timestamp: int, in_order: bool) -> bytes | None:
        """Return the payload to send; None for what the sink shall not have."""
        if codec is Codec.VP8:
            look = vp8.look(payload)
        elif codec is Codec.H264:
            key = h264.look(payload).keyframe
            look = vp8.Look(keyframe=key, temporal=h264.temporal(payload))
        else:
            return payload
        if codec is Codec.VP8 and self.rebase:
            self._join(look)
        if in_order and timestamp != self._timestamp:
            self._begin(codec, look, timestamp)
        offset, passes = self._picture_offset, not self._thinning
        if not in_order:
            passes = look.temporal <= self._layers
            if look.picture_bytes:
                offset, passes = self._late(look, passes)
        if not passes:
            return None
        return self._renumber(payload, look, offset, in_order) if codec is Codec.VP8 else payload

    def _join(self, look: vp8.Look) -> None:
        last, last_tl0 = self._last_picture, self._last_tl0
        self._picture_offset = 0 if last is None else last + 1 - look.picture & 0xFFFF
        self._tl0_offset = 0 if last_tl0 is None else last_tl0 + 1 - look.tl0
        self.rebase = False
        self._named.clear()

    def _begin(self, codec: Codec, look: vp8.Look, timestamp: int) -> None:
        free_to = look.keyframe or codec is Codec.H264
        if self.temporal < self._layers or free_to:
            self._layers = self.temporal
        elif look.sync and look.temporal == self._layers + 1 and look.temporal <= self.temporal:
            self._layers = look.temporal
        self._thinning = look.temporal > self._layers
        self._timestamp = timestamp
        if look.picture_bytes:
            named = _Named(look.picture, self._picture_offset, self._thinning)
            self._named[look.picture % PICTURES] = named
            self._picture_offset = self._picture_offset - self._thinning & 0xFFFF

    def _late(self, look: vp8.Look, passes: bool) -> tuple[int, bool]:
        """Call it what it was to be called, or as the next one that was seen."""
        mask = 0x7FFF if look.picture_bytes == 2 else 0x7F
        for ahead in range(NEAR):
            picture = look.picture + ahead & mask
            named = self._named.get(picture % PICTURES)
            if named is not None and named.picture == picture:
                return named.offset, passes if ahead else not named.thinned
        return self._picture_offset, passes

    def _renumber(self, payload: bytes, look: vp8.Look, offset: int, in_order: bool) -> bytes:
        picture = look.picture + offset & (0x7FFF if look.picture_bytes == 2 else 0x7F)
        tl0 = look.tl0 + self._tl0_offset & 0xFF
        if look.picture_bytes:
            self._last_picture = picture if in_order else self._last_picture or 0
        if look.tl0_at:
            self._last_tl0 = tl0 if in_order else self._last_tl0 or 0
        return vp8.renumbered(payload, look, picture, tl0)

"""What callers see while nobody's picture is shown to them: cards, each a source of the engine.

::

    cards/number-720p.h264 -- Still -- RTP --> socket pair --> engine --route--> sinks of who waits
                                ^------- a viewer's wish for a key frame -----------'

A card is sent while somebody looks at it, once however many look.  One with a title is another
card; until its film is drawn (`titles`), the card without it is shown.
"""

import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sfu.media.engine.command import OpenTransport, SetSource
from sfu.media.still import Picture, Still, Wished, pictures
from sfu.model import (
    Codec,
    Kind,
    Latch,
    MemberId,
    Protocol,
    SinkId,
    SocketId,
    SourceId,
    TransportId,
)
from sfu.room.attendant import Card
from sfu.shell.patchbay import Patchbay
from sfu.signalling.capability import Capability

CARDS = Path(__file__).parent / "cards"
LARGE, SMALL = "720p", "cif"
LARGE_SIZE = (1280, 720)
PAYLOAD_TYPE = 96


Draw = Callable[[Path, str], tuple[Picture, ...] | None]
"""Gives a card's film with a title on it, None while, or where, there is none."""


def path_of(name: str) -> Path:
    """Return the file of a card, a name of `cards` without its suffix."""
    return CARDS / f"{name}.h264"


@cache
def film(name: str) -> tuple[Picture, ...]:
    """Return a card's pictures, read once."""
    return pictures(path_of(name).read_bytes())


@dataclass(slots=True)
class _Shown:
    """A card that somebody looks at."""

    still: Still
    ours: socket.socket
    socket: SocketId
    transport: TransportId
    source: SourceId
    viewers: set[SinkId] = field(default_factory=set)


class Screen:
    """All cards of one house."""

    def __init__(self, patchbay: Patchbay, draw: Draw = lambda card, title: None) -> None:
        """Begin with nothing shown."""
        self._patchbay = patchbay
        self._draw = draw
        self._shown: dict[tuple[str, str], _Shown] = {}
        """By name and title."""
        self._now = 0.0

    def show(
        self, sink: SinkId, card: Card, viewer: Capability, now: float, title: str = ""
    ) -> None:
        """Have a sink carry a card, as large as its receiver takes it; nothing without H.264."""
        self._now = now
        if Codec.H264 not in viewer.video_receive:
            return
        large = viewer.h264 is not None and viewer.h264.fits(*LARGE_SIZE)
        name = f"{card}-{LARGE if large else SMALL}"
        key = (name, title)
        shown = self._shown.get(key)
        if shown is None:
            drawn = self._draw(path_of(name), title) if title else None
            key = (name, title if drawn is not None else "")
            shown = self._shown.get(key) or self._open(key, drawn or film(name), now)
        self._patchbay.want(sink, shown.source)
        self.leave(sink, but=key)
        shown.viewers.add(sink)

    def leave(self, sink: SinkId, but: tuple[str, str] | None = None) -> None:
        """Count a sink as no viewer any more; it carries nothing, or what others said meanwhile."""
        for key, shown in list(self._shown.items()):
            if key != but and sink in shown.viewers:
                shown.viewers.discard(sink)
                if self._patchbay.wanted(sink) == shown.source:
                    self._patchbay.want(sink, None)
                if not shown.viewers:
                    self._close(key)

    def tick(self, now: float) -> None:
        """Send what is due."""
        self._now = now
        for shown in self._shown.values():
            shown.still.tick(now)
            for packet in shown.still.poll(now):
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    shown.ours.send(packet)  # nobody reads: as lost as on any network

    def _open(self, key: tuple[str, str], film: Sequence[Picture], now: float) -> _Shown:
        bay = self._patchbay
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        ssrc = bay.new_ssrc()
        still = Still(film, PAYLOAD_TYPE, ssrc, now)
        shown = self._shown[key] = _Shown(
            still, ours, bay.open_socket(theirs.detach()), bay.new_transport(), bay.new_source()
        )
        bay.open_transport(
            OpenTransport(
                shown.transport, shown.socket, shown.socket, None, None, Latch.CONNECTED, False
            ),
            lambda event: None,
            reports=False,
        )
        bay.set_source(
            SetSource(
                shown.source, shown.transport, Kind.VIDEO, ssrc,
                ((PAYLOAD_TYPE, Codec.H264),), Codec.H264.clock_hz,
            ),
            MemberId(f"card:{key[0]}"),
            (Protocol.SIP, lambda ask: still.handle(Wished(), self._now)),
        )  # fmt: skip
        return shown

    def _close(self, key: tuple[str, str]) -> None:
        shown = self._shown.pop(key)
        self._patchbay.close_transport(shown.transport)
        self._patchbay.close_socket(shown.socket)
        shown.ours.close()

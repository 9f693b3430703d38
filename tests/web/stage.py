"""A house for looking at the page: scripted members, real SDP answers and pictures by aiortc."""

import asyncio
import colorsys
import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack

from sfu.api.app import create_app
from sfu.api.server import WebServer
from sfu.signalling.webrtc.message import (
    Answer,
    Camera,
    ClientMessage,
    EndCode,
    Join,
    MemberRow,
    Members,
    Notice,
    Offer,
    Send,
    ServerMessage,
    Slots,
    Speaker,
    ended,
)
from tests.api.house import ScriptedBrowser, ScriptedHouse

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]
CHROMIUM = os.environ.get("SFU_CHROMIUM", "/usr/bin/chromium")

CAST = (
    MemberRow(member="m1", name="Mairie de Morez", protocol="sip", picture="ok", sound=True),
    MemberRow(member="m2", name="Anne Grandclément", protocol="webrtc", picture="ok", sound=False),
    MemberRow(member="m3", name="Salle du Haut-Jura", protocol="sip", picture="ok", sound=True),
    MemberRow(member="m4", name="Jean-Luc", protocol="webrtc", picture="off", sound=True),
)
YOU = MemberRow(member="m7", name="Vous", protocol="webrtc", picture="ok", sound=True)


class Colour(MediaStreamTrack):
    """A slowly breathing plain colour, 640x360."""

    kind = "video"

    def __init__(self, hue: float) -> None:
        super().__init__()
        self._hue, self._count = hue, 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(1 / 15)
        light = 0.4 + 0.1 * abs(self._count % 30 - 15) / 15
        red, green, blue = (int(255 * x) for x in colorsys.hls_to_rgb(self._hue, light, 0.5))
        picture = np.full((360, 640, 3), (red, green, blue), np.uint8)
        picture[110:330, 230:410] = (min(red + 60, 255), min(green + 60, 255), blue)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        self._count += 1
        frame.pts, frame.time_base = self._count * 6000, Fraction(1, 90_000)
        return frame


class Stage(ScriptedHouse):
    """Answers offers; who is in the cast and what is said after can be set from the test."""

    def __init__(self, cast: tuple[MemberRow, ...] = CAST) -> None:
        super().__init__(on_message=self._heard)
        self.cast = cast
        self.extras: list[ServerMessage] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self.port = 0
        self.silent = False
        self.carried = 2
        """Members whose pictures are sent; the page may have places for more."""
        self._peers: dict[int, RTCPeerConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def do(self, action: Callable[[], object]) -> None:
        """Run something in the server's loop, from the test's thread."""
        assert self.loop is not None
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self.loop.call_soon_threadsafe(act)
        assert done.wait(5)

    def say(self, message: ServerMessage) -> None:
        """Say it to the newest browser."""
        self.do(lambda: self.browsers[-1].send(message))

    def said(self, kind: type[ClientMessage]) -> list[ClientMessage]:
        """What all browsers said of this kind."""
        return [m for browser in self.browsers for m in browser.heard if isinstance(m, kind)]

    def _heard(self, browser: ScriptedBrowser, message: ClientMessage) -> None:
        match message:
            case Join(room="4203", name=name) if name:
                browser.send(ended(EndCode.REMOVED))
            case Offer() if not self.silent:
                assert self.loop is not None
                task = self.loop.create_task(self._answer(browser, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case _:
                pass

    async def _answer(self, browser: ScriptedBrowser, offer: Offer) -> None:
        first = id(browser) not in self._peers
        peer = self._peers.setdefault(id(browser), new_peer())
        await peer.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        shown = [row.member for row in self.cast if row.picture == "ok"][: self.carried]
        pictures: dict[str, str | None] = {}
        sounds: dict[str, str | None] = {}
        for place, one in enumerate(peer.getTransceivers()):
            if one.kind == "video" and place > 0 and place != 1:
                member = shown[len(pictures)] if len(pictures) < len(shown) else None
                pictures[one.mid or ""] = member
                if member and one.sender.track is None:
                    one.sender.replaceTrack(Colour(0.14 * int(member[1:])))
                    one.direction = "sendonly"
            elif one.kind == "audio" and place > 1:
                sounds[one.mid or ""] = shown[0] if len(sounds) == 0 and shown else None
                if len(sounds) == 1 and one.sender.track is None:
                    one.sender.replaceTrack(AudioStreamTrack())
                    one.direction = "sendonly"
        await peer.setLocalDescription(await peer.createAnswer())
        browser.send(Answer(sdp=with_layers(offer.sdp, peer.localDescription.sdp)))
        browser.send(Members(members=(*self.cast, YOU), you="m7"))
        browser.send(Slots(pictures=pictures, sounds=sounds, mix=False))
        browser.send(Speaker(member=shown[0] if shown else None))
        if first:
            browser.send(Send(camera=Camera(codec="H264", mode=1, max_bps=600_000)))
        for message in self.extras:
            browser.send(message)

    async def close(self) -> None:
        for peer in self._peers.values():
            await peer.close()


def new_peer() -> RTCPeerConnection:
    """aiortc's default policy leaves the second of two video m-lines without a transport."""
    return RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


def with_layers(offer: str, answer: str) -> str:
    """Take the camera's layers, of which aiortc knows nothing, as our server does."""
    rids = re.findall(r"a=rid:(\w+) send", offer)
    if not rids:
        return answer
    kept = [line for line in offer.splitlines() if line.endswith("rtp-stream-id")]
    taken = [*dict.fromkeys(kept), *(f"a=rid:{rid} recv" for rid in rids)]
    taken.append(f"a=simulcast:recv {';'.join(rids)}")
    before, camera = answer.split("m=video", 1)
    first, *others = camera.split("\r\nm=")
    return "\r\nm=".join([f"{before}m=video{first.rstrip()}\r\n" + "\r\n".join(taken), *others])


def notice(about: str, code: str = "no_common_picture_codec") -> Notice:
    return Notice(code=code, about=about, active=True, text="You share no picture codec.")


@contextlib.contextmanager
def on_stage(stage: Stage) -> Iterator[str]:
    """Serve the page from a thread of its own; yields its address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", stage.port))
    port = stage.port = listener.getsockname()[1]
    server = WebServer(create_app(stage), [listener])
    up = threading.Event()

    async def run() -> None:
        stage.loop = asyncio.get_running_loop()
        serving = stage.loop.create_task(server.run())
        await server.started()
        up.set()
        await serving
        await stage.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert up.wait(10)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        thread.join(10)

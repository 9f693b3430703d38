"""A simulated member: joins as a browser would, sends colour and tone, judges what it receives.

::

    member = SimulatedMember("Lajoux", (200, 40, 40), 440)
    await member.join("https://127.0.0.1:8443/", "4201")
    await member.until(lambda: member.sees((40, 200, 40)) and member.hears(660))
    await member.leave()
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from sfu.probe.ice import reach, spread_candidates
from sfu.probe.picture import Colour, Painter, Seen, alike, read
from sfu.probe.signalling import Message, Signalling, Standing, open_signalling
from sfu.probe.sound import Ear, Schedule, Voice, always
from sfu.probe.track import Camera, Microphone
from sfu.shell.tasks import spawn

PATIENCE_S: Final = 15.0
LOOK_S: Final = 0.05


class Refused(Exception):
    """The server said no; the code is that of docs/protocol.md."""

    def __init__(self, code: str) -> None:
        """Remember the code."""
        super().__init__(code)
        self.code = code


@dataclass
class Eye:
    """One received picture place."""

    frames: int = 0
    seen: Seen | None = None
    """The last picture."""
    at: float = 0.0
    """When it came, monotonic seconds."""
    sizes: set[tuple[int, int]] = field(default_factory=set)

    def see(self, seen: Seen) -> None:
        """Take a decoded picture's reading."""
        self.frames, self.seen, self.at = self.frames + 1, seen, time.monotonic()
        self.sizes.add((seen.width, seen.height))


class SimulatedMember:
    """One participant with a colour and a tone of its own."""

    def __init__(
        self,
        name: str,
        colour: Colour,
        tone_hz: float,
        *,
        speaks: Schedule = always,
        size: tuple[int, int] = (640, 360),
        fps: int = 15,
        codec: str = "H264",
    ) -> None:
        """Describe it; `codec` is the camera's first choice, "H264" or "VP8"."""
        self.name, self.colour, self.tone_hz = name, colour, tone_hz
        self.standing = Standing()
        self.eyes: dict[str, Eye] = {}
        """By mid."""
        self.ears: dict[str, Ear] = {}
        self.joined_at = 0.0
        self._camera = Camera(Painter(name, colour, *size), fps)
        self._microphone = Microphone(Voice(tone_hz, speaks))
        self._codec = codec
        self._peer = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._signalling: Signalling | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._layouts: asyncio.Queue[Message] = asyncio.Queue()
        self._places = 0

    async def join(self, url: str, room: str, pin: str | None = None) -> None:
        """Join and wait until media flows; raises `Refused`, or TimeoutError after 15 s."""
        reach(urlsplit(url).hostname or "")
        async with asyncio.timeout(PATIENCE_S):
            self._signalling = await open_signalling(url)
            self._start("signalling", self._follow(self._signalling))
            await self._signalling.say(
                "join", room=room, name=self.name, **({"pin": pin} if pin else {})
            )
            await self.until(lambda: bool(self.standing.member or self.standing.refusals))
            if self.standing.refusals:
                code = self.standing.refusals[0]
                await self.leave()
                raise Refused(code)
            await self._negotiate(await self._layouts.get())
            await self._signalling.say("state", microphone=True, camera=True)
            await self.until(lambda: self._peer.connectionState == "connected")
        self.joined_at = time.monotonic()
        self._start("layout", self._grow())

    async def listen(self, forwarded: int) -> None:
        """Ask for 3 or 1 voices side by side, or 0 for the mix."""
        assert self._signalling
        await self._signalling.say("sound", forwarded=forwarded)

    async def leave(self) -> None:
        """Say goodbye and let go of everything."""
        if self._signalling:
            with contextlib.suppress(Exception):
                await self._signalling.say("leave")
        await self.vanish()

    async def vanish(self) -> None:
        """Be gone without a word, as after a power cut."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._peer.close()
        if self._signalling:
            await self._signalling.close()

    async def until(self, holds: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Wait until something holds; TimeoutError if it does not."""
        async with asyncio.timeout(timeout_s):
            while not holds():  # noqa: ASYNC110 - a law over many frames, no single event
                await asyncio.sleep(LOOK_S)

    def sees(self, colour: Colour) -> bool:
        """Tell whether a place shows this colour now: a picture of the last second."""
        now = time.monotonic()
        return any(
            eye.seen is not None and now - eye.at < 1.0 and alike(eye.seen.colour, colour)
            for eye in self.eyes.values()
        )

    def hears(self, hz: float) -> bool:
        """Tell whether a place sounds with this tone now, in its last half second."""
        now = time.monotonic()
        return any(now - ear.at < 1.0 and ear.hears(hz) for ear in self.ears.values())

    def shown(self) -> dict[str, Colour]:
        """Return the colour at each member's place, by name, as the signalling tells places."""
        return {
            self.standing.names.get(member, member): eye.seen.colour
            for mid, member in self.standing.pictures.items()
            if member and (eye := self.eyes.get(mid)) and eye.seen
        }

    def _start(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(spawn(f"{self.name}: {what}", work))

    async def _follow(self, signalling: Signalling) -> None:
        async for message in signalling.hear():
            self.standing.take(message)
            match message.get("type"):
                case "answer" | "refused":
                    self._answers.put_nowait(message)
                case "layout":
                    self._layouts.put_nowait(message)

    async def _grow(self) -> None:
        while True:
            layout = await self._layouts.get()
            if layout["pictures"] > self._places:
                await self._negotiate(layout)

    async def _negotiate(self, layout: Message) -> None:
        """Offer what the layout asks for: the senders first, then the places."""
        if not self._peer.getTransceivers():
            self._peer.addTransceiver(self._microphone, direction="sendonly")
            camera = self._peer.addTransceiver(self._camera, direction="sendonly")
            camera.setCodecPreferences(_preferring(self._codec))
            for _ in range(layout["wide"] + layout["narrow"] + layout["mix"]):
                self._peer.addTransceiver("audio", direction="recvonly")
        for _ in range(self._places, layout["pictures"]):
            self._peer.addTransceiver("video", direction="recvonly")
        self._places = max(self._places, layout["pictures"])
        await self._peer.setLocalDescription(await self._peer.createOffer())
        assert self._signalling
        while not self._answers.empty():
            self._answers.get_nowait()
        await self._signalling.say("offer", sdp=self._peer.localDescription.sdp)
        answer = await self._answers.get()
        if answer["type"] == "refused":
            raise Refused(answer["code"])
        described = RTCSessionDescription(spread_candidates(answer["sdp"]), "answer")
        await self._peer.setRemoteDescription(described)
        self._open_places()

    def _open_places(self) -> None:
        for transceiver in self._peer.getTransceivers():
            mid, track = transceiver.mid, transceiver.receiver.track
            if transceiver.direction != "recvonly" or track is None or mid is None:
                continue
            if track.kind == "video" and mid not in self.eyes:
                self.eyes[mid] = Eye()
                self._start(f"eye {mid}", self._watch(track, self.eyes[mid]))
            elif track.kind == "audio" and mid not in self.ears:
                self.ears[mid] = Ear()
                self._start(f"ear {mid}", self._hear(track, self.ears[mid]))

    async def _watch(self, track: MediaStreamTrack, eye: Eye) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                eye.see(read(np.asarray(frame.to_ndarray(format="yuv420p"), dtype=np.uint8)))

    async def _hear(self, track: MediaStreamTrack, ear: Ear) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.AudioFrame)
                channels = len(frame.layout.channels)
                samples = frame.to_ndarray().reshape(-1, channels)[:, 0].astype(np.int16)
                ear.hear(samples, frame.sample_rate, time.monotonic())


def _preferring(codec: str) -> list[Any]:
    codecs = RTCRtpSender.getCapabilities("video").codecs
    return sorted(codecs, key=lambda one: one.mimeType != f"video/{codec}")

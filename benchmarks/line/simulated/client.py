"""One simulated browser in a meeting, from its join to its end."""

import asyncio
import contextlib
import json
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.line import camera as filmed
from benchmarks.line.simulated import description as sdp
from benchmarks.line.simulated import film
from benchmarks.line.simulated.camera import CLOCK_HZ, FPS, Camera, Layer
from benchmarks.line.simulated.ears import Arrivals, Stream
from sfu.media.rtp import extension, ntp, packet
from sfu.media.rtp.rtcp import compound
from sfu.media.rtp.rtcp.feedback import Fir, Pli
from sfu.media.rtp.rtcp.report import SenderReport
from sfu.model import Ssrc
from sfu.shell.tasks import spawn

LOOK_S, FEEDBACK_S, REPORT_S, PING_S = 0.25, 0.05, 1.0, 5.0
GAP_S = 0.0045
"""Between two packets of a picture: a pacer of some 2 Mbit/s."""
MICROPHONE_SSRC, CAMERA_SSRC = 100, 200


class Transport(RTCDtlsTransport):
    """aiortc's DTLS with plain packets in and out."""

    on_rtp: Callable[[bytes], None]
    on_rtcp: Callable[[bytes], None]

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self.on_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self.on_rtcp(data)

    async def say(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await self._send_rtp(data)


class Member:
    """Joins, sends, counts."""

    def __init__(self, site: int, folder: Path, *, loud: bool) -> None:
        self._name = f"Site {site}"
        height = filmed.LARGE[1]
        frames = film.pictures(folder, site)
        self._camera = Camera(
            [
                Layer(rid, CAMERA_SSRC + 1000 * site + n, height // film.LAYERS[rid], frames[rid])
                for n, rid in enumerate(film.LAYERS)
            ]
        )
        self._voice = film.speech(folder, site, loud=loud)
        self._voice_ssrc = Ssrc(MICROPHONE_SSRC + 1000 * site)
        self._spoken = 0
        self._streams: dict[int, Stream] = {}
        self._arrivals = Arrivals()
        self._numbers = 0
        self._waiting: deque[packet.RtpPacket] = deque()
        self._rows: list[dict[str, Any]] = []
        self._told: list[dict[str, Any]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._socket: ClientConnection | None = None
        self._transport: Transport | None = None

    # ---- signalling

    async def join(self, host: str, room: str) -> None:
        """Join and begin to send."""
        context = ssl._create_unverified_context()  # the benchmark's own server
        self._socket = await connect(f"wss://{host}/ws", ssl=context, max_size=1 << 20)
        await self._say("join", room=room, name=self._name)
        await self._until("joined")
        layout = await self._until("layout")
        gatherer = RTCIceGatherer(iceServers=[])
        await gatherer.gather()
        ours = gatherer.getLocalParameters()
        ice = RTCIceTransport(gatherer)
        ice._connection.ice_controlling = True
        transport = self._transport = Transport(ice, [RTCCertificate.generateCertificate()])
        transport.on_rtp, transport.on_rtcp = self._take, self._take_reports
        prints = transport.getLocalParameters().fingerprints
        sha = next(one for one in prints if one.algorithm == "sha-256")
        assert ours.usernameFragment
        assert ours.password
        own = sdp.Own(ours.usernameFragment, ours.password, f"sha-256 {sha.value}")
        sounds = layout["wide"] + layout["narrow"] + layout["mix"]
        pictures = max(3, layout["pictures"])
        text = sdp.offer(own, sounds, pictures, [one.rid for one in self._camera.layers])
        await self._say("offer", sdp=text)
        theirs = sdp.read((await self._until("answer"))["sdp"], host.partition(":")[0])
        for ssrc, mid in theirs.places.items():
            self._streams[ssrc] = Stream(mid, "audio" if int(mid) < 2 + sounds else "video")
        await ice.addRemoteCandidate(
            RTCIceCandidate(1, "1", theirs.host, theirs.port, 1, "udp", "host")
        )
        await ice.addRemoteCandidate(None)
        await ice.start(RTCIceParameters(theirs.ufrag, theirs.password, iceLite=True))
        transport._set_role("client" if theirs.setup == "passive" else "server")
        prints = [RTCDtlsFingerprint(*theirs.fingerprint)]
        await transport.start(RTCDtlsParameters(prints))
        sizes = [
            {"rid": one.rid, "height": one.height, "fps": FPS, "temporals": 1}
            for one in self._camera.layers
        ]
        await self._say("state", microphone=True, camera=True, layers=sizes)
        for name, work in {
            "hear": self._hear(), "speak": self._every(0.02, self._speak),
            "show": self._every(1 / FPS, self._show), "pace": self._pace(),
            "feed": self._every(FEEDBACK_S, self._feed_back),
            "report": self._every(REPORT_S, self._report),
            "look": self._every(LOOK_S, self._look), "ping": self._every(PING_S, self._ping),
        }.items():  # fmt: skip
            self._tasks.append(spawn(f"simulated {name}", work))

    async def end(self) -> dict[str, Any]:
        """Leave; return what a page would have noted."""
        await self._look()
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            await self._say("leave")
        if self._socket:
            await self._socket.close()
        if self._transport:
            await self._transport.stop()
            await self._transport.transport.stop()
        return {"rows": self._rows, "told": self._told}

    async def _say(self, kind: str, **fields: Any) -> None:
        assert self._socket
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def _until(self, kind: str) -> dict[str, Any]:
        assert self._socket
        async for text in self._socket:
            message: dict[str, Any] = json.loads(text)
            self._note(message)
            if message["type"] == kind:
                return message
            if message["type"] in ("refused", "ended"):
                raise RuntimeError(str(message))
        raise RuntimeError("the server hung up")

    async def _hear(self) -> None:
        assert self._socket
        async for text in self._socket:
            self._note(json.loads(text))

    def _note(self, message: dict[str, Any]) -> None:
        if message["type"] == "send":
            self._camera.obey(message["camera"])
        if "sdp" not in message and message["type"] != "pong":
            message.pop("resume", None)
            self._told.append({"at": time.time(), "message": message})

    async def _ping(self) -> None:
        await self._say("ping")

    # ---- what it sends

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        began, turns = time.monotonic(), 0
        while True:
            await work()
            turns += 1
            await asyncio.sleep(max(0.0, began + turns * seconds - time.monotonic()))

    async def _speak(self) -> None:
        place = self._spoken % len(self._voice.packets)
        level = self._voice.levels[place]
        talks = extension.AudioLevel(level, level < 60).compose()
        await self._send(
            packet.RtpPacket(
                sdp.OPUS, self._spoken & 0xFFFF, self._spoken * 960 & 0xFFFFFFFF,
                self._voice_ssrc, self._voice.packets[place],
                extensions={sdp.LEVEL: talks, sdp.MID: sdp.MICROPHONE.encode()},
            )
        )  # fmt: skip
        self._spoken += 1

    async def _show(self) -> None:
        timestamp = int(time.monotonic() * CLOCK_HZ) & 0xFFFFFFFF
        for layer in self._camera.layers:
            names = {sdp.MID: sdp.CAMERA.encode(), sdp.RID: layer.rid.encode()}
            for payload, last in layer.picture():
                layer.sequence = layer.sequence + 1 & 0xFFFF
                self._waiting.append(
                    packet.RtpPacket(
                        sdp.VP8, layer.sequence, timestamp, Ssrc(layer.ssrc), payload,
                        marker=last, extensions=names,
                    )
                )  # fmt: skip

    async def _pace(self) -> None:
        while True:
            if self._waiting:
                await self._send(self._waiting.popleft())
            await asyncio.sleep(GAP_S)

    async def _send(self, one: packet.RtpPacket) -> None:
        assert self._transport
        self._numbers = self._numbers + 1 & 0xFFFF
        stamps = {
            sdp.TRANSPORT_CC: self._numbers.to_bytes(2),
            sdp.SEND_TIME: extension.compose_abs_send_time(time.monotonic()),
        }
        extensions = {**one.extensions, **stamps}
        await self._transport.say(
            packet.compose(
                packet.RtpPacket(
                    one.payload_type, one.sequence, one.timestamp, one.ssrc, one.payload,
                    one.marker, extensions=extensions,
                )
            )
        )  # fmt: skip

    async def _report(self) -> None:
        assert self._transport
        now = ntp.from_unix(time.time())
        timestamp = int(time.monotonic() * CLOCK_HZ) & 0xFFFFFFFF
        for layer in self._camera.layers:
            if layer.max_bps:
                told = SenderReport(Ssrc(layer.ssrc), now, timestamp, layer.packets, layer.octets)
                await self._transport.say(compound.compose([told]))
        octets = self._spoken * 80
        spoken = SenderReport(self._voice_ssrc, now, self._spoken * 960, self._spoken, octets)
        await self._transport.say(compound.compose([spoken]))

    # ---- what it receives

    def _take(self, data: bytes) -> None:
        now = time.monotonic()
        one = packet.parse(data)
        if number := one.extensions.get(sdp.TRANSPORT_CC):
            self._arrivals.take(int.from_bytes(number), now)
        stream = self._streams.get(one.ssrc)
        if stream is not None:
            stream.take(one, now)

    def _take_reports(self, data: bytes) -> None:
        for one in compound.parse(data):
            match one:
                case Pli():
                    self._camera.wish(one.media)
                case Fir():
                    for ssrc, _ in one.entries:
                        self._camera.wish(ssrc)

    async def _feed_back(self) -> None:
        assert self._transport
        told = self._arrivals.feedback(next(iter(self._streams), 0))
        if told is not None:
            await self._transport.say(compound.compose([told]))

    async def _look(self) -> None:
        streams = [one.row() for one in self._streams.values() if one.packets]
        self._rows.append({"at": time.time(), "streams": streams, "sent": [], "paths": []})

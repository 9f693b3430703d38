"""A room codec in two halves: SIPp signals what the scenario says, this process plays and listens.

SIPp writes any text but decodes nothing; here its media ports are ours, so that what the server
sends is decoded and looked at, packet by packet.  It plays packets a real encoder made, in a loop,
deaf to every wish for a key frame.  A scenario goes on by a cue, a MESSAGE in its own call::

    SIPp    INVITE, 200, ACK ... <recv request="MESSAGE"/> ... re-INVITE ... BYE
    Unit    play, sees, hears        cue()
"""

import asyncio
import contextlib
import functools
import itertools
import socket
import struct
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pylibsrtp

from tests.interop import fixtures, hearing, old_picture
from tests.interop.fixtures import Identity
from tests.interop.nat import Behind
from tests.interop.sipp import SCENARIOS
from tests.interop.turns import CUE, asks, hears
from tests.interop.wait import until

MODE_0 = ("a=rtpmap:98 H264/90000", "a=fmtp:98 profile-level-id=42801f")
MODE_1 = ("a=rtpmap:97 H264/90000", "a=fmtp:97 profile-level-id=42801f;packetization-mode=1")
SOUND_PT, DIGIT_PT = 9, 101
SSRCS = {"video": 0x1111, "audio": 0x2222}
STEP_S = 0.01
DIGITS = "0123456789*#"


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet to be sent; its number is given when it is."""

    at: float
    mark: bool
    pt: int
    timestamp: int
    payload: bytes


@dataclass
class Srtp:
    """What seals and opens the packets of a call (libsrtp), by "audio" and "video"."""

    sending: dict[str, pylibsrtp.Session]
    receiving: dict[str, pylibsrtp.Session] = field(default_factory=dict)

    def open(self, kind: str, data: bytes) -> bytes:
        """Return an RTP packet in the clear, "" for what is none of ours or is RTCP."""
        if kind not in self.receiving or len(data) < 12 or 64 <= data[1] & 0x7F < 96:
            return b""
        try:
            return self.receiving[kind].unprotect(data)
        except pylibsrtp.Error:
            return b""


@dataclass
class Unit:
    """One call of SIPp, and its media."""

    who: Identity
    home: Path
    server_port: int
    modes: tuple[int, ...] = (1,)
    """Packetization modes it offers."""
    sends: int = 1
    """The mode its encoder is in."""
    silent: bool = False
    picture_pt: int = 0
    """Number its picture is sent with; 0: that of its mode in our own scenarios."""
    old: old_picture.Old | None = None
    """H.263 or H.261 instead of H.264."""
    transport: str = "u1"
    """SIPp's -t: u1 for UDP, t1 for TCP."""
    call_id: str = ""
    """"" for one of ours."""
    srtp: "Srtp | None" = None
    """Keys of both directions, where the call has any."""
    host: str = "127.0.0.1"
    server_host: str = "127.0.0.1"
    nat: Behind | None = None
    """Where it stands, if not on this host's own network."""
    port: int = 0
    process: asyncio.subprocess.Process | None = field(default=None, init=False)
    got: dict[str, deque[tuple[float, bytes]]] = field(default_factory=dict, init=False)
    """RTP packets that came, by "audio" and "video"."""
    _socks: dict[str, socket.socket] = field(default_factory=dict, init=False)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list, init=False)
    _numbers: dict[str, Iterator[int]] = field(
        default_factory=lambda: {kind: itertools.count(1) for kind in SSRCS}, init=False
    )
    _cues: Iterator[int] = field(default_factory=lambda: itertools.count(1), init=False)
    _begin: float = field(default=0.0, init=False)
    _pressing: bool = field(default=False, init=False)

    async def call(self, scenario: str, room: str, **words: str) -> None:
        """Run a scenario; `words` stand for @NAMES@ in it."""
        self.home.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(self._prepare)
        for kind in ("audio", "video"):
            self._open(kind)
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        described = {
            "ROOM": room,
            "NAME": self.who.name,
            "AUDIO": str(self._port_of("audio")),
            "VIDEO": str(self._port_of("video")),
            "FORMATS": " ".join(str(98 - mode) for mode in self.modes),
            "MODE_0": "\n".join(MODE_0),
            "EXTRA": "",
            "PROFILE": "RTP/AVP",
            "SOUND_KEYS": "",
            "PICTURE_KEYS": "",
            "MORE": "",
            "THEN": "",
            "END": CUE + asks("BYE", 900) + hears(200),
            "MAPS": "\n".join("\n".join(MODE_1 if mode else MODE_0) for mode in self.modes),
            **words,
        }
        for _ in range(2):  # a word may hold others
            for name, value in described.items():
                text = text.replace(f"@{name}@", value)
        (self.home / "scenario.xml").write_text(text, encoding="latin-1")
        prefix = ("ip", "netns", "exec", self.nat.namespace) if self.nat else ()
        self.process = await asyncio.create_subprocess_exec(
            *prefix, "sipp", f"{self.server_host}:{self.server_port}", "-sf", "scenario.xml",
            "-m", "1", "-aa", "-i", self.host, "-p", str(self.port), "-mp", str(self.port + 6),
            "-nostdin", "-t", self.transport, "-max_socket", "64",
            "-cid_str", self.call_id or f"{self.who.name}-%u", "-trace_err", "-trace_msg",
            "-message_file", "messages.txt", "-error_file", "errors.txt",
            cwd=self.home,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    def _socket(self) -> socket.socket:
        with self.nat.entered() if self.nat else contextlib.nullcontext():
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def _open(self, kind: str) -> None:
        sock = self._socket()
        sock.setblocking(False)
        sock.bind((self.host, self._port_of(kind)))
        self._socks[kind] = sock
        self.got[kind] = deque(maxlen=6000)
        asyncio.get_running_loop().add_reader(sock, self._receive, kind)

    def _port_of(self, kind: str) -> int:
        return self.port + {"audio": 2, "video": 4, "camera": 14}[kind]

    def _receive(self, kind: str) -> None:
        try:
            while True:
                data = self._socks[kind].recv(2048)
                if self.srtp is not None:
                    data = self.srtp.open(kind, data)
                self._came(kind, data)
        except BlockingIOError:
            pass

    def _came(self, kind: str, data: bytes) -> None:
        self.got[kind].append((time.monotonic(), data))

    # ---- signalling

    @property
    def messages(self) -> str:
        """What SIPp sent and received."""
        path = self.home / "messages.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    async def signalled(self, text: str, seconds: float = 10) -> None:
        """Wait until this text was sent or received."""
        try:
            await until(lambda: text in self.messages, seconds, f"{text!r} in the signalling")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.messages[-3000:]}") from None

    def cue(self) -> None:
        """Let the scenario go on."""
        text = (
            "MESSAGE sip:cue@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9\r\n"
            f"From: <sip:cue@127.0.0.1>;tag=c\r\nTo: <sip:cue@127.0.0.1>\r\n"
            f"Call-ID: {self.call_id or f'{self.who.name}-1'}\r\n"
            f"CSeq: {next(self._cues)} MESSAGE\r\n"
            "Content-Length: 0\r\n\r\n"  # SIPp takes the same text again for a retransmission
        )
        with self._socket() as sock:
            sock.sendto(text.encode(), (self.host, self.port))

    async def ends(self, seconds: float = 15) -> None:
        """Wait for the scenario's end; all must have come as it says."""
        assert self.process is not None
        try:
            code = await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            raise TimeoutError(f"the scenario goes on:\n{self.messages[-3000:]}") from None
        errors = self.home / "errors.txt"
        told = errors.read_text(errors="replace") if errors.exists() else ""
        assert code == 0, f"SIPp ended with {code}:\n{told[-1500:]}\n{self.messages[-2500:]}"

    # ---- the camera over there (H.224, RFC 4573)

    def camera_lines(self) -> str:
        """Open a port for it, and return the line that offers it, for @MORE@."""
        self._open("camera")
        return (
            f"\nm=application {self._port_of('camera')} RTP/AVP 100\na=rtpmap:100 H224/4800"
            "\na=sendrecv"
        )

    def press_camera(self, frame: bytes, number: int) -> None:
        """Send one H.224 frame to where the server takes it."""
        end = "RTP/AVP 100"
        said = [line for line in self.messages.splitlines() if line.endswith(end)]
        ports = [line.split()[1] for line in said if line.startswith("m=application ")]
        head = struct.pack("!BBHII", 0x80, 0x80 | 100, number, number * 900, 0x0CA)
        to = int(ports[-1])
        assert to != self._port_of("camera"), self.messages[-2000:]
        self._socks["camera"].sendto(head + frame, (self.server_host, to))

    def camera_moves(self) -> list[bytes]:
        """Return the H.224 frames that came, in their order."""
        return [data[12:] for _, data in self.got["camera"] if len(data) > 12]

    # ---- playing

    async def play(self) -> None:
        """Send picture and sound to where the server said; again, after a change of `sends`."""
        await asyncio.to_thread(self._prepare)
        for task in self._tasks:
            task.cancel()
        await self.signalled("m=video", 10)
        await until(lambda: len(self._targets()) == 2, 10, "the server's ports")
        self._tasks.append(asyncio.get_running_loop().create_task(self._play()))

    def _targets(self) -> dict[str, int]:
        found = {}
        for block in self.messages.split("----------------------------------------------- "):
            if "message received" not in block[:200]:
                continue
            for line in block.splitlines():
                if line.startswith(("m=audio ", "m=video ")):
                    kind, port = line[2:].split()[:2]
                    if int(port):  # else refused, as slides are
                        found[kind] = int(port)
        return found

    async def _play(self) -> None:
        to = self._targets()
        streams = [
            ("video", _loop(self._pictures(), self._picture_pt())),
        ]
        if not self.silent:
            streams.append(("audio", _loop(sound_packets(self.who), SOUND_PT)))
        ahead = {kind: next(stream) for kind, stream in streams}
        self._begin = time.monotonic()
        while True:
            at = time.monotonic() - self._begin
            for kind, stream in streams:
                while ahead[kind].at <= at:
                    if kind == "video" or not self._pressing:
                        self._send(kind, ahead[kind], to[kind])
                    ahead[kind] = next(stream)
            await asyncio.sleep(STEP_S)

    def _prepare(self) -> None:
        self._pictures()
        sound_packets(self.who)

    def _pictures(self) -> list[tuple[float, bytes]]:
        if self.old is not None:
            return old_picture.packets(self.who, self.old)
        return picture_packets(self.who, self.sends)

    def _picture_pt(self) -> int:
        return self.picture_pt or (self.old.pt if self.old else 98 - self.sends)

    def _send(self, kind: str, packet: "Packet", port: int) -> None:
        head = struct.pack(
            "!BBHII", 0x80, packet.mark << 7 | packet.pt, next(self._numbers[kind]) % 65536,
            packet.timestamp, SSRCS[kind],
        )  # fmt: skip
        data = head + packet.payload
        if self.srtp is not None:
            data = self.srtp.sending[kind].protect(data)
        self._socks[kind].sendto(data, (self.server_host, port))

    async def press(self, keys: str) -> None:
        """Press keys by RFC 4733: three packets down, three with the end bit, sound cut off."""
        port = self._targets()["audio"]
        self._pressing = True
        for key in keys:
            timestamp = round((time.monotonic() - self._begin) * 8_000) % 2**32
            for duration, end in ((160, 0), (320, 0), (480, 0), (640, 1), (640, 1), (640, 1)):
                event = struct.pack("!BBH", DIGITS.index(key), end << 7 | 10, duration)
                mark = duration == 160
                self._send("audio", Packet(0, mark, DIGIT_PT, timestamp, event), port)
                await asyncio.sleep(0.02)
        self._pressing = False

    async def press_tones(self, keys: str) -> None:
        """Press keys as tones in the sound: 100 ms each, 100 ms of silence between."""
        port = self._targets()["audio"]
        payloads = await asyncio.to_thread(key_tones, keys)
        self._pressing = True
        begin = time.monotonic()
        for number, payload in enumerate(payloads):
            await asyncio.sleep(begin + number * 0.02 - time.monotonic())
            timestamp = round((begin - self._begin) * 8_000) + number * 160
            self._send("audio", Packet(0, False, SOUND_PT, timestamp % 2**32, payload), port)
        self._pressing = False

    # ---- listening

    def colour(self) -> tuple[float, ...]:
        """Return the median (R, G, B) of the picture that came last, () for none that decodes."""
        pixels = self.pixels()
        return () if pixels is None else tuple(np.median(pixels.reshape(-1, 3), axis=0))

    def loudness(self, seconds: float = 1.0) -> float:
        """Return the RMS of the last sound that came, 1 being the loudest."""
        samples = self._samples(seconds)
        return float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0

    def forget(self) -> None:
        """Judge what comes from now on alone."""
        for packets in self.got.values():
            packets.clear()

    def nal_types(self) -> set[int]:
        """Return the payload structures that came: 1-23 single NALs, 24 STAP-A, 28 FU-A."""
        return {payload[0] & 0x1F for _, payload in self.rtp("video") if payload}

    def rtp(self, kind: str) -> Iterator[tuple[tuple[int, int, int, int], bytes]]:
        """Yield ((PT, sequence number, timestamp, SSRC), payload) of what came."""
        for _, data in list(self.got[kind]):
            if len(data) > 12 and data[0] >> 6 == 2 and not 64 <= data[1] & 0x7F < 96:
                head = struct.unpack_from("!BHII", data, 1)
                yield (head[0] & 0x7F, *head[1:]), data[12 + 4 * (data[0] & 15) :]

    def picture(self) -> str:
        """Return whose picture came last, "" for none that decodes."""
        if self.old is not None:
            return old_picture.picture((body for _, body in self.rtp("video") if body), self.old)
        colour = self.colour()
        return hearing.nearest(colour) if colour else ""

    def pixels(self) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None":
        """Return (height, width, 3) of the picture that came last, None where none decodes."""
        nals = list(_nals(payload for _, payload in self.rtp("video")))
        sets = [at for at, nal in enumerate(nals) if nal[0] & 0x1F == 7]
        if not sets:
            return None
        decoder = av.CodecContext.create("h264", "r")
        data = b"".join(b"\0\0\0\1" + nal for nal in nals[sets[-1] :])
        try:
            frames = [one for packet in decoder.parse(data) for one in decoder.decode(packet)]
        except av.FFmpegError:
            return None
        return np.asarray(frames[-1].to_ndarray(format="rgb24")) if frames else None

    def heard(self, seconds: float = 2.0) -> set[str]:
        """Return whose tones are in the last seconds of sound that came."""
        return hearing.heard(self._samples(seconds), 16_000)

    def _samples(self, seconds: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        payloads = [body for head, body in self.rtp("audio") if head[0] == SOUND_PT]
        decoder = av.CodecContext.create("g722", "r")
        samples = [
            frame.to_ndarray().ravel()
            for body in payloads[-int(seconds * 50) :]
            for frame in decoder.decode(av.Packet(body))
        ]
        if not samples:
            return np.zeros(0)
        return np.concatenate(samples).astype(np.float64) / 32768

    async def sees(self, who: Identity | None, seconds: float = 15) -> None:
        wanted = who.name if who else ""
        await until(lambda: self.picture() == wanted, seconds, f"{wanted!r} in {self.who}", 0.3)

    async def hears(self, *people: Identity, seconds: float = 15) -> None:
        wanted = {who.name for who in people}
        await until(lambda: self.heard() == wanted, seconds, f"{wanted} in {self.who}", 0.3)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for sock in self._socks.values():
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def _nals(payloads: Iterator[bytes]) -> Iterator[bytes]:
    """Undo the packetization of RFC 6184; NAL units that lost a piece are left out."""
    building = b""
    for payload in payloads:
        kind = payload[0] & 0x1F
        if kind == 24:
            rest = payload[1:]
            while len(rest) > 2:
                size = int.from_bytes(rest[:2])
                yield rest[2 : 2 + size]
                rest = rest[2 + size :]
        elif kind == 28:
            if payload[1] & 0x80:
                building = bytes([payload[0] & 0xE0 | payload[1] & 0x1F])
            building += payload[2:]
            if payload[1] & 0x40:
                yield building
        elif 1 <= kind <= 23:
            yield payload


@functools.cache
def picture_packets(who: Identity, mode: int) -> list[tuple[float, bytes]]:
    """Return (time in s, RTP packet) of eight seconds of H.264.

    Mode 0: slices of at most 1,100 bytes, single NAL units; mode 1: whole frames, STAP-A and FU-A.
    """
    x264 = "slice-max-size=1100" if mode == 0 else "slices=1"
    flags = ["-rtpflags", "h264_mode0"] if mode == 0 else []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(1.5)
        encoder = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-t", "8", "-i", str(fixtures.picture_mp4(who)), "-an",
             "-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-g", "50",
             "-b:v", "400k", "-x264-params", x264 + ":sliced-threads=0",
             "-bsf:v", "dump_extra", "-payload_type", "97", *flags,
             "-f", "rtp", f"rtp://127.0.0.1:{sock.getsockname()[1]}?pkt_size=1200"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        packets: list[bytes] = []
        more = True
        while more:
            more = encoder.poll() is None
            with contextlib.suppress(TimeoutError):
                while True:
                    packets.append(sock.recv(2048))
    packets = [data for data in packets if data[1] & 0x7F == 97]
    first = struct.unpack_from("!I", packets[0], 4)[0]
    return [
        ((struct.unpack_from("!I", data, 4)[0] - first) % 2**32 / 90_000, data) for data in packets
    ]


@functools.cache
def sound_packets(who: Identity) -> list[tuple[float, bytes]]:
    """Return (time in s, RTP packet) of eight seconds of G.722 in packets of 20 ms."""
    data = subprocess.run(
        ["ffmpeg", "-v", "error", "-t", "8", "-i", fixtures.tone_wav(who, 16000),
         "-c:a", "g722", "-f", "g722", "-"],
        check=True, capture_output=True, timeout=60,
    ).stdout  # fmt: skip
    return [
        (at / 8000, struct.pack("!BBHII", 0x80, SOUND_PT, at // 160, at, 0) + data[at : at + 160])
        for at in range(0, len(data) - 159, 160)
    ]


@functools.cache
def key_tones(keys: str) -> list[bytes]:
    """Return these keys as DTMF, G.722 payloads of 20 ms."""
    tones = ((697, 770, 852, 941), (1209, 1336, 1477))
    gap = "anullsrc=r=16000:cl=mono:d=0.1"
    parts = []
    for key in keys:
        place = "123456789*0#".index(key)
        low, high = tones[0][place // 3], tones[1][place % 3]
        parts += [f"aevalsrc='0.2*sin(2*PI*{low}*t)+0.25*sin(2*PI*{high}*t)':s=16000:d=0.1", gap]
    chain = "".join(f"[{number}]" for number in range(len(parts)))
    data = subprocess.run(
        ["ffmpeg", "-v", "error", *(word for part in parts for word in ("-f", "lavfi", "-i", part)),
         "-filter_complex", f"{chain}concat=n={len(parts)}:v=0:a=1",
         "-c:a", "g722", "-f", "g722", "-"],
        check=True, capture_output=True, timeout=60,
    ).stdout  # fmt: skip
    return [data[at : at + 160] for at in range(0, len(data) - 159, 160)]


def _loop(packets: list[tuple[float, bytes]], pt: int) -> Iterator[Packet]:
    """Play packets for ever, their timestamps going on."""
    clock = 90_000 if pt != SOUND_PT else 8_000
    seconds = packets[-1][0] + (0.04 if pt != SOUND_PT else 0.02)
    for turn in itertools.count():
        for at, data in packets:
            when = turn * seconds + at
            mark = bool(data[1] & 0x80)
            yield Packet(when, mark, pt, round(when * clock) % 2**32, data[12:])

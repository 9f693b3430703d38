"""A room codec with a real H.264 encoder, in a process of its own: who is looked at.

    python -m benchmarks.camera serve SIP_PORT ROOM

It sends 25 pictures a second and a key frame only when asked (PLI or FIR), as codecs do.  When its
input ends it hangs up and prints how long each of those key frames took, in ms: from the wish's
arrival to the last packet, so the wait for the next picture is in it.
"""

import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.rtp import RTCP_PSFB_FIR, RTCP_PSFB_PLI, RtcpPacket, RtcpPsfbPacket

from benchmarks.caller import Caller
from sfu.probe.picture import Painter

FPS = 25
SIZE = (640, 360)
LOUD, QUIET = bytes([0xAA, 0x2A] * 80), bytes([0xD5] * 160)
"""20 ms of A-law: a buzz, and silence."""


class Camera:
    """Encodes and sends one call's picture and sound."""

    def __init__(self, caller: Caller) -> None:
        self.delays_ms: list[float] = []
        self._caller, self._encoder = caller, H264Encoder()
        self._painter = Painter("bench", (190, 60, 50), *SIZE)
        self._asked_at: float | None = None

    def run(self) -> None:
        """Send until standard input ends; the first picture is a key frame."""
        began = time.perf_counter()
        rtcp = self._caller.video.rtcp
        for number in range(1 << 30):
            due = began + number / FPS
            while (wait_s := due - time.perf_counter()) > 0:
                for ready in select.select([sys.stdin, rtcp], [], [], wait_s)[0]:
                    if ready is sys.stdin:
                        return
                    self._hear(rtcp.recv(2048))
            self._send(number)

    def _hear(self, data: bytes) -> None:
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_FIR, RTCP_PSFB_PLI):
                self._asked_at = self._asked_at or time.perf_counter()

    def _send(self, number: int) -> None:
        frame = av.VideoFrame.from_ndarray(self._painter.paint(number), format="yuv420p")
        frame.pts, frame.time_base = number * 90_000 // FPS, Fraction(1, 90_000)
        asked_at, self._asked_at = self._asked_at, None
        payloads, timestamp = self._encoder.encode(frame, force_keyframe=asked_at is not None)
        for payload in payloads:
            self._caller.video.send(payload, timestamp, mark=payload is payloads[-1])
        if asked_at is not None:
            self.delays_ms.append(1000 * (time.perf_counter() - asked_at))
        for half in range(2):
            talks = number // FPS % 4 < 3
            self._caller.audio.send(LOUD if talks else QUIET, 320 * number + 160 * half)


@contextmanager
def filming(server_port: int, room: str) -> Iterator[list[float]]:
    """Keep one in a room; the list holds its key frame delays in ms, once it has gone."""
    delays_ms: list[float] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.camera", "serve", str(server_port), room],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        process.stdout.readline()  # it is in
        yield delays_ms
        out, _ = process.communicate(timeout=10)
        delays_ms += map(float, out.split())
    finally:
        process.kill()
        process.wait()


def serve(server_port: int, room: str) -> None:
    caller = Caller(server_port, "camera")
    caller.dial(room)
    camera = Camera(caller)
    print("in", flush=True)
    camera.run()
    caller.hang_up()
    print(*camera.delays_ms)


if sys.argv[1:2] == ["serve"]:
    serve(int(sys.argv[2]), sys.argv[3])

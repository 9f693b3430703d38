r"""GStreamer as the media of a room codec of mode 0, behind SIPp's signalling.

::

    x264enc, slices -> rtph264pay \                          / rtph264depay -> avdec_h264 -> PNG
    avenc_g722 -> rtpg722pay ------ our ports, as the server -- rtpg722depay -> avdec_g722 -> WAV

Its packets pass through the ports of a `Unit` untouched: one process must hold a port to send and
receive on it.
"""

import asyncio
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop import hearing
from tests.interop.process import die_with_parent
from tests.interop.unit import SOUND_PT, Unit
from tests.interop.wait import until

PICTURE_PT = 98
SLICE_BYTES = 1100
FRAMES_A_SECOND = 25


@dataclass
class GstUnit(Unit):
    """A call of SIPp whose media GStreamer makes and takes."""

    pipelines: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)
    inner: dict[str, socket.socket] = field(default_factory=dict, init=False)
    """Where its packets come to us before they leave by the ports of the call."""
    to: dict[str, int] = field(default_factory=dict, init=False)
    sent_nals: set[int] = field(default_factory=set, init=False)
    """The payload structures its packetizer made."""

    async def play(self) -> None:
        """Begin to listen and to send, once the server has said where to."""
        await self.signalled("m=video", 10)
        await until(lambda: len(self._targets()) == 2, 10, "the server's ports")
        self.to = self._targets()
        for kind in ("audio", "video"):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            self.inner[kind] = sock
            asyncio.get_running_loop().add_reader(sock, self._send_on, kind)
        self._run("receive", self._receiver())
        self._run("send", self._sender())

    def _inward(self, kind: str) -> int:
        """Return the port GStreamer receives on."""
        return self._port_of(kind) + 10

    def _send_on(self, kind: str) -> None:
        try:
            while True:
                data = self.inner[kind].recv(4096)
                if kind == "video":
                    self.sent_nals.add(data[12] & 0x1F)
                self._socks[kind].sendto(data, ("127.0.0.1", self.to[kind]))
        except BlockingIOError:
            pass

    def _came(self, kind: str, data: bytes) -> None:
        super()._came(kind, data)
        self._socks[kind].sendto(data, ("127.0.0.1", self._inward(kind)))

    def _sender(self) -> str:
        colour = "0xff{:02x}{:02x}{:02x}".format(*self.who.rgb)
        size = "format=I420,width={},height={},framerate=" + f"{FRAMES_A_SECOND}/1"
        video, audio = (self.inner[kind].getsockname()[1] for kind in ("video", "audio"))
        return (
            "compositor name=both sink_1::xpos=30 sink_1::ypos=30 "
            f"! video/x-raw,{size.format(640, 360)} "
            "! x264enc tune=zerolatency speed-preset=veryfast bitrate=400 key-int-max=50 "
            f"option-string=slice-max-size={SLICE_BYTES}:sliced-threads=0 "
            "! video/x-h264,profile=constrained-baseline "
            f"! rtph264pay pt={PICTURE_PT} mtu=1200 config-interval=-1 aggregate-mode=none "
            f"! udpsink host=127.0.0.1 port={video} sync=false "
            f"videotestsrc is-live=true pattern=solid-color foreground-color={int(colour, 16)} "
            f"! video/x-raw,{size.format(640, 360)} ! both.sink_0 "
            # noise, so that frames weigh something and are cut into slices
            f"videotestsrc is-live=true pattern=snow ! video/x-raw,{size.format(160, 90)} "
            "! both.sink_1 "
            f"audiotestsrc is-live=true samplesperbuffer=320 freq={self.who.hz} volume=0.3 "
            "! audio/x-raw,rate=16000,channels=1 ! avenc_g722 "
            f"! rtpg722pay pt={SOUND_PT} min-ptime=20000000 max-ptime=20000000 "
            f"! udpsink host=127.0.0.1 port={audio} sync=false"
        )

    def _receiver(self) -> str:
        return (
            f"udpsrc address=127.0.0.1 port={self._inward('video')} caps=application/x-rtp,"
            f"media=video,clock-rate=90000,encoding-name=H264,payload={PICTURE_PT} "
            "! rtpjitterbuffer latency=100 ! rtph264depay ! avdec_h264 "
            "! videorate ! video/x-raw,framerate=4/1 ! videoconvert ! pngenc compression-level=1 "
            f"! multifilesink location={self.home}/seen-%05d.png max-files=20 "
            f"udpsrc address=127.0.0.1 port={self._inward('audio')} caps=application/x-rtp,"
            f"media=audio,clock-rate=8000,encoding-name=G722,payload={SOUND_PT} "
            "! rtpjitterbuffer latency=100 ! rtpg722depay ! avdec_g722 ! audioconvert "
            "! audio/x-raw,format=S16LE,channels=1 ! wavenc "
            f"! filesink location={self.home}/heard.wav buffer-mode=unbuffered"
        )

    def _run(self, name: str, pipeline: str) -> None:
        with open(self.home / f"gst-{name}.log", "wb") as log:
            self.pipelines.append(
                subprocess.Popen(
                    ["gst-launch-1.0", "-q", *pipeline.split()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    preexec_fn=die_with_parent,
                )
            )

    def picture(self) -> str:
        """Return whose picture GStreamer decoded last, "" for none."""
        found = sorted(self.home.glob("seen-*.png"))
        return hearing.seen(found[-2]) if len(found) > 1 else ""  # the last may be half written

    def heard(self, seconds: float = 2.0) -> set[str]:
        """Return whose tones are in the last seconds GStreamer decoded."""
        path: Path = self.home / "heard.wav"
        if not path.exists() or path.stat().st_size < 100:
            return set()
        return hearing.heard_at_the_end(path, seconds)

    def fails(self) -> str:
        """Return what the pipelines complained of."""
        return "".join(path.read_text(errors="replace") for path in self.home.glob("gst-*.log"))

    async def stop(self) -> None:
        for process in self.pipelines:
            process.kill()
            process.wait()
        for sock in self.inner.values():
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        await super().stop()

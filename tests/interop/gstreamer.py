r"""GStreamer as the media of a room codec of mode 0, behind SIPp's signalling.

::

    x264enc, slices -> rtph264pay \                          / rtph264depay -> avdec_h264 -> PNG
    avenc_g722 -> rtpg722pay ------ our ports, as the server -- rtpg722depay -> avdec_g722 -> WAV

Its packets pass through the ports of a `Unit` untouched: one process must hold a port to send and
receive on it.  With `dtls` they are encrypted by its dtlssrtpenc and dtlssrtpdec (libsrtp),
which agree on the keys with the server.
"""

import asyncio
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop import hearing
from tests.interop.baresip import make_certificate
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
    dtls: bool = False
    """Encrypt, with keys by a handshake that it begins: its elements answered none of ours."""

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
        if self.dtls:  # both directions of a connection are one process
            self._run("both", f"{self._receiver()} {self._sender()}")
        else:
            self._run("receive", self._receiver())
            self._run("send", self._sender())

    def keys(self) -> dict[str, str]:
        """Return the words of its scenario that tell of its encryption."""
        self.home.mkdir(parents=True, exist_ok=True)
        mark = certificate(self.home)
        lines = f"a=fingerprint:sha-256 {mark}", "a=setup:active", "a=rtcp-mux"
        keys = "".join(f"\n{line}" for line in lines)
        return {"PROFILE": "UDP/TLS/RTP/SAVP", "SOUND_KEYS": keys, "PICTURE_KEYS": keys}

    def _inward(self, kind: str) -> int:
        """Return the port GStreamer receives on."""
        return self._port_of(kind) + 10

    def _send_on(self, kind: str) -> None:
        try:
            while True:
                data = self.inner[kind].recv(4096)
                if kind == "video" and not self.dtls:
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
            f"{self._sealed('video')}! udpsink host=127.0.0.1 port={video} sync=false "
            f"videotestsrc is-live=true pattern=solid-color foreground-color={int(colour, 16)} "
            f"! video/x-raw,{size.format(640, 360)} ! both.sink_0 "
            # noise, so that frames weigh something and are cut into slices
            f"videotestsrc is-live=true pattern=snow ! video/x-raw,{size.format(160, 90)} "
            "! both.sink_1 "
            f"audiotestsrc is-live=true samplesperbuffer=320 freq={self.who.hz} volume=0.3 "
            "! audio/x-raw,rate=16000,channels=1 ! avenc_g722 "
            f"! rtpg722pay pt={SOUND_PT} min-ptime=20000000 max-ptime=20000000 "
            f"{self._sealed('audio')}! udpsink host=127.0.0.1 port={audio} sync=false"
        )

    def _receiver(self) -> str:
        return (
            f"udpsrc address=127.0.0.1 port={self._inward('video')} "
            f"{self._opened('video')} application/x-rtp,"
            f"media=video,clock-rate=90000,encoding-name=H264,payload={PICTURE_PT} "
            "! rtpjitterbuffer latency=100 ! rtph264depay ! avdec_h264 "
            "! videorate ! video/x-raw,framerate=4/1 ! videoconvert ! pngenc compression-level=1 "
            f"! multifilesink location={self.home}/seen-%05d.png max-files=20 "
            f"udpsrc address=127.0.0.1 port={self._inward('audio')} "
            f"{self._opened('audio')} application/x-rtp,"
            f"media=audio,clock-rate=8000,encoding-name=G722,payload={SOUND_PT} "
            "! rtpjitterbuffer latency=100 ! rtpg722depay ! avdec_g722 ! audioconvert "
            "! audio/x-raw,format=S16LE,channels=1 ! wavenc "
            f"! filesink location={self.home}/heard.wav buffer-mode=unbuffered"
        )

    def _sealed(self, kind: str) -> str:
        """Return what encrypts on the way out."""
        if not self.dtls:
            return ""
        return (
            f"! e{kind}.rtp_sink_0 dtlssrtpenc connection-id={kind} is-client=true "
            f"name=e{kind} e{kind}.src "
        )

    def _opened(self, kind: str) -> str:
        """Return what decrypts on the way in, up to the caps of what comes."""
        if not self.dtls:
            return "! capsfilter caps="
        return (
            f"! dtlssrtpdec connection-id={kind} pem=@PEM@ name=d{kind} "
            f"d{kind}.rtcp_src ! fakesink async=false d{kind}.rtp_src ! capsfilter caps="
        )

    def _run(self, name: str, pipeline: str) -> None:
        pem = self.home / "certificate.pem"
        words = [
            word.replace("@PEM@", f'"{pem.read_text()}"') if "@PEM@" in word else word
            for word in pipeline.split()
        ]
        with open(self.home / f"gst-{name}.log", "wb") as log:
            self.pipelines.append(
                subprocess.Popen(
                    ["gst-launch-1.0", "-q", *words],
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


def certificate(home: Path) -> str:
    """Make a certificate with its key in a folder; return its fingerprint (RFC 8122)."""
    made = make_certificate(home)
    (home / "certificate.pem").write_bytes(made.read_bytes())
    text = subprocess.run(
        ["openssl", "x509", "-in", str(made), "-noout", "-fingerprint", "-sha256"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return text.strip().partition("=")[2]

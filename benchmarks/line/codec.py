"""What stands behind a line beside the browser: a baresip as room codec, a TCP download."""

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.line import camera, voice
from benchmarks.line.lab import Lab, need
from benchmarks.line.scene import Scene
from benchmarks.line.systems.child import end

CONFIG = """\
poll_method epoll
sip_listen {host}:5060
net_interface eth0
audio_source aufile,{sound}
audio_player aubridge,a
audio_alert aufile,/dev/null
video_source avformat,{picture}
video_display fakevideo,nil
video_size 640x360
video_bitrate 600000
video_fps 25.00
videnc_format yuv420p
jitter_buffer_delay 5-10
rtp_stats yes
module_path {modules}
{module_lines}
module_tmp uuid.so
module_tmp account.so
module_app menu.so
"""
MODULES = "g722 g711 aufile aubridge sndfile avcodec fakevideo avformat swscale"
MEETING_S = 600
COUNTS = re.compile(rb"(packets|lost|errors|jitter|avg\. bitrate):\s+([\d.]+)\s+([\d.]+)")


@dataclass
class RoomCodec:
    """A baresip at a site, from its call to its BYE."""

    lab: Lab
    site: int
    uri: str
    kept: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def _log(self) -> Path:
        return self.kept / f"baresip-{self.site}.log"

    def start(self) -> None:
        need("baresip", "ffmpeg")
        home = self.lab.folder / f"baresip-{self.site}"
        home.mkdir()
        host = self.lab.address(self.site)
        media = camera.folder()
        text = CONFIG.format(
            host=host,
            sound=_long(voice.speech(media, self.site + 3)),
            picture=_film(media, self.site + 3),
            modules=_modules(),
            module_lines="\n".join(f"module {name}.so" for name in MODULES.split()),
        )
        (home / "config").write_text(text)
        (home / "contacts").write_text("")
        account = f"<sip:codec{self.site}@{host}:5060;transport=udp>;regint=0;answermode=auto\n"
        (home / "accounts").write_text(account)
        words = [*self.lab.words(self.site), "stdbuf", "-oL", "baresip", "-f", str(home), "-v"]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [*words, "-e", f"/dial {self.uri}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, cwd=home,
            )  # fmt: skip

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # it hangs up and prints what it counted
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                end(self._process)

    def report(self) -> dict[str, Any]:
        """Return what it counted: for sound, then picture, [sent, received] of each word."""
        blocks: list[dict[str, list[float]]] = []
        for name, sent, received in COUNTS.findall(self._log.read_bytes()):
            if name == b"packets":
                blocks.append({})
            if blocks:
                blocks[-1][name.decode()] = [float(sent), float(received)]
        return {"site": self.site, "streams": blocks}


@asynccontextmanager
async def calling(codecs: Sequence[RoomCodec]) -> AsyncIterator[None]:
    """Keep codecs in their meeting."""
    try:
        for one in codecs:
            await asyncio.to_thread(one.start)
        yield
    finally:
        for one in codecs:
            await asyncio.shield(asyncio.to_thread(one.stop))


@dataclass
class Download:
    """A TCP download to a site, from `begin` until `low` is over; of no site: none."""

    lab: Lab
    site: int
    lasts_s: float
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def _log(self) -> Path:
        return self.lab.folder / "iperf3.json"

    def listen(self) -> None:
        if self.site:
            need("iperf3")
            self._start(0, "-s", "-1", "-B", self.lab.core_address(self.site))

    def begin(self) -> None:
        if self.site:
            server, seconds = self.lab.core_address(self.site), f"{self.lasts_s:.0f}"
            words = ["-c", server, "-R", "-J", "--logfile", str(self._log), "-t", seconds]
            self._start(self.site, *words)

    def _start(self, site: int, *words: str) -> None:
        nothing = subprocess.DEVNULL
        command = [*self.lab.words(site), "iperf3", *words]
        self._processes.append(
            subprocess.Popen(
                command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
            )
        )

    def stop(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                end(process)

    def received_bytes(self) -> int:
        """Return what came of it, once it has ended by itself."""
        try:
            return int(json.loads(self._log.read_text())["end"]["sum_received"]["bytes"])
        except (OSError, ValueError, KeyError):
            return 0


@contextmanager
def downloading(lab: Lab, scene: Scene) -> Iterator[Download]:
    """Have a download ready, where the scene wants one."""
    steady, last = scene.phase("steady"), scene.phase("low") or scene.phases[-1]
    lasts_s = last.end - steady.begin if steady else 0.0
    download = Download(lab, scene.variant.bulk_site if steady else 0, lasts_s)
    download.listen()
    try:
        yield download
    finally:
        download.stop()


def _film(folder: Path, member: int) -> Path:
    """Return the member's picture as H.264, long enough for a meeting."""
    path = folder / f"codec-{camera.VERSION}-{member}.mp4"
    short = path.with_suffix(".short.mp4")
    if not path.exists():
        coded = ["-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-b:v", "900k"]
        _ffmpeg("-i", camera.film(folder, member), *coded, short)
        _ffmpeg("-stream_loop", "-1", "-i", short, "-c", "copy", "-t", str(MEETING_S), path)
    return path


def _long(path: Path) -> Path:
    """Return the sound long enough for a meeting: its end would end the call."""
    long = path.with_suffix(".long.wav")
    if not long.exists():
        _ffmpeg("-stream_loop", "-1", "-i", path, "-c", "copy", "-t", str(MEETING_S), long)
    return long


def _ffmpeg(*words: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True, timeout=120)


def _modules() -> Path:
    for folder in (Path("/usr/lib/baresip/modules"), *Path("/usr/lib").glob("*/baresip/modules")):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("baresip's modules are not installed")

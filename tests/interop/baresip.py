"""A real baresip as a room's codec: its own decoder and recorder say what arrived."""

import asyncio
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop import fixtures, hearing
from tests.interop.fixtures import Identity
from tests.interop.process import die_with_parent
from tests.interop.wait import until

CONFIG = """\
poll_method epoll
sip_listen {host}:{port}
{certificate}
net_interface {interface}
audio_source aufile,{sound}
audio_player aubridge,a
audio_alert aufile,/dev/null
video_source avformat,{picture}
video_display fakevideo,nil
video_size 640x360
video_bitrate {video_bps}
video_fps 25.00
videnc_format yuv420p
jitter_buffer_delay 5-10
rtp_stats yes
rtp_ports {rtp_low}-{rtp_high}
snd_path {home}
module_path {modules}
{module_lines}
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""
PNG_END = b"IEND\xaeB`\x82"
MODULES = (
    "g722 opus g711 aufile aubridge sndfile avcodec vp8 fakevideo avformat srtp dtls_srtp "
    "swscale snapshot"
)


@dataclass
class Baresip:
    """One user agent in a scratch home of its own."""

    who: Identity
    home: Path
    port: int
    host: str = "127.0.0.1"
    transport: str = "udp"
    account: str = ""
    """Further account parameters, say "mediaenc=srtp-mand"."""
    registrar: int = 0
    """Port of the server it registers with; 0: with none."""
    user: str = ""
    audio_rate: int = 16000
    silent: bool = False
    video_bps: int = 600_000
    prefix: tuple[str, ...] = ()
    """Words before the command: `ip netns exec ci1`."""
    interface: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    @property
    def uri(self) -> str:
        scheme = "sips" if self.transport == "tls" else "sip"
        port = self.port + 1 if self.transport == "tls" else self.port
        return f"{scheme}:{self.user or self.who.name.lower()}@{self.host}:{port}"

    @property
    def control_port(self) -> int:
        return self.port + 7

    def sound(self, *, silent: bool) -> Path:
        if silent:
            return fixtures.silence_wav(self.audio_rate)
        return fixtures.tone_wav(self.who, self.audio_rate)

    async def start(self) -> None:
        self.home.mkdir(parents=True)
        certificate = ""
        if self.transport == "tls":
            certificate = f"sip_certificate {make_certificate(self.home)}"
        modules = module_path()
        text = CONFIG.format(
            host=self.host,
            port=self.port,
            certificate=certificate,
            interface=self.interface or self.host,
            sound=self.sound(silent=self.silent),
            picture=fixtures.picture_mp4(self.who),
            video_bps=self.video_bps,
            rtp_low=self.port + 5000,
            rtp_high=self.port + 5090,
            home=self.home,
            modules=modules,
            control=self.control_port,
            module_lines="\n".join(f"module {name}.so" for name in MODULES.split()),
        )
        (self.home / "config").write_text(text)
        (self.home / "contacts").write_text("")
        user = self.user or self.who.name.lower()
        place = self.registrar or self.port
        account = f"<sip:{user}@{self.host}:{place};transport={self.transport}>"
        account += f";regint={60 if self.registrar else 0};answermode=auto"
        (self.home / "accounts").write_text(
            account + (f";{self.account}" if self.account else "") + "\n"
        )
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen(
                [*self.prefix, "stdbuf", "-oL", "baresip", "-f", str(self.home), "-v"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
                cwd=self.home,
            )
        await until(self._control_listens, 10, "baresip's control port")

    async def _control_listens(self) -> bool:
        try:
            await self.command("uuid")
        except OSError:
            return False
        return True

    async def command(self, command: str, params: str = "") -> str:
        """Send one command by netstring JSON; return the text of its response."""
        body = json.dumps({"command": command, "params": params, "token": "1"}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.control_port)
        try:
            writer.write(b"%d:%s," % (len(body), body))
            while True:
                size = int((await asyncio.wait_for(reader.readuntil(b":"), 5))[:-1])
                message = json.loads((await reader.readexactly(size + 1))[:-1])
                if message.get("response"):
                    return str(message.get("data", ""))
        finally:
            writer.close()

    async def dial(self, uri: str) -> None:
        await self.command("dial", uri)

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def speak(self, *, silent: bool) -> None:
        """Change the sound source in mid call."""
        await self.command("ausrc", f"aufile,{self.sound(silent=silent)}")

    async def picture(self) -> str:
        """Return whose picture it decodes now, "" for none."""
        path = self.home / f"seen-{time.monotonic_ns()}.png"
        await self.command("snapshot_recv", path.name)  # it cuts long paths, and stands in `home`
        try:
            await until(lambda: path.exists() and path.read_bytes().endswith(PNG_END), 3, "it")
        except TimeoutError:
            return ""
        return hearing.seen(path)

    def recording(self) -> Path | None:
        """The sound it decoded in its newest call."""
        found = sorted(self.home.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        return found[-1] if found else None

    def heard(self, seconds: float = 2.0) -> set[str]:
        """Return who is heard in its last seconds of decoded sound."""
        path = self.recording()
        return hearing.heard_at_the_end(path, seconds) if path else set()

    async def sees(self, who: Identity | None, seconds: float = 30) -> float:
        """Wait until the decoded picture is this one's; None: of nobody."""
        wanted = who.name if who else ""
        seen = "?"

        async def shown() -> bool:
            nonlocal seen
            seen = await self.picture()
            return seen == wanted

        try:
            return await until(shown, seconds, f"{self.who.name} seeing {wanted!r}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: saw {seen!r}") from None

    async def hears(self, *people: Identity, seconds: float = 30) -> float:
        """Wait until exactly these people's tones are in the decoded sound."""
        wanted = {who.name for who in people}
        try:
            return await until(
                lambda: self.heard() == wanted, seconds, f"{self.who.name} hearing {wanted}"
            )
        except TimeoutError as error:
            raise TimeoutError(f"{error}: heard {self.heard()}") from None

    def kill(self) -> None:
        """Vanish without a word."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    async def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            await until(
                lambda: self.process is None or self.process.poll() is not None, 5, "its end"
            )
        except TimeoutError:
            self.kill()


def make_certificate(home: Path) -> Path:
    """A self-signed key and certificate in one file."""
    key, certificate, both = home / "key.pem", home / "crt.pem", home / "key+crt.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj", "/CN=127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both


def module_path() -> Path:
    """Where the distribution keeps baresip's modules."""
    for folder in (Path("/usr/lib/baresip/modules"), *Path("/usr/lib").glob("*/baresip/modules")):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("baresip's modules are not installed")

"""The server under test: the real command, on ports and in a data directory of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.process import die_with_parent
from tests.interop.wait import until


@dataclass
class Server:
    """`sfu serve` as a child; what it prints goes to `log`."""

    home: Path
    base: int
    """First of its ports: SIP at base, base+1 (TLS), HTTP at +2 (TLS), +3, H.323 at +5, +6."""
    settings: str = ""
    """More TOML, appended to ours."""
    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    webrtc: str = ""
    """More lines under [webrtc]."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def sip_port(self) -> int:
        return self.base

    @property
    def page(self) -> str:
        return f"https://127.0.0.1:{self.base + 2}"

    @property
    def page_ipv6(self) -> str:
        return f"https://[::1]:{self.base + 2}"

    @property
    def local(self) -> str:
        return f"http://127.0.0.1:{self.base + 3}"

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    def records(self) -> list[dict[str, object]]:
        """The log's lines, which are JSON."""
        rows = []
        for line in self.log.splitlines():
            if line.startswith("{"):
                rows.append(json.loads(line))
        return rows

    def sip(self, user: str) -> str:
        return f"sip:{user}@127.0.0.1:{self.base}"

    def sips(self, user: str) -> str:
        return f"sip:{user}@127.0.0.1:{self.base + 1}"  # baresip adds transport=tls itself

    def h323(self, number: str) -> str:
        return f"h323:{number}@127.0.0.1:{self.base + 5}"

    def configuration(self) -> str:
        return f"""
[http]
tls_port = {self.base + 2}
local_port = {self.base + 3}
[sip]
udp_port = {self.base}
tcp_port = {self.base}
tls_port = {self.base + 1}
[h323]
port = {self.base + 5}
ras_port = {self.base + 6}
h245_ports = "{self.base + 910}-{self.base + 999}"
[webrtc]
udp_port = {self.base + 4}
{self.webrtc}
[rtp]
first_port = {self.base + 10}
last_port = {self.base + 909}
[log]
format = "json"
level = "debug"
{self.settings}
"""

    async def start(self) -> None:
        """Start it and wait until it says it is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        path = self.home / "sfu.toml"
        path.write_text(self.configuration())
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "sfu", "serve", "--config", str(path),
                 "--data", str(self.home / "data")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
                env={**os.environ, **self.environment},
            )  # fmt: skip
        try:
            await until(self._ready, 20, "the server's /readyz")
        except TimeoutError:
            raise TimeoutError(f"the server did not start:\n{self.log[-3000:]}") from None

    async def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log}")
        return await asyncio.to_thread(self.answers, "/readyz")

    def answers(self, path: str) -> bool:
        """Tell whether this path answers 200 now."""
        try:
            with urllib.request.urlopen(self.local + path, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def get(self, path: str) -> str:
        """Return the text at a path of the loopback port."""
        with urllib.request.urlopen(self.local + path, timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """Return a metric summed over its labels; 0 if it has no sample."""
        total = 0.0
        for line in self.get("/metrics").splitlines():
            if line.startswith((name + " ", name + "{")):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def pids(self) -> list[int]:
        """The server's process and all its descendants."""
        assert self.process is not None
        found, frontier = [self.process.pid], [self.process.pid]
        while frontier:
            pid = frontier.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                children = [int(word) for word in task.read_text().split()]
                found += children
                frontier += children
        return found

    def pss_bytes(self) -> int:
        """Proportional set size of the server and its workers."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total

    async def stop(self) -> int:
        """End it politely; return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(self.process.wait, 10)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.wait()

    def kill(self) -> None:
        """End it without a word, its workers with it."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

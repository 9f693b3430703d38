"""A relay: Debian's coturn, on loopback, letting in by the secret it shares with the server."""

import shutil
import subprocess
from pathlib import Path

from tests.interop.process import die_with_parent
from tests.interop.wait import until

RELAYS_FROM = "127.0.0.2"
"""The address its relayed datagrams come from: what tells them from a browser's own."""


class Coturn:
    """One turnserver; `log` holds what it said."""

    def __init__(self, home: Path, port: int, secret: str) -> None:
        self.port, self.secret = port, secret
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self._home / "log").read_text(errors="replace")

    async def start(self) -> None:
        """Start it and wait until it listens."""
        program = shutil.which("turnserver")
        assert program is not None, "coturn is not installed"
        self._home.mkdir(parents=True)
        words = [
            program, "-n", "--listening-ip=127.0.0.1", f"--listening-port={self.port}",
            f"--relay-ip={RELAYS_FROM}", "--min-port=42000", "--max-port=42999",
            "--use-auth-secret", f"--static-auth-secret={self.secret}", "--realm=test.invalid",
            "--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers", "--log-file=stdout",
            "--verbose", f"--pidfile={self._home}/pid", f"--userdb={self._home}/userdb",
        ]  # fmt: skip
        with open(self._home / "log", "wb") as log:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        await until(lambda: "TCP listener opened" in self.log, 10, "coturn's listener")

    async def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

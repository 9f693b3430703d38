"""CallGen323, simph323 and GnuGk: H.323 programs that share no code with ours, built by hand.

No package has them; docs/interop.md tells how they were built.  The environment names them::

    CALLGEN323=.../callgen323 SIMPH323=.../simph323 GNUGK=.../gnugk
    LD_LIBRARY_PATH=... PTLIBPLUGINDIR=...

Each test plays in a network namespace of its own, where everybody has an address and the ports of
the standard.
"""

import asyncio
import os
import signal
import subprocess
import wave
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.interop.fixtures import MOREZ
from tests.interop.network import apart
from tests.interop.process import die_with_parent
from tests.interop.server import Server
from tests.interop.test_h323 import WRONG, read
from tests.interop.wait import until

CALLGEN = os.environ.get("CALLGEN323", "")
SIMPH323 = os.environ.get("SIMPH323", "")
GNUGK = os.environ.get("GNUGK", "")
US, GATEKEEPER, UNIT, OTHER = "10.98.0.1", "10.98.0.2", "10.98.0.3", "10.98.0.4"
PORT, BASE = 1720, 15_000

callgen_built = pytest.mark.skipif(
    not CALLGEN, reason="the environment names no such program: docs/interop.md"
)
simph323_built = pytest.mark.skipif(
    not SIMPH323, reason="the environment names no such program: docs/interop.md"
)
PLUGINS = os.environ.get("PTLIBPLUGINDIR", "").split(":")
h263_built = pytest.mark.skipif(
    not any(list(Path(one).glob("*h263*")) for one in PLUGINS if one),
    reason="PTLIBPLUGINDIR has no such plugin",
)
gnugk_built = pytest.mark.skipif(
    not (CALLGEN and GNUGK), reason="the environment names no such program: docs/interop.md"
)

TRACE = {"PTLIB_TRACE_CODECS": "4", "PTLIB_TRACE_CODECS_USER_PLANE": "4"}
"""What their codecs encode and decode is printed."""
MEMBERS, CALLS = 'sfu_members{protocol="h323"}', 'sfu_calls{protocol="h323"}'
ENDS = 'sfu_call_ends_total{protocol="h323",reason="%s"}'


class Program:
    """One of them, as a child; what it prints goes to a file."""

    def __init__(self, home: Path, name: str, *words: str) -> None:
        self._log = home / f"{name}.log"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
                cwd=home,
                env={**os.environ, **TRACE},
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def says(self, words: str, times: int = 1, seconds: float = 20) -> float:
        """Wait until it has printed this so often; return the seconds that took."""
        return await until(lambda: self.log.count(words) >= times, seconds, f"{words!r}")

    def send(self, number: int) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End it without a word."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        self.process.wait()

    def enter(self) -> None:
        """Press Enter: CallGen323 hangs up all it has."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()


class Scene:
    """A server, the programs and what passes between them, in one namespace."""

    def __init__(self, home: Path, stack: AsyncExitStack) -> None:
        self.home, self._stack, self._count = home, stack, 0

    async def serve(self, settings: str = "", **environment: str) -> Server:
        """Start our server, at the ports of the standard."""
        self._count += 1
        environment = {"SFU_H323__PORT": str(PORT), "SFU_H323__RAS_PORT": "1719", **environment}
        server = Server(
            self.home / f"server-{self._count}",
            BASE,
            f'[network]\nlisten = ["{US}"]\n{settings}',
            environment=environment,
        )
        self._stack.push_async_callback(server.stop)
        await server.start()
        return server

    def callgen(
        self,
        *words: str,
        host: str = UNIT,
        user: str = "7001",
        gatekeeper: str = "",
        password: str = "",
        keep: str = "",
    ) -> Program:
        """Start CallGen323; `keep` names a folder for what it hears."""
        self._count += 1
        options = ["-i", host, "-u", user, "-O", str(tone(self.home))]
        options += ["-g", gatekeeper] if gatekeeper else ["-n"]
        options += ["-p", password] if password else []
        options += ["-I", keep] if keep else []
        made = Program(self.home, f"callgen-{self._count}", CALLGEN, *options, *words)
        self._stack.callback(made.kill)
        return made

    def simph323(self, *words: str) -> Program:
        """Start the sample program of H323Plus; it has no sound card."""
        self._count += 1
        options = ["-n", "-i", UNIT, "-S", "-s", "Null Audio", "-u", "7001"]
        made = Program(self.home, f"simph323-{self._count}", SIMPH323, *options, *words)
        self._stack.callback(made.kill)
        return made

    def program(self, name: str, *words: str) -> Program:
        """Start any other."""
        self._count += 1
        made = Program(self.home, f"{name}-{self._count}", *words)
        self._stack.callback(made.kill)
        return made

    def gnugk(self, routing: str) -> Program:
        """Start GnuGk: our server needs its password, others need none."""
        settings = self.home / "gnugk.ini"
        settings.write_text(f"""[Gatekeeper::Main]
Name=gnugk
Home={GATEKEEPER}
TimeToLive=60
UseBroadcastListener=0
EncryptAllPasswords=0
TraceLevel=3
[GkStatus::Auth]
rule=allow
[Gatekeeper::Auth]
SimplePasswordAuth=optional;RRQ
default=allow
[SimplePasswordAuth]
sfu=secret
{routing}
""")
        self._count += 1
        made = Program(self.home, f"gnugk-{self._count}", GNUGK, "-c", str(settings), "-ttt")
        self._stack.callback(made.kill)
        return made

    async def listen(self, also: str = "udp port 1719") -> Path:
        """Have tcpdump write down all signalling that passes, and what else is wanted."""
        path = self.home / "calls.pcap"
        words = ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-s", "0", "-w", str(path)]
        words += [f"tcp portrange 1024-65535 or udp port 1719 or {also}"]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(words, preexec_fn=die_with_parent, **quiet)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        await until(lambda: path.exists() and path.stat().st_size >= 24, 10, "tcpdump")
        return path


def play(home: Path, story: Callable[[Scene], Coroutine[Any, Any, None]], seconds: float) -> None:
    """Play a story in a namespace where each of the four has its address."""

    async def whole() -> None:
        async with AsyncExitStack() as stack:
            await story(Scene(home, stack))

    def inside() -> None:
        for host in (US, GATEKEEPER, UNIT, OTHER):
            words = ["ip", "address", "add", f"{host}/32", "dev", "lo"]
            subprocess.run(words, check=True, timeout=10)
        asyncio.run(asyncio.wait_for(whole(), seconds))

    apart(inside)


def judge(capture: Path) -> None:
    """Assert that tshark finds what passed whole: signalling, H.245 and RAS."""
    assert read(capture, "q931", "frame.number"), "nothing was captured"
    assert read(capture, f"({WRONG}) && ip.src == {US}", "_ws.expert") == []


def tone(home: Path) -> Path:
    """Make what CallGen323 plays: the tone of `MOREZ`, for ten minutes."""
    path = home / "tone.wav"
    if not path.exists():
        at = np.arange(8_000 * 10)
        samples = (8_000 * np.sin(2 * np.pi * MOREZ.hz * at / 8_000)).astype("<i2").tobytes()
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8_000)
            for _ in range(60):
                file.writeframes(samples)
    return path


def heard(folder: Path) -> float:
    """Return the loudest second of what CallGen323 wrote down, as a share of full scale."""
    loudest = 0.0
    for path in folder.iterdir():
        octets = path.read_bytes()[44:]
        samples = np.frombuffer(octets[: len(octets) // 2 * 2], "<i2").astype(float) / 32_768
        whole = samples[: len(samples) // 8_000 * 8_000].reshape(-1, 8_000)
        if len(whole):
            loudest = max(loudest, float(np.sqrt((whole**2).mean(axis=1)).max()))
    return loudest

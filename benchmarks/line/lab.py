"""The emulated lines of one run: made, changed, read and always taken away again."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.line.scene import DELAY_MS, OVERHEAD_BYTES, QUEUE_MS, RATE_BPS
from benchmarks.machine import ROOT

PREFIX = "lb"
PERIOD_S = 0.25
CLONE_NEWNET = 0x40000000
PROGRAM = ROOT / "tests" / "lab" / "sdsl.py"
FIRST = 'echo -15 2>/dev/null >/proc/self/autogroup; exec "$@"'
"""A session is scheduled as one (sched(7)): this one before the machine's other work."""
_libc = ctypes.CDLL(None, use_errno=True)


class Missing(Exception):
    """What this machine lacks for the benchmark, in words for who started it."""


def need(*programs: str) -> None:
    """Raise Missing unless we are root and these programs are installed."""
    if os.geteuid():
        raise Missing("network namespaces take root: run it as root")
    for program in programs:
        if not shutil.which(program):
            package = {"ip": "iproute2", "chrt": "util-linux"}.get(program, program)
            raise Missing(f"{program} is not installed: apt-get install {package}")


class Lab:
    """A context: so many lines, a core where servers run, a site behind each line."""

    def __init__(self, sites: int) -> None:
        need("ip", "ethtool", "chrt", "chromium")
        self.sites = sites
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        # the emulator writes between two packets: a disk would hold the lines up
        self.folder = Path(tempfile.mkdtemp(prefix="sfu-line-", dir=memory))
        self._run = self.folder / "lines"
        self._inside: dict[str, ThreadPoolExecutor] = {}

    def __enter__(self) -> "Lab":
        words = f"--sites {self.sites} --atm --overhead {OVERHEAD_BYTES} --rate {RATE_BPS}"
        words += f" --delay-ms {DELAY_MS} --queue-ms {QUEUE_MS} --period-ms {PERIOD_S * 1e3}"
        try:
            self._sdsl("up", *words.split(), "--realtime", "--history")
        except BaseException:
            self._away()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._away()

    def _away(self) -> None:
        for pool in self._inside.values():
            pool.shutdown(wait=False, cancel_futures=True)
        self._sdsl("down")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _sdsl(self, verb: str, *words: str) -> None:
        where = ["--prefix", PREFIX, "--run-dir", str(self._run)]
        done = subprocess.run(
            [sys.executable, str(PROGRAM), verb, *where, *words], capture_output=True, text=True
        )
        if done.returncode:
            raise Missing(done.stderr.strip() or done.stdout.strip())

    def namespace(self, site: int) -> str:
        """Return the name of a site's namespace; 0: the core."""
        return f"{PREFIX}{site or 'core'}"

    def words(self, site: int) -> list[str]:
        """Return what goes before a command that shall run there, in a session of its own."""
        return ["sh", "-c", FIRST, "sh", "ip", "netns", "exec", self.namespace(site)]

    def core_address(self, site: int) -> str:
        """Return how a site reaches the server."""
        return f"10.77.{site}.1"

    def address(self, site: int) -> str:
        return f"10.77.{site}.2"

    def inside(self, site: int) -> ThreadPoolExecutor:
        """Return a thread that stands in a namespace: what opens sockets in it."""
        name = self.namespace(site)
        if name not in self._inside:
            self._inside[name] = ThreadPoolExecutor(1, initializer=_enter, initargs=(name,))
        return self._inside[name]

    def change(self, settings: dict[str, Any]) -> None:
        """Give all lines new settings, now."""
        control = os.open(self._run / "ctl", os.O_WRONLY | os.O_NONBLOCK)
        with os.fdopen(control, "w") as stream:
            stream.write(json.dumps(settings) + "\n")

    def history(self) -> list[dict[str, Any]]:
        """Return all statistics so far, oldest first, one row a period."""
        text = (self._run / "history.jsonl").read_text()
        return [json.loads(row) for row in text.splitlines() if row.endswith("}")]


def _enter(namespace: str) -> None:
    with open(f"/run/netns/{namespace}") as handle:
        if _libc.setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")

"""What a browser's way bears on a line that loses: UDP beside TCP on the page's port.

A room codec beside the server sends a picture of 1 Mbit/s; a real Chromium watches behind an
emulated line of 2 Mbit/s with 15 ms each way (`tests/lab/sdsl.py`), which loses nothing, then 2 of
100 packets, at random, both ways.  Counted as in `ways`.

    python -m benchmarks.lossy [SECONDS]
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import async_playwright
from tests.interop.chromium import EXECUTABLE, Visitor
from tests.interop.fixtures import ANNE
from tests.interop.server import Server

from benchmarks.line.lab import CLONE_NEWNET, PROGRAM, Missing, _libc, need
from benchmarks.machine import noted
from benchmarks.ways import BASE, ROOM, SETTINGS, Codec, Result, drop, pictures, watched

SECONDS, BPS = 15.0, 1_000_000
LOSSES, WAYS = (0.0, 0.02), ("udp", "tcp")
PREFIX, CORE, SITE = "lw", "lwcore", "lw1"
WORDS = "--sites 1 --rate 2e6 --delay-ms 15 --queue-ms 200 --realtime"


def lines(verb: str, run: Path, *words: str) -> None:
    where = ["--prefix", PREFIX, "--run-dir", str(run)]
    done = subprocess.run(
        [sys.executable, str(PROGRAM), verb, *where, *words], capture_output=True, text=True
    )
    if done.returncode:
        raise Missing(done.stderr.strip() or done.stdout.strip())


def enter(namespace: str) -> None:
    """Stand in a namespace from now on, with all threads and programs that are started."""
    with open(f"/run/netns/{namespace}") as handle:
        if _libc.setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(f"cannot enter {namespace}")


async def by(way: str, home: Path, film: list[list[bytes]], seconds: float) -> Result:
    """Have a codec beside the server and a browser behind the line meet."""
    home.mkdir(parents=True)
    browser = home / "chromium"
    browser.write_text(f'#!/bin/sh\nexec ip netns exec {SITE} {EXECUTABLE} "$@"\n')
    browser.chmod(0o700)
    async with AsyncExitStack() as stack:
        server = Server(home / "server", BASE, SETTINGS)
        stack.push_async_callback(server.stop)
        await server.start()
        rule = ("-p", "udp", "--dport", str(BASE + 4))
        if way == "tcp":
            drop(*rule)
            stack.callback(subprocess.run, ["iptables", "-w", "-F", "INPUT"], check=True)
        codec = await asyncio.to_thread(Codec, BASE, film)
        codec.start()
        stack.callback(codec.stop)
        playwright = await stack.enter_async_context(async_playwright())
        visitor = Visitor(ANNE, playwright, str(browser))
        stack.push_async_callback(visitor.close)
        await visitor.open(f"https://10.77.1.1:{BASE + 2}/?room={ROOM}&sound=raw")
        await visitor.join()
        return await watched(way, server, visitor, codec, seconds)


def main() -> None:
    try:
        need("ip", "ethtool", "iptables", "chromium", "ffmpeg")
    except Missing as missing:
        print(f"left out: {missing}")
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    print("| loss | way | sent kbit/s | received | pictures a second | frozen | jitter buffer ms |"
          " CPU of a core | engine us | loop ms p50 / p99 / max |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    with noted(), tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        film = pictures(home, BPS)
        lines("up", home / "lines", *WORDS.split())
        before = os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            enter(CORE)
            for loss in LOSSES:
                lines("set", home / "lines", f"loss={loss}")
                for way in WAYS:
                    told = asyncio.run(by(way, home / f"{way}-{loss}", film, seconds))
                    print(f"| {loss:.0%} {told}", flush=True)
        finally:
            _libc.setns(before, CLONE_NEWNET)
            os.close(before)
            lines("down", home / "lines")


if __name__ == "__main__":
    main()

"""What a running meeting and honest calls notice while strangers attack the SIP ports.

For each attack of `storm`, against the real server with four room codecs in a meeting:

    far end        p50/p99 in us of forwarded packets, from before send to the receive stamp
    call           INVITE to 200 of a listed room codec, and of one nobody listed, in ms
    loop           round trip of GET /healthz in ms: what browsers' RTCP, DTLS and the page wait
    CPU, PSS       of the server's Python thread, of its engine; MB grown meanwhile

    python -m benchmarks.attack [SECONDS [KIND ...]]
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.interop.server import Server

from benchmarks.call import BASE_PORT, Quiet
from benchmarks.caller import HOST, Caller
from benchmarks.latency import Traffic, cpu_s, play, stamped
from benchmarks.machine import noted
from benchmarks.storm import ACCOUNT, KINDS

SECONDS, MEMBERS = 8.0, 4
STRANGER = "127.0.0.77"
"""No setting lists it; it behaves."""
PAUSE_S = 0.3
SETTINGS = f'[[account]]\nuser = "{ACCOUNT}"\npassword = "nobody guesses this"\n'
AIM_P99_US, AIM_CALL_MS, AIM_GROWTH_MB = 5000, 500, 40


def child(*words: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def witness(sip: int, http: int, seconds: float) -> dict[str, list[float]]:
    """Call in turns from both addresses, and ask the page's server, until time is over."""
    took: dict[str, list[float]] = {"listed": [], "stranger": [], "loop": []}
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.perf_counter()
            urllib.request.urlopen(f"http://{HOST}:{http}/healthz", timeout=10).read()
            took["loop"].append(1000 * (time.perf_counter() - began))
            time.sleep(0.01)

    asking = threading.Thread(target=ask)
    asking.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, host in (("listed", HOST), ("stranger", STRANGER)):
            caller = Caller(sip, f"honest-{name}", host)
            try:
                took[name].append(1000 * caller.dial("4301"))
                caller.hang_up()
            except (TimeoutError, ConnectionError):
                took[name].append(float("inf"))
            time.sleep(PAUSE_S)
    over.set()
    asking.join()
    return took


def middle(times: Sequence[float]) -> str:
    """Write median, 99th percentile and maximum."""
    if not times:
        return "-"
    ordered = sorted(times)
    most = ordered[len(ordered) * 99 // 100], ordered[-1]
    return f"{statistics.median(ordered):.1f}/{most[0]:.1f}/{most[1]:.1f}"


def refusals(server: Server) -> dict[str, float]:
    found = {}
    for row in server.get("/metrics").splitlines():
        if row.startswith("sfu_sip_refused_total{"):
            found[row.partition('reason="')[2].partition('"')[0]] = float(row.rsplit(" ", 1)[1])
    return found


def through(server: Server, kind: str, seconds: float) -> None:
    """Attack for so long, and print what everybody noticed."""
    callers = [Caller(server.sip_port, f"codec{index}") for index in range(MEMBERS)]
    for caller in callers:
        caller.dial("4400")
    viewers = [stamped(caller.video.rtp) for caller in callers[1:]]
    before, held = refusals(server), server.pss_bytes()
    storm = (
        child("benchmarks.storm", "send", kind, server.sip_port, seconds + 2)
        if kind in KINDS
        else None
    )
    seeing = child("benchmarks.attack", "witness", server.sip_port, server.base + 3, seconds + 1)
    cpu, began = [0.0, 0.0], time.monotonic()

    def warm() -> None:
        nonlocal began
        cpu[:], began = cpu_s(server), time.monotonic()

    result = play(Traffic(callers, viewers), seconds, warm)
    lasted_s = time.monotonic() - began
    parts = [(now - then) / lasted_s for now, then in zip(cpu_s(server), cpu, strict=True)]
    took = json.loads(seeing.communicate(timeout=60)[0])
    sent = storm.communicate(timeout=60)[0].strip() if storm is not None else "0"
    grown_mb = (server.pss_bytes() - held) / 2**20
    for caller in callers:
        caller.hang_up()
    after = refusals(server)
    refused = {one: round(after[one] - before[one]) for one in after if after[one] > before[one]}
    # strangers share what is left when all of them together are too many
    calls = [*took["listed"], *(took["stranger"] if kind != "everywhere" else [])]
    met = (
        result.p99 < AIM_P99_US and statistics.median(calls) < AIM_CALL_MS
        and grown_mb < AIM_GROWTH_MB
    )  # fmt: skip
    print(
        f"{kind:12} sent {sent:>9}  far end {result.p50:5.0f}/{result.p99:<6.0f} lost {result.lost}"
        f"  call {middle(took['listed'])}, stranger's {middle(took['stranger'])}"
        f"  loop {middle(took['loop'])} ms\n"
        f"    CPU {parts[0]:.0%}, engine {parts[1]:.1%}  PSS {grown_mb:+.1f} MB"
        f"  {'met' if met else 'MISSED'}  refused {refused}",
        flush=True,
    )


async def run(seconds: float, kinds: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        server = Quiet(Path(name) / "home", BASE_PORT, SETTINGS)
        await server.start()
        try:
            print("far end p50/p99 in us; calls and loop median/99%/max in ms")
            for kind in ("nothing", *kinds, "nothing"):
                await asyncio.to_thread(through, server, kind, seconds)
                await asyncio.sleep(1)
        finally:
            await server.stop()


def main() -> None:
    if sys.argv[1:2] == ["witness"]:
        print(json.dumps(witness(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
        return
    with noted():
        seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
        asyncio.run(run(seconds, sys.argv[2:] or list(KINDS)))


if __name__ == "__main__":
    main()

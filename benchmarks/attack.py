"""What a running meeting and honest calls notice while strangers attack our ports.

For each attack of `storm`, against the real server with four room codecs in a meeting:

    far end        p50/p99 in us of forwarded packets, from before send to the receive stamp
    engine         the same of the engine itself: kernel's receive stamp to after the send call
    elsewhere      both again while the same storm goes to `decoy`, another program: what is the
                   machine's own, whose two cores attacker, victim and meeting share
    call           INVITE to 200 of a listed room codec, and of one nobody listed, in ms
    loop           round trip of GET /healthz in ms: what browsers' RTCP, DTLS and the page wait
    CPU, PSS       of the server's Python thread, of its engine; MB grown meanwhile

A real attacker sits on another machine, so storms have the lowest priority here; and so do real
codecs, so the thread that plays them runs at a real-time one below the engine's where it may.

    python -m benchmarks.attack [SECONDS [KIND ...]]
"""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.interop.server import Server

from benchmarks.call import BASE_PORT, Quiet
from benchmarks.caller import HOST, Caller
from benchmarks.latency import Result, Traffic, buckets, cpu_s, play, quantile, stamped
from benchmarks.machine import noted
from benchmarks.storm import ACCOUNT, KINDS

SECONDS, MEMBERS = 8.0, 4
RATE, LOWEST, PLAYERS = 5000.0, 19, 5
DECOY_PORT = 27_000
STRANGER = "127.0.0.77"
"""No setting lists it; it behaves."""
PAUSE_S = 0.3
REFUSED = {"sfu_sip_refused_total": "", "sfu_web_refused_total": "web_"}
SETTINGS = f'[[account]]\nuser = "{ACCOUNT}"\npassword = "nobody guesses this"\n'
AIM_P99_US, AIM_CALL_MS, AIM_GROWTH_MB = 5000, 500, 40


def child(*words: object, nice: int = 0) -> "subprocess.Popen[str]":
    command = ["nice", "-n", str(nice), sys.executable, "-m", *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def attack(kind: str, port: int, seconds: float, rate: float = RATE) -> "subprocess.Popen[str]":
    return child("benchmarks.storm", "send", kind, port, seconds, rate, nice=LOWEST)


def in_real_time() -> None:
    """Let the calling thread play codecs whatever else runs; without the right to, it does not."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(PLAYERS))


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
    """Count what was refused, by reason: SIP's and H.323's, "web_..." for the page's."""
    found = {}
    for row in server.get("/metrics").splitlines():
        name, _, labels = row.partition("{")
        if name in REFUSED:
            reason = labels.partition('reason="')[2].partition('"')[0]
            found[REFUSED[name] + reason] = float(row.rsplit(" ", 1)[1])
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """A meeting's packets, in us."""

    far: Result
    engine: tuple[float, float]
    """p50 and p99; between the bounds of its buckets they are guessed."""
    cpu: tuple[float, float]

    def __str__(self) -> str:
        far, (half, most) = self.far, self.engine
        return f"far end {far.p50:5.0f}/{far.p99:<6.0f} engine {half:4.0f}/{most:<5.0f}"


def watch(server: Server, traffic: Traffic, seconds: float) -> Seen:
    """Play the meeting for so long."""
    before: list[list[float]] = []
    cpu, began = [0.0, 0.0], time.monotonic()

    def warm() -> None:
        nonlocal began
        before.append(buckets(server)[1])
        cpu[:], began = cpu_s(server), time.monotonic()

    traffic.sent, traffic.counting = 0, False
    traffic.times_us.clear()
    far = play(traffic, seconds, warm)
    lasted_s = time.monotonic() - began
    parts = [(now - then) / lasted_s for now, then in zip(cpu_s(server), cpu, strict=True)]
    bounds, after = buckets(server)
    grown = [now - then for now, then in zip(after, before[0], strict=True)]
    engine = quantile(bounds, grown, 0.5), quantile(bounds, grown, 0.99)
    return Seen(far, engine, (parts[0], parts[1]))


def elsewhere(server: Server, traffic: Traffic, kind: str, seconds: float) -> Seen:
    """Play the meeting while another program has the storm."""
    decoy = child("benchmarks.decoy", DECOY_PORT)
    assert decoy.stdout
    decoy.stdout.readline()
    storm = attack(kind, DECOY_PORT, seconds + 2)
    seen = watch(server, traffic, seconds)
    storm.communicate(timeout=60)
    decoy.communicate(timeout=60)
    return seen


def through(server: Server, kind: str, seconds: float) -> None:
    """Attack for so long, and print what everybody noticed."""
    in_real_time()
    callers = [Caller(server.sip_port, f"codec{index}") for index in range(MEMBERS)]
    for caller in callers:
        caller.dial("4400")
    viewers = [stamped(caller.video.rtp) for caller in callers[1:]]
    traffic = Traffic(callers, viewers)
    control = elsewhere(server, traffic, kind, seconds) if kind in KINDS else None
    before, held = refusals(server), server.pss_bytes()
    storm = attack(kind, server.sip_port, seconds + 2) if kind in KINDS else None
    seeing = child("benchmarks.attack", "witness", server.sip_port, server.base + 3, seconds + 1)
    seen = watch(server, traffic, seconds)
    took = json.loads(seeing.communicate(timeout=60)[0])
    sent = storm.communicate(timeout=60)[0].strip() if storm is not None else "0"
    grown_mb = (server.pss_bytes() - held) / 2**20
    for caller in callers:
        caller.hang_up()
    after = refusals(server)
    refused = {one: round(after[one] - before[one]) for one in after if after[one] > before[one]}
    # strangers share what is left when all of them together are too many
    calls = [*took["listed"], *(took["stranger"] if kind != "everywhere" else [])]
    machine_us = control.far.p99 if control is not None else 0.0
    met = (
        seen.far.p99 - machine_us < AIM_P99_US and statistics.median(calls) < AIM_CALL_MS
        and grown_mb < AIM_GROWTH_MB
    )  # fmt: skip
    print(
        f"{kind:16} sent {sent:>9}  {seen}  elsewhere {control or '-'}  lost {seen.far.lost}\n"
        f"    call {middle(took['listed'])}, stranger's {middle(took['stranger'])}"
        f"  loop {middle(took['loop'])} ms  CPU {seen.cpu[0]:.0%}, engine {seen.cpu[1]:.1%}"
        f"  PSS {grown_mb:+.1f} MB  {'met' if met else 'MISSED'}  refused {refused}",
        flush=True,
    )


async def run(seconds: float, kinds: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        server = Quiet(Path(name) / "home", BASE_PORT, SETTINGS)
        await server.start()
        try:
            print("far end, engine: p50/p99 in us; calls and loop median/99%/max in ms")
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

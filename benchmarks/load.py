"""How long packets stay in a server that works for half of what it can, while rooms come and go.

`sfu serve` with all it does, held to one core: a room of 33 codecs, one of them seen by 32, its
picture AES-128-GCM both ways (SDES), all with sound, so the mixer has 33 legs.  A turn lasts 20 s:
first a closed loop, four pictures of eight packets under way, finds what the engine can at that
time, for a shared machine's pace changes by half within minutes; then half of it is offered in an
open loop, at its own times whatever comes out.  Meanwhile `visitors` come and go, and the mixer is
killed now and then, so that another is spawned.

A packet took from before the source's send to the kernel's receive stamp at its viewer.  On the
same core a thread sleeps a millisecond at a time, a priority above the engine's, so that what the
engine itself holds up is no excuse: what this meter misses, the machine took.  A stall is a packet
that took over 10 ms; the meter saw it where less than 10 ms are left without the times the meter
was late.  At each wake-up it protects four packets too: where that takes twice its usual time
while packets stall, the core itself was slow, and the report says so (the verdict does not change).

In turns with it, 20 s each, the bare loop (`native/bare.c`) forwards as many packets on the same
core at the engine's priority, while the same people come and go: what stalls there, too, the
engine is not to blame for.

    python -m benchmarks.load [--seconds 60] [--share 0.5 | --rate PACKETS_A_SECOND]
                              [--viewers 32] [--burst 8] [--alone] [--docs]

writes ``var/load/load.json`` and ``load.svg``; `--docs` puts both into docs/performance.md.  Ten
minutes of each: --seconds 600.  `--alone` leaves the bare loop out.  `--rate` is for comparing two
builds, of which each has its own ceiling.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.server import Server

from benchmarks import page
from benchmarks.call import BASE_PORT, Quiet
from benchmarks.caller import Caller
from benchmarks.child import pinned
from benchmarks.engine_server import KEYS
from benchmarks.histogram import Buckets, Curve, draw, quantile
from benchmarks.latency import cpu_s
from benchmarks.load_driver import (
    DRIVER_CORE,
    SERVER_CORE,
    Driver,
    Member,
    bare_loop,
    driven,
    joined,
)
from benchmarks.machine import ROOT, build, noted

SECONDS, SHARE, VIEWERS, BURST = 60.0, 0.5, 32, 8
ROOM, UNDER_WAY = "4433", 4
WARM_S, CEILING_S, SETTLE_S, LEAD_S, TURN_S = 3.0, 2.0, 3.0, 3.0, 20.0
"""A turn is over before the server misses who is silent meanwhile."""
STALL_US, AIM_P99_US, SLOW = 10_000, 2000, 2.0
STALLS_SHOWN = 40
WITNESS = """
import atexit, gc, json, os, time
rows, began = [], [0.0]
def note(phase, info):
    now = time.monotonic()
    if phase == "start":
        began[0] = now
    else:
        rows.append((began[0], info["generation"], 1000 * (now - began[0])))
def tell():
    with open(os.path.join(os.environ["BENCH_GC"], f"{os.getpid()}.json"), "w") as file:
        json.dump(rows, file)
gc.callbacks.append(note)
atexit.register(tell)
"""
"""Put beside the server as its `sitecustomize`: when it collected garbage, which generation, and
for how many ms."""

Span = tuple[int, int, int, int]
"""From, until, and of its worst packet when it was sent and how long it took; us."""


@dataclass(frozen=True, slots=True)
class Stall:
    """One time in which packets took too long."""

    at_s: float
    """Since the first of them all."""
    took_us: int
    """Its worst packet."""
    left_us: int
    """Of that, without the times the meter was late too."""
    driver_us: int
    """Of that, while our own send call stood still."""
    slowness: float = 0.0
    """How many times as long as usual the meter's own work took meanwhile; 0 where it never ran."""

    @property
    def ours(self) -> bool:
        """Nobody else is to blame."""
        return self.left_us - self.driver_us > STALL_US


def overlap(sent: int, took: int, spans: Sequence[Span]) -> int:
    """Return how much of a packet's time lies within these."""
    return sum(max(0, min(sent + took, until) - max(sent, since)) for since, until, _, _ in spans)


def judged(measured: dict[str, Any]) -> list[Stall]:
    """Hold each stall against what the meter, and our own sending, missed."""
    stalls = []
    slowness = measured.get("slowness", [])
    for place, (_, _, sent, took) in enumerate(measured["stalls"]):
        left = took - overlap(sent, took, measured["hiccups"])
        driver = min(left, overlap(sent, took, measured["held"]))
        slow = slowness[place] if place < len(slowness) else 0.0
        stalls.append(Stall((sent - measured["begun"]) / 1e6, took, left, driver, slow))
    return stalls


@contextmanager
def visited(base: int) -> Iterator[dict[str, int]]:
    """Have people come and go; how often is known at the end."""
    counts: dict[str, int] = {}
    command = ["nice", "-n", "19", sys.executable, "-m", "benchmarks.visitors", str(base)]
    with pinned(command, DRIVER_CORE) as process:
        assert process.stdout
        process.stdout.readline()  # they are coming
        yield counts
        out, _ = process.communicate(timeout=60)
        counts.update(json.loads(out))


def kill_mixer(server: Server) -> bool:
    """End the server's mix worker, a grandchild of ours."""
    for pid in server.pids()[1:]:
        with contextlib.suppress(OSError):
            if b"sfu.worker.mix" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                return True
    return False


def bothered(server: Server, driver: Driver, rate: float, seconds: float) -> dict[str, Any]:
    """Offer so many pictures a second for so long; kill the mixer in the middle of it."""
    driver.order("open", rate, seconds)
    time.sleep(LEAD_S + seconds / 2)
    killed = kill_mixer(server)
    return {**driver.told(), "workers": int(killed)}


def ceiling(driver: Driver) -> float:
    """Return how many packets a second come out where more wait all the time."""
    driver.order("close", UNDER_WAY, CEILING_S)
    closed = driver.told()
    return float(closed["got"] / closed["seconds"])


def measure(server: Server, directory: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Find the ceiling, offer a part of it, return all that was told."""
    callers = [
        Caller(server.sip_port, f"codec{index}", keys=KEYS["gcm"])
        for index in range(asked.viewers + 1)
    ]
    for caller in callers:
        caller.dial(ROOM)
    realtime = bool(server.metric("sfu_engine_realtime"))
    members = [
        Member(one.audio.rtp, one.audio.to, one.video.rtp, one.video.to, one.theirs)
        for one in callers
    ]
    with ExitStack() as stack:
        driver = stack.enter_context(driven(directory, members, asked.burst, realtime=realtime))
        driver.order("open", 100, WARM_S)
        assert driver.told()["got"], "nothing is forwarded"
        if not asked.alone:
            loop = bare_loop(directory, asked.viewers, asked.burst, realtime=realtime)
            bare = stack.enter_context(loop)
        counts = stack.enter_context(visited(server.base))
        time.sleep(SETTLE_S)
        ends, began = server.metric("sfu_call_ends_total"), time.monotonic()
        turns, beside, ceilings, cpu, took_s = [], [], [], [0.0, 0.0], 0.0
        turn_s = min(TURN_S, asked.seconds)
        for number in range(max(1, round(asked.seconds / turn_s))):
            if sys.stderr.isatty():
                print(f"\r{number * turn_s:.0f} of {asked.seconds:.0f} s", end="", file=sys.stderr)
            ceilings.append(ceiling(driver))
            rate = (asked.rate or asked.share * ceilings[-1]) / (asked.viewers * asked.burst)
            before, then = cpu_s(server), time.monotonic()
            turns.append(bothered(server, driver, rate, turn_s))
            cpu = [
                all + now - was for all, now, was in zip(cpu, cpu_s(server), before, strict=True)
            ]
            took_s += time.monotonic() - then  # with the seconds before anything counts
            if not asked.alone:
                beside.append(bothered(server, bare, rate, turn_s))
        lasted = time.monotonic() - began
        ended = server.metric("sfu_call_ends_total") - ends
    for caller in callers:
        caller.hang_up()
    measured, bare_measured = joined(turns), joined(beside) if beside else None
    for each in filter(None, (measured, bare_measured)):
        each["expected"] = each["pictures"] * asked.viewers * asked.burst
    return {
        **measured, "ceilings": ceilings, "realtime": realtime, "visitors": counts,
        "ended": ended, "seconds": len(turns) * turn_s,
        "share": measured["got"] / (len(turns) * turn_s) / statistics.mean(ceilings),
        "lasted": lasted,
        "cpu": [part / took_s for part in cpu], "bare": bare_measured,
    }  # fmt: skip


def collected(directory: Path, server: Server, begun_s: float, seconds: float) -> str:
    """Tell how often the server collected garbage meanwhile, and for how long at most."""
    path, words = directory / f"{server.pids()[0]}.json", []
    rows = json.loads(path.read_text()) if path.exists() else []
    for generation in range(3):
        took = [ms for at, old, ms in rows if old == generation and 0 <= at - begun_s < seconds]
        words.append(f"{len(took)} times (longest {max(took, default=0.0):.1f} ms)")
    return ", ".join(words) + " by generation"


def written(file: Path, since_s: float, seconds: float) -> int:
    """Return how many calls that ended meanwhile stand in the server's database."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        query = "SELECT COUNT(*) FROM calls WHERE left_at >= ? AND left_at < ?"
        return int(database.execute(query, (since_s, since_s + seconds)).fetchone()[0])


def quantiles(buckets: Buckets, most: int) -> str:
    """Write the median, the tails and the longest, in us."""
    parts = (quantile(buckets, part) for part in (0.5, 0.99, 0.999))
    return "/".join(f"{part}" for part in parts) + f", longest {most}"


def report(found: dict[str, Any]) -> Iterator[str]:
    """Write the figures and the verdicts."""
    p99 = quantile(found["took"], 0.99)
    lost = found["expected"] - found["got"]
    low, high = min(found["ceilings"]), max(found["ceilings"])
    yield (
        f"ceiling {statistics.median(found['ceilings']):,.0f} packets a second ({low:,.0f} to"
        f" {high:,.0f}, at the beginning of each turn)\n"
        f"offered {found['got'] / found['seconds']:,.0f} packets a second for"
        f" {found['seconds']:.0f} s: {found['got']:,} came,"
        f" {lost} lost, {found['skipped']} pictures left out while the driver was held\n"
        f"added, p50/p99/p99.9 in us: {quantiles(found['took'], found['took_most'])}"
        f"  (aim p99 < {AIM_P99_US}: {'met' if p99 < AIM_P99_US else 'MISSED'})\n"
        f"the meter was late:         {quantiles(found['late'], found['late_most'])}\n"
        f"then lay unread at viewers: {quantiles(found['lay'], found['lay_most'])}\n"
        f"meanwhile: {found['visitors']}, {found['ended']:.0f} calls ended and {found['written']}"
        f" of them written to SQLite, mixer spawned {found['workers']} times, garbage"
        f" collected {found['garbage']}\n"
        f"the server's Python took {found['cpu'][0]:.0%} of the core, its engine"
        f" {found['cpu'][1]:.0%}"
    )
    yield from stalled(found)
    if bare := found["bare"]:
        yield (
            f"the bare loop in turns with it: {bare['got']:,} packets came,"
            f" {bare['expected'] - bare['got']} lost\n"
            f"added, p50/p99/p99.9 in us: {quantiles(bare['took'], bare['took_most'])}\n"
            f"the meter was late:         {quantiles(bare['late'], bare['late_most'])}"
        )
        yield from stalled(bare)


def stalled(found: dict[str, Any]) -> Iterator[str]:
    """Tell of each stall, and how many the meter did not see."""
    stalls = judged(found)
    for stall in stalls[:STALLS_SHOWN]:
        seen = "the meter saw it" if stall.left_us <= STALL_US else "the meter saw it not"
        if stall.left_us > STALL_US and not stall.ours:
            seen = "our own send call stood still"
        yield (
            f"    at {stall.at_s:.1f} s {stall.took_us} us, {stall.left_us} without the meter's:"
            f" {seen}; its own work took {stall.slowness:.1f} times as long as usual"
        )
    unseen = sum(stall.ours for stall in stalls)
    slow = sum(stall.ours and stall.slowness >= SLOW for stall in stalls)
    most = max((stall.left_us for stall in stalls), default=found["took_most"])
    yield (
        f"{len(stalls)} stalls over {STALL_US // 1000} ms, {unseen} of them unseen by the meter"
        f" (aim 0: {'MISSED' if unseen else 'met'}), {slow} of these while its own work took twice"
        f" its time and more; longest without the meter's {most} us"
    )
    if found["stalls_more"] or found["hiccups_more"]:
        yield "more stalls than there is room for: this machine is not ours"


def picture(found: dict[str, Any], asked: argparse.Namespace, path: Path) -> None:
    """Draw all distributions."""
    took = quantiles(found["took"], found["took_most"])
    late = quantiles(found["late"], found["late_most"])
    title = (
        f"{found['share']:.0%} of the ceiling for {found['seconds']:.0f} s, 1 to {asked.viewers},"
        f" {found['got'] / found['seconds']:,.0f} packets a second; p50/p99/p99.9 in us"
    )
    curves = [Curve(f"added {took}", found["took"]), Curve(f"meter {late}", found["late"])]
    if bare := found["bare"]:
        curves.append(
            Curve(f"bare loop {quantiles(bare['took'], bare['took_most'])}", bare["took"])
        )
    draw(title, curves, [(AIM_P99_US, "p99 aim"), (STALL_US, "stall")], path)


async def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Start the server, measure, stop it."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        build(directory)
        (directory / "sitecustomize.py").write_text(WITNESS)
        paths = [str(directory), *filter(None, [os.environ.get("PYTHONPATH")])]
        server = Quiet(directory / "home", BASE_PORT, prefix=("taskset", "-c", str(SERVER_CORE)))
        server.environment = {"PYTHONPATH": os.pathsep.join(paths), "BENCH_GC": name}
        await server.start()
        try:
            found = await asyncio.to_thread(measure, server, directory, asked)
        finally:
            await server.stop()
        begun_s = found["begun"] / 1e6
        since_s = begun_s + time.time() - time.monotonic()
        file = server.home / "data" / "calls.sqlite3"
        found["written"] = written(file, since_s, found["lasted"])
        found["garbage"] = collected(directory, server, begun_s, found["lasted"])
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="latency under load")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--share", type=float, default=SHARE)
    parser.add_argument("--rate", type=float, help="packets a second, whatever the ceiling")
    parser.add_argument("--viewers", type=int, default=VIEWERS)
    parser.add_argument("--burst", type=int, default=BURST)
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "load")
    parser.add_argument("--alone", action="store_true", help="without the bare loop")
    parser.add_argument("--docs", action="store_true", help="put it into docs/performance.md")
    asked = parser.parse_args()
    with noted():
        found = asyncio.run(run(asked))
    said = "\n".join(report(found))
    print(said)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "load.json").write_text(json.dumps(found, indent=1))
    picture(found, asked, asked.out / "load.svg")
    print(f"written to {asked.out}")
    if asked.docs:
        text = f"```\n{said}\n```"
        page.put("load", text, asked.out / "load.svg", "Latency under load")


if __name__ == "__main__":
    main()

"""CPU per forwarded packet: the engine, a bare C loop and other servers on the same work.

One source, N receivers.  Server and generator are pinned to a core each; closed loop, packets of
1,100 B in bursts of one and of eight (a picture); CPU by schedstat of all its threads over
what the sinks got; systems in turns of half a second, medians of fifteen: a machine's bad spells
last seconds, and short turns share them out.  The engine does all it does in a meeting:
RTX, history, send-time log, abs-send-time, a line that counts.

    python -m benchmarks.forward [--modes gcm,plain] [--sinks 8,32,128] [--bursts 1,8]
                                 [--systems ours,bare,rtpengine,janus,mediasoup]
                                 [--rounds 15] [--add] [--out var/forward] [--docs]

prints the table, writes it as ``forward.json`` and ``forward.svg``; `--add` keeps what stands
there of other work, `--docs` puts all of it into docs/performance.md.  The mode `cm` is AES-CM-128
with HMAC-SHA1-80, as room codecs use it by SDES.
"""

import argparse
import json
import shutil
import socket
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import janus, mediasoup, page, rtpengine
from benchmarks.bars import Bar, draw
from benchmarks.child import cpu_us, pinned
from benchmarks.engine_server import KEYS
from benchmarks.machine import build, noted
from sfu.model import Keys

ROOT = Path(__file__).parent.parent
SERVER_CORE, DRIVER_CORE = 0, 1
SECONDS = 0.5
PAYLOAD_BYTES = 1088
AIM = 1.15
AIMS = {
    "bare": (AIM, AIM), "mediasoup": (AIM, 0.65), "rtpengine": (None, 0.4), "janus": (None, 0.4)
}  # fmt: skip
"""Ours over theirs in GCM: singly, where nearly all is the kernel's price of a send, and by
pictures."""
SYSTEMS = ("ours", "bare", "rtpengine", "janus", "mediasoup")
PACKAGED = ("rtpengine", "janus")
"""Programs of Debian's."""


@dataclass(frozen=True, slots=True)
class Work:
    """What all do alike."""

    mode: str
    sinks: int
    burst: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one server."""

    us_per_packet: float
    lost: int
    p50_us: int
    p99_us: int


@dataclass(frozen=True, slots=True)
class Row:
    """The median of one server at one work."""

    system: str
    work: Work
    us_per_packet: float
    least: float
    most: float
    lost: int
    p50_us: int
    p99_us: int
    ratio: float
    """To the bare loop of the same rounds."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server that waits for the source's packets."""

    pid: int
    port: int
    """0: the source is connected to it already."""
    sending: Keys | None
    """The source's."""
    opening: Keys | None
    """With which the first sink opens what it gets."""


@contextmanager
def serving(
    system: str, directory: Path, work: Work, ports: Sequence[int], source: socket.socket
) -> Iterator[Served]:
    """Run a server for a source and sinks."""
    keys = KEYS.get(work.mode)
    if system == "rtpengine":
        with rtpengine.serving(directory, keys, SERVER_CORE, ports) as (pid, port, first):
            yield Served(pid, port, keys, first)
        return
    if system == "janus":
        with janus.serving(directory, work.mode, SERVER_CORE, ports, source) as served:
            pid, sending, first = served
            yield Served(pid, 0, sending, first)
        return
    if system == "mediasoup":
        with mediasoup.serving(directory, keys, SERVER_CORE, ports) as (pid, port, first):
            yield Served(pid, port, keys, first)
        return
    words = list(map(str, ports))
    ours = [sys.executable, "-m", "benchmarks.engine_server", work.mode, "1", "1"]
    ours.append(",".join(words))
    # the bare loop has no use for the source's port, which comes first
    bare = [str(directory / "bare"), work.mode, *words[1:]]
    with pinned(ours if system == "ours" else bare, SERVER_CORE) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        yield Served(process.pid, port, keys, keys)


def absent(system: str) -> str | None:
    """Say why a system cannot be run here."""
    if system == "mediasoup":
        return mediasoup.absent()
    missing = system in PACKAGED and not shutil.which(system)
    return "it is not installed" if missing else None


def spelled(keys: Keys | None) -> str:
    """Write keys as `drive` reads them."""
    return "-" if keys is None else f"{keys.suite.value}:{(keys.key + keys.salt).hex()}"


def measure(system: str, directory: Path, work: Work, seconds: float) -> Run:
    """Drive one server for so long."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
        source.bind(("", 0))
        words = [work.sinks, PAYLOAD_BYTES, work.burst, 0, seconds, source.fileno()]
        command = [str(directory / "drive"), *map(str, words)]
        with pinned(command, DRIVER_CORE, inherit=[source.fileno()]) as driver:
            assert driver.stdin
            assert driver.stdout
            ports = list(map(int, driver.stdout.readline().split()))
            with serving(system, directory, work, ports, source) as served:
                before = cpu_us(served.pid)
                print(
                    served.port, spelled(served.sending), spelled(served.opening),
                    file=driver.stdin, flush=True,
                )  # fmt: skip
                packets, lost, p50, p99 = map(int, driver.stdout.readline().split())
                return Run((cpu_us(served.pid) - before) / packets, lost, p50, p99)


def compare(
    systems: Sequence[str], directory: Path, work: Work, rounds: int, seconds: float
) -> list[Row]:
    """Measure all in turns."""
    runs: dict[str, list[Run]] = {system: [] for system in systems}
    for _ in range(rounds):
        for system in systems:
            runs[system].append(measure(system, directory, work, seconds))
    bare = statistics.median(run.us_per_packet for run in runs["bare"])
    return [_row(system, work, runs[system], bare) for system in systems]


def _row(system: str, work: Work, runs: list[Run], bare: float) -> Row:
    costs = sorted(run.us_per_packet for run in runs)
    middle = statistics.median(costs)
    return Row(
        system, work, round(middle, 3), round(costs[0], 3), round(costs[-1], 3),
        sum(run.lost for run in runs), int(statistics.median(run.p50_us for run in runs)),
        int(statistics.median(run.p99_us for run in runs)), round(middle / bare, 3),
    )  # fmt: skip


def show(row: Row) -> None:
    """Print a line of the table."""
    work = row.work
    print(
        f"{work.mode:6}{work.sinks:5}{work.burst:7}  {row.system:10}{row.us_per_packet:7.2f}"
        f"  {row.least:5.2f}-{row.most:<6.2f}{row.ratio:6.2f}{row.lost:7}"
        f"   {row.p50_us}/{row.p99_us}",
        flush=True,
    )


def picture(rows: Sequence[Row], path: Path) -> None:
    """Draw the table as bars."""
    groups = [
        (
            f"{work.mode}, {work.sinks} receivers, bursts of {work.burst}",
            [
                Bar(row.system, row.us_per_packet, f"{row.us_per_packet:.2f}  x {row.ratio:.2f}")
                for row in rows
                if row.work == work
            ],
        )
        for work in dict.fromkeys(row.work for row in rows)
    ]
    draw("CPU per forwarded packet of 1,100 bytes, us; x: to the bare loop", groups, path)


def verdicts(rows: Sequence[Row]) -> Iterator[str]:
    """Say how far ours is from each other system at its worst, in GCM.

    Single packets are measured against mediasoup, against the bare loop where it is absent.
    """
    costs = {(row.system, row.work): row.us_per_packet for row in rows if row.work.mode == "gcm"}
    beside = any(system == "mediasoup" and work.burst == 1 for system, work in costs)
    for system, aims in AIMS.items():
        for singly, aim in zip((True, False), aims, strict=True):
            ratios = [
                costs["ours", work] / cost
                for (other, work), cost in costs.items()
                if other == system and (work.burst == 1) is singly and ("ours", work) in costs
            ]
            if system == "bare" and singly and beside:
                aim = None
            if ratios:
                wish = (
                    ""
                    if aim is None
                    else f", aim {aim}: {'met' if max(ratios) <= aim else 'missed'}"
                )
                how = "singly" if singly else "by pictures"
                yield f"ours to {system}, gcm, {how}: {min(ratios):.2f}-{max(ratios):.2f}{wish}"


NAMES = {
    "ours": "engine", "bare": "bare loop", "rtpengine": "rtpengine 10.5", "janus": "Janus 1.1.2",
}  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Write the table as the page has it: a line for each work, a column for each system."""
    systems = list(dict.fromkeys(row.system for row in rows))
    cells = {(row.system, row.work): f"{row.us_per_packet:.2f} ({row.ratio:.2f})" for row in rows}
    names = [NAMES.get(system, system) for system in systems]
    lines = [f"| us of CPU per packet (to the bare loop) | {' | '.join(names)} |"]
    lines.append("|---" * (len(systems) + 1) + "|")
    for work in dict.fromkeys(row.work for row in rows):
        how = "singly" if work.burst == 1 else f"pictures of {work.burst}"
        found = " | ".join(cells.get((system, work), "") for system in systems)
        lines.append(f"| {work.mode}, {work.sinks} receivers, {how} | {found} |")
    return "\n".join(lines)


def judged(rows: Sequence[Row]) -> list[str]:
    """Say what each aim came to, and what was lost."""
    ours = [row for row in rows if row.system == "ours"]
    over = sum(row.ratio > AIM for row in ours)
    least, most = min(row.ratio for row in ours), max(row.ratio for row in ours)
    return [
        *verdicts(rows),
        f"ours to the bare loop, all {len(ours)} rows: {least:.2f}-{most:.2f}, {over} above {AIM}",
        f"lost: {sum(row.lost for row in rows)} packets",
    ]


def _kept(path: Path, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of an earlier run whose work is in none of these."""
    done = {row.work for row in rows}
    stood = json.loads(path.read_text()) if path.exists() else []
    old = [Row(**{**each, "work": Work(**each["work"])}) for each in stood]
    return [row for row in old if row.work not in done]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--modes", default="gcm,plain")
    parser.add_argument("--sinks", default="8,32,128")
    parser.add_argument("--bursts", default="1,8")
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "forward")
    parser.add_argument("--add", action="store_true", help="keep the rows of other work")
    parser.add_argument("--docs", action="store_true", help="put it into docs/performance.md")
    asked = parser.parse_args()
    wanted = asked.systems.split(",")
    reasons = {system: absent(system) for system in wanted}
    systems = [system for system, reason in reasons.items() if reason is None]
    for system, reason in reasons.items():
        if reason is not None:
            print(f"{system} is left out: {reason}")
    rows: list[Row] = []
    with noted(), tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        build(directory)
        print("mode  sinks  burst  system     us/packet  spread  to bare   lost  p50/p99 us")
        for mode in asked.modes.split(","):
            for sinks in map(int, asked.sinks.split(",")):
                for burst in map(int, asked.bursts.split(",")):
                    work = Work(mode, sinks, burst)
                    found = compare(systems, directory, work, asked.rounds, asked.seconds)
                    for row in found:
                        show(row)
                    rows += found
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.add:
        rows = _kept(asked.out / "forward.json", rows) + rows
    (asked.out / "forward.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    picture(rows, asked.out / "forward.svg")
    said = judged(rows)
    print(*said, f"written to {asked.out}", sep="\n")
    if asked.docs:
        text = "\n".join([table(rows), "", *(f"- {line}" for line in said)])
        page.put("forward", text, asked.out / "forward.svg", "CPU per packet")


if __name__ == "__main__":
    main()

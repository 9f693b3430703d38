"""CPU per forwarded packet: the engine, a bare C loop and other servers on the same work.

One source, N receivers.  Server and generator are pinned to a core each; closed loop, packets of
1,100 B in bursts of one and of eight (a picture); CPU by schedstat of all its threads over
what the sinks got; systems in turns, medians of five.  The engine does all it does in a meeting:
RTX, history, send-time log, abs-send-time, a line that counts.

    python -m benchmarks.forward [--modes gcm,plain] [--sinks 8,32,128] [--bursts 1,8]
                                 [--systems ours,bare,rtpengine] [--rounds 5] [--out var/forward]

prints the table, writes it as ``forward.json`` and ``forward.svg``.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import rtpengine
from benchmarks.bars import Bar, draw
from benchmarks.child import cpu_us, pinned
from benchmarks.machine import build, noted

ROOT = Path(__file__).parent.parent
KEY, SALT = b"bench master key", b"bench  salt\0"
SERVER_CORE, DRIVER_CORE = 0, 1
SECONDS = 1.0
PAYLOAD_BYTES = 1088
AIM = 1.15
SYSTEMS = ("ours", "bare", "rtpengine")


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


@contextmanager
def serving(
    system: str, directory: Path, work: Work, ports: Sequence[int]
) -> Iterator[tuple[int, int, bytes | None]]:
    """Run a server; give its process, its port, and the first sink's key and salt."""
    if system == "rtpengine":
        with rtpengine.serving(directory, work.mode, KEY + SALT, SERVER_CORE, ports) as served:
            yield served
        return
    words = list(map(str, ports))
    ours = [sys.executable, "-m", "benchmarks.engine_server", work.mode, "1", "1"]
    ours.append(",".join(words))
    # the bare loop has no use for the source's port, which comes first
    bare = [str(directory / "bare"), work.mode, *words[1:]]
    with pinned(ours if system == "ours" else bare, SERVER_CORE) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        yield process.pid, port, KEY + SALT if work.mode == "gcm" else None


def measure(system: str, directory: Path, work: Work, seconds: float) -> Run:
    """Drive one server for so long."""
    words = [work.mode, work.sinks, PAYLOAD_BYTES, work.burst, 0, seconds]
    with pinned([str(directory / "drive"), *map(str, words)], DRIVER_CORE) as driver:
        assert driver.stdin
        assert driver.stdout
        ports = list(map(int, driver.stdout.readline().split()))
        with serving(system, directory, work, ports) as (pid, port, key):
            before = cpu_us(pid)
            words = [port, "-"] if key is None else [port, key[:16].hex(), key[16:].hex()]
            driver.stdin.write(" ".join(map(str, words)) + "\n")
            driver.stdin.flush()
            packets, lost, p50, p99 = map(int, driver.stdout.readline().split())
            return Run((cpu_us(pid) - before) / packets, lost, p50, p99)


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


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--modes", default="gcm,plain")
    parser.add_argument("--sinks", default="8,32,128")
    parser.add_argument("--bursts", default="1,8")
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "forward")
    asked = parser.parse_args()
    systems = [one for one in asked.systems.split(",") if one != "rtpengine" or shutil.which(one)]
    for missing in set(asked.systems.split(",")) - set(systems):
        print(f"{missing} is not installed: left out")
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
    (asked.out / "forward.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    picture(rows, asked.out / "forward.svg")
    over = [row for row in rows if row.system == "ours" and row.ratio > AIM]
    print(f"{len(over)} of ours above {AIM} x the bare loop; written to {asked.out}")


if __name__ == "__main__":
    main()

"""The command: plays the scene with each system in turn, judges, writes."""

import argparse
import asyncio
import gzip
import json
import math
import signal
import sys
import time
from pathlib import Path

from benchmarks.line import figures, judge, page, plot, series, table, trace
from benchmarks.line.lab import Missing, need
from benchmarks.line.record import Record
from benchmarks.line.run import play
from benchmarks.line.scene import CAPACITY, NAMES, VARIANTS, Scene
from benchmarks.line.systems import KNOW_SIP, SYSTEMS, present

MOST_LATE = 2.0
"""% of the emulator's periods that may be late in a run that is judged."""
Results = dict[str, list[figures.Figures]]


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench line", description="Meetings behind 2 Mbit/s lines, ours and others."
    )
    listed = f"which, by comma ({','.join(SYSTEMS)}); unasked, all but those to be brought"
    unasked = ",".join(present())
    parser.add_argument("--systems", default=unasked, help=listed)
    parser.add_argument("--runs", type=int, default=1, help="runs of each; medians are shown")
    parser.add_argument(
        "--phases", default="",
        help=f"seconds at which {', '.join(NAMES)} end; fewer: a shorter scene",
    )  # fmt: skip
    parser.add_argument(
        "--variant", choices=[*VARIANTS, "capacity"], default="browsers",
        help="%(default)s; capacity: two and four, what a line carries",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("var/line"), help="folder (%(default)s)")
    parser.add_argument(
        "--docs", action="store_true", help="put tables and plots into docs/performance.md"
    )
    parser.add_argument("--again", action="store_true", help="only judge the records in --out")
    args = parser.parse_args(words)
    if unknown := set(args.systems.split(",")) - set(SYSTEMS):
        parser.error(f"no such system: {', '.join(sorted(unknown))}")
    if args.variant == "capacity":
        args.variants = CAPACITY
    else:
        args.variants = (args.variant,)
    if args.variant != "browsers" and args.systems == unasked:
        args.systems = "ours"  # they are about what only ours does
    if any(VARIANTS[one].codecs or VARIANTS[one].simulated for one in args.variants) and (
        deaf := set(args.systems.split(",")) - KNOW_SIP
    ):
        parser.error(f"room codecs cannot join {', '.join(sorted(deaf))}: choose --systems ours")
    return args


async def measure(args: argparse.Namespace) -> None:
    """Play everything, keep the records."""
    for variant in (VARIANTS[name] for name in args.variants):
        ends = tuple(float(word) for word in args.phases.split(",") if word) or variant.ends_s
        for run in range(1, args.runs + 1):
            for name in args.systems.split(","):
                await one(name, run, Scene(ends, variant), args.out)


async def one(name: str, run: int, scene: Scene, out: Path) -> None:
    """Play one run and say what came of it."""
    system, began = SYSTEMS[name], time.monotonic()

    def tell(words: str) -> None:
        print(f"  {time.monotonic() - began:5.0f} s  {name} {run}: {words}", flush=True)

    kept = out / f"{name}-{scene.variant.name}-{run}"
    kept.mkdir(parents=True, exist_ok=True)
    tell(f"{system.title}, {scene.seconds:g} s")
    record = await play(system, scene, kept, tell)
    with gzip.open(kept / "record.json.gz", "wt") as stream:
        json.dump(record, stream)
    found = judged(record, kept)
    lines = [f"use down {found['steady.use_down']:.0f} %"] if "steady.use_down" in found else []
    lines += [f"late periods {found['late_periods']:.1f} %", f"CPU {found['cpu']:.0f} %"]
    tell(", ".join([*lines, f"seen {record['seen']}"]))
    for counted in record["counted"]:
        for error in counted["errors"]:
            tell(f"page {counted['site']}: {error}")


def judged(record: Record, kept: Path) -> figures.Figures:
    """Reckon a record's figures and draw it, beside it."""
    read = series.read(record)
    plot.draw(record, read, kept / "run.svg")
    trace.write(record, read, kept / "run.txt")
    found = figures.figures(record, read)
    text = {name: value if math.isfinite(value) else None for name, value in found.items()}
    (kept / "figures.json").write_text(json.dumps(text, indent=1) + "\n")
    return found


def gathered(args: argparse.Namespace, variant: str) -> Results:
    """Read the figures of all records in the folder, by system."""
    results: Results = {}
    for name in args.systems.split(","):
        for path in sorted(args.out.glob(f"{name}-{variant}-*/record.json.gz")):
            number = path.parent.name.rpartition("-")[2]
            if not args.again and int(number) > args.runs:
                continue  # of an earlier time
            with gzip.open(path, "rt") as stream:
                found = judged(json.load(stream), path.parent)
            if found["late_periods"] > MOST_LATE:
                print(f"{path.parent.name}: the emulator was late in {found['late_periods']:.1f} %"
                      " of its periods: a doubtful run")  # fmt: skip
            results.setdefault(name, []).append(found)
    return results


def summary(results: Results, variant: str) -> str:
    """Return the tables."""
    medians = {
        SYSTEMS[name].title: (figures.median(runs), len(runs)) for name, runs in results.items()
    }
    parts = [table.phases(medians), table.events(medians), table.capacity(medians)]
    ours = SYSTEMS["ours"].title
    if ours in medians:
        others = {title: found for title, found in medians.items() if title != ours}
        parts.append(table.verdicts(judge.rows_of(variant), medians[ours][0], others))
    return "\n\n".join(filter(None, parts)) + "\n"


def main() -> int:
    args = parse()
    if not args.again:
        try:
            need("ip", "ethtool", "chrt", "chromium")
            for name in args.systems.split(","):
                SYSTEMS[name].needs()
            asyncio.run(_until_stopped(args))
        except Missing as error:
            print(f"benchmarks.line: {error}", file=sys.stderr)
            return 1
        except (KeyboardInterrupt, asyncio.CancelledError):
            print("stopped; the lines are taken away", file=sys.stderr)
            return 130
    for variant in args.variants:
        results = gathered(args, variant)
        text = show(results, variant, args.out)
        if args.docs:
            plots = {name: args.out / f"{name}-{variant}-1" / "run.svg" for name in results}
            page.put(text, variant, plots)
    print(f"\n{args.out}: the tables; of each run run.svg, run.txt, figures.json, logs")
    return 0


def show(results: Results, variant: str, out: Path) -> str:
    """Write, print and return what came of a variant."""
    text = summary(results, variant)
    (out / f"table-{variant}.md").write_text(text)
    print(f"\n{text}")
    if ours := results.get("ours"):
        print(table.bounds(judge.rows_of(variant), figures.median(ours)))
    return text


async def _until_stopped(args: argparse.Namespace) -> None:
    """Let SIGTERM end it as Ctrl-C does: what was built is taken away."""
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await measure(args)


if __name__ == "__main__":
    sys.exit(main())

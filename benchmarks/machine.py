"""What the machine does meanwhile: how busy it is, what its host takes away, how late it wakes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PRIORITY = 10
"""SCHED_FIFO, the engine's (native/loop.c)."""
ROOT = Path(__file__).parent.parent


@dataclass
class Machine:
    """Filled when the measuring is over."""

    busy: float = 0.0
    stolen: float = 0.0
    """Parts of all CPU time; stolen is what the hypervisor gave to others (proc(5))."""
    p50_us: int = 0
    p99_us: int = 0
    """How late a thread of the engine's priority wakes, that does nothing else."""
    max_us: int = 0

    def __str__(self) -> str:
        return (
            f"machine: busy {self.busy:.0%}, stolen {self.stolen:.0%}, an idle thread wakes"
            f" {self.p50_us}/{self.p99_us} us late (max {self.max_us})"
        )


@contextmanager
def watched(directory: Path, *, realtime: bool) -> Iterator[Machine]:
    """Measure the machine while something else is measured."""
    machine = Machine()
    command = [str(directory / "wake"), *([str(PRIORITY)] if realtime else [])]
    before = _cpu()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        yield machine
        out, _ = process.communicate("\n", timeout=10)
    finally:
        process.kill()
        process.wait()
    machine.p50_us, machine.p99_us, machine.max_us = map(int, out.split())
    machine.busy, machine.stolen = _shares(before)


@contextmanager
def noted() -> Iterator[None]:
    """Print how loaded the machine was before, and what it did meanwhile."""
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores when it began")
    before = _cpu()
    yield
    busy, stolen = _shares(before)
    print(f"machine: busy {busy:.0%}, stolen {stolen:.0%} over the whole run")


def _shares(before: list[int]) -> tuple[float, float]:
    """Return the busy and the stolen part of all CPU time since then."""
    grown = [now - then for now, then in zip(_cpu(), before, strict=True)]
    total = sum(grown) or 1
    stolen = grown[7] / total
    return 1 - (grown[3] + grown[4]) / total - stolen, stolen


def _cpu() -> list[int]:
    """User nice system idle iowait irq softirq steal, in ticks of all cores."""
    return [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]


def build(directory: Path) -> None:
    """Compile the helpers of `native/`."""
    for name in ("bare", "drive", "wake", "browsers", "load"):
        command = ["gcc", "-std=gnu11", "-O2", f"-I{ROOT}/native"]
        sources = [f"{ROOT}/benchmarks/native/{name}.c", *map(str, ROOT.glob("native/srt*.c"))]
        subprocess.run(
            [*command, *sources, "-lcrypto", "-o", str(directory / name)], check=True
        )  # fmt: skip

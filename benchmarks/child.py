"""A child process pinned to one core, its CPU time, and its end."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextmanager
def pinned(
    command: Sequence[str],
    cores: int | str,
    errors: Path | None = None,
    *,
    inherit: Sequence[int] = (),
) -> Iterator[subprocess.Popen[str]]:
    """Run a program on some cores alone, speaking with it over pipes; killed at the end."""
    words = ["taskset", "-c", str(cores), *command]
    with errors.open("w") if errors else nullcontext() as complaints:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints,
            text=True, cwd=ROOT, pass_fds=inherit,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def cpu_us(pid: int) -> float:
    """Return the CPU time of all threads of a process since its start."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1000

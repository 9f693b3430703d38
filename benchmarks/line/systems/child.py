"""A server in the core namespace, that ends with the benchmark however that ends."""

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.line.lab import Missing

PR_SET_PDEATHSIG = 1
PATIENCE_S = 20.0
_libc = ctypes.CDLL(None)


@asynccontextmanager
async def child(
    words: list[str], log: Path, ready: Callable[[], bool], environment: dict[str, str]
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """Keep a program running until the end of the block, begun once `ready` says yes."""
    with open(log, "wb") as stream:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
            env={**os.environ, **environment},
        )
    try:
        await _until(process, ready, log)
        yield process
    finally:
        await asyncio.shield(asyncio.to_thread(end, process))


async def _until(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(ready):
            if process.poll() is not None:
                raise Missing(f"it ended at once:\n{log.read_text(errors='replace')[-3000:]}")
            await asyncio.sleep(0.1)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process politely, and after a while not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

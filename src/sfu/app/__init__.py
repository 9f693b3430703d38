"""The composition root: where everything is put together, started and stopped."""

import asyncio
import contextlib
import gc
import resource
import signal

import uvloop

from sfu.app.server import Server
from sfu.config import Settings
from sfu.errors import UseError
from sfu.shell.log import configure_logging
from sfu.worker.memory import keep_little

DEMO_ROOM = "4201"


def serve(settings: Settings) -> int:
    """Run the server until SIGTERM or SIGINT; return the exit code."""
    _prepare(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, demo=False))


def demo(settings: Settings) -> int:
    """Run the server with simulated members in a room."""
    _prepare(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, demo=True))


def _prepare(settings: Settings) -> None:
    """Set up what belongs to the process."""
    configure_logging(settings.log)
    keep_little()
    _raise_file_limit()


async def _serve(settings: Settings, *, demo: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(settings)
    members = None
    try:
        await server.start()
        _settle()
        print(server.welcome(), flush=True)
        if demo:
            members = asyncio.create_subprocess_exec(*server.demo_command(DEMO_ROOM))
        async with contextlib.AsyncExitStack() as stack:
            if members is not None:
                process = await members
                stack.push_async_callback(_end, process)
                print(server.demo_welcome(DEMO_ROOM), flush=True)
            await stop.wait()
    finally:
        await server.stop()
    return 0


def _settle() -> None:
    """Keep what a start leaves behind out of every later collection, which would stop us for it."""
    gc.collect()
    gc.freeze()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the simulated members."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 3)
        except TimeoutError:
            process.kill()
            await process.wait()


def _raise_file_limit() -> None:
    """Take as many descriptors as we may: each call of a room codec holds four sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


__all__ = ["UseError", "demo", "serve"]

"""The composition root: where everything is put together, started and stopped."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
from collections.abc import Callable

import uvloop

from sfu.app.server import Server
from sfu.app.welcome import demo_command, demo_welcome
from sfu.config import Settings
from sfu.errors import UseError
from sfu.shell.child import Child
from sfu.shell.log import configure_logging
from sfu.shell.tasks import spawn
from sfu.worker.memory import keep_little

DEMO_ROOM = "4201"
NICE = -5
"""Of the thread that signals, reckons and answers."""


Reread = Callable[[], Settings]
"""Reads the settings again; raises UseError."""


def serve(settings: Settings, reread: Reread | None = None) -> int:
    """Run the server until SIGTERM or SIGINT; return the exit code."""
    return _run(settings, reread, demo=False)


def demo(settings: Settings, reread: Reread | None = None) -> int:
    """Run the server with simulated members in a room."""
    return _run(settings, reread, demo=True)


def _run(settings: Settings, reread: Reread | None, *, demo: bool) -> int:
    configure_logging(settings.log)
    keep_little()
    _raise_file_limit()
    _come_first()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, reread, demo=demo))


async def _serve(settings: Settings, reread: Reread | None, *, demo: bool) -> int:
    loop = asyncio.get_running_loop()
    # before anything else: a signal that comes while we start shall not kill us
    server = Server(settings, reread=reread)
    stop = server.ended
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: spawn("reload", _reload(server)))
    try:
        await server.start()
        _settle()
        print(server.welcome(), flush=True)
        async with contextlib.AsyncExitStack() as stack:
            if demo:
                members = Child(*demo_command(server.settings, DEMO_ROOM))
                stack.push_async_callback(_end, members)
                print(demo_welcome(server.settings, DEMO_ROOM), flush=True)
            await stop.wait()
    finally:
        await server.stop()
    return 0


async def _reload(server: Server) -> None:
    """Read the settings again, asked by a signal; what is wrong with them stands in the log."""
    if server.serving:
        with contextlib.suppress(UseError):
            await server.reload()


def _settle() -> None:
    """Keep what a start leaves behind out of every later collection, which would stop us for it."""
    gc.collect()
    gc.freeze()


async def _end(members: Child) -> None:
    """End the simulated members."""
    members.terminate()
    try:
        await asyncio.wait_for(members.wait(), 3)
    except TimeoutError:
        members.kill()
        await members.wait()


def _come_first() -> None:
    """Go before ordinary programs where we may (root, LimitNICE=): whoever comes in waits for us.

    The engine (real time) and the mixer (its own NICE) go before this thread; cards go last.
    """
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def _raise_file_limit() -> None:
    """Take as many descriptors as we may: each call of a room codec holds four sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


__all__ = ["UseError", "demo", "serve"]

"""`python -m sfu.probe URL ROOM`: what `sfu demo` starts beside the server."""

import asyncio
import contextlib
import signal
import sys

from sfu.probe.demo import run_demo


async def _run(url: str, room: str) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await run_demo(url, room)


def main() -> None:
    """Run until told to end; members say goodbye."""
    if len(sys.argv) != 3:
        sys.exit("usage: python -m sfu.probe URL ROOM")
    asyncio.run(_run(*sys.argv[1:]))


if __name__ == "__main__":
    main()

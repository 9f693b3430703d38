"""`python -m sfu.probe URL ROOM`: what `sfu demo` starts beside the server.

`--once URL ROOM` is what `sfu doctor` starts: one member of the echo room, exit code 0 where it
sees and hears itself.
"""

import asyncio
import contextlib
import os
import signal
import sys

from sfu.probe.demo import run_demo
from sfu.probe.member import Refused
from sfu.probe.once import see_oneself


async def _run(url: str, room: str) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await run_demo(url, room)


def main() -> None:
    """Run until told to end; members say goodbye."""
    with contextlib.suppress(PermissionError):  # whoever starts us may go before others: we do not
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    if sys.argv[1:2] == ["--once"] and len(sys.argv) == 4:
        try:
            missing = asyncio.run(see_oneself(*sys.argv[2:]))
        except (OSError, Refused) as error:
            missing = str(error)
        print(missing)
        sys.exit(1 if missing else 0)
    if len(sys.argv) != 3:
        sys.exit("usage: python -m sfu.probe [--once] URL ROOM")
    asyncio.run(_run(*sys.argv[1:]))


if __name__ == "__main__":
    main()

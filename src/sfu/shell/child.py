"""Programs of ours beside the server, started without its memory being copied for them.

After `fork`, which asyncio under uvloop stands on, each page of ours is found anew at the next
write, and who writes meanwhile is held: the engine's threads too, packets stood still for 4 to
14 ms each time.  `subprocess` lends the child our memory for the moment until its own program
begins (vfork), and nobody else notices.
"""

import asyncio
import os
import subprocess
from collections.abc import Sequence

_LOOK_S = 0.02
"""How often we look after one whose end the kernel cannot tell us (pidfd_open, Linux 5.3)."""


class Child:
    """One program that runs; whoever starts it sees it to its end."""

    def __init__(
        self, *words: str, pass_fds: Sequence[int] = (), piped: bool = False, **variables: str
    ) -> None:
        """Start it: with our output, or `piped` for `communicate`; OSError if it cannot be.

        `variables` are added to its environment, which is ours.
        """
        self._process = subprocess.Popen(
            words,
            pass_fds=pass_fds,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else None,
            env={**os.environ, **variables},
        )
        self.pid = self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end; one that has ended has."""
        self._process.terminate()

    def kill(self) -> None:
        """End it without a word; one that has ended has."""
        self._process.kill()

    async def communicate(self, said: bytes) -> bytes:
        """Say this, wait until it ends, return what it answered."""
        answered, _ = await asyncio.to_thread(self._process.communicate, said)
        return answered

    async def wait(self) -> int:
        """Wait until it ends; return its status."""
        try:
            ended = os.pidfd_open(self.pid)
        except OSError:
            while self.status is None:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(_LOOK_S)
            return self._process.wait()
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(ended, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(ended)
            os.close(ended)
        return self._process.wait()

"""Cards with names on them, each drawn once by a process of its own (`sfu.worker.title`).

::

    wanted --> known? -yes--> its film
                 `- no: None, and in turn --> process --> known, or known to fail

One process at a time, at low priority: names are those of rooms, and who dials all of them shall
not keep a core.  Without PyAV there are no names, and cards go without.
"""

import asyncio
import os
import sys
from collections import deque
from pathlib import Path

import structlog

from sfu.errors import UseError
from sfu.media.still import Picture, pictures
from sfu.shell.child import Child
from sfu.shell.tasks import spawn
from sfu.shell.workers import MixWorker

KEPT = 64
"""Films, 50 kB each; the one wanted longest ago goes first."""
WAITING = 64
"""Names that wait for their turn; who comes later asks again."""
PATIENCE_S = 20.0
MOST_BYTES = 1 << 20
NICE = 10

log = structlog.get_logger()

Film = tuple[Picture, ...]


class Titles:
    """All cards with names of one house."""

    def __init__(self) -> None:
        """Begin with none."""
        self._films: dict[tuple[Path, str], Film | None] = {}
        self._asked: deque[tuple[Path, str]] = deque()
        self._drawing: asyncio.Task[None] | None = None
        self._able = MixWorker.available()

    def film(self, card: Path, title: str) -> Film | None:
        """Return a card's film with a title on it; None until it is drawn, or where it fails."""
        key = (card, title)
        if key in self._films:
            found = self._films[key] = self._films.pop(key)
            return found
        if self._able and key not in self._asked and len(self._asked) < WAITING:
            self._asked.append(key)
            if self._drawing is None:
                self._drawing = spawn("titles", self._draw())
        return None

    async def close(self) -> None:
        """Draw no more."""
        if self._drawing is not None:
            self._drawing.cancel()
            await asyncio.wait([self._drawing])

    async def _draw(self) -> None:
        try:
            while self._asked:
                key = self._asked[0]
                try:
                    self._films[key] = await _drawn(*key)
                finally:
                    self._asked.popleft()
                while len(self._films) > KEPT:
                    del self._films[next(iter(self._films))]
        finally:
            self._drawing = None


async def _drawn(card: Path, title: str) -> Film | None:
    """Have one drawn; what goes wrong is told, and costs the name alone."""
    try:
        process = Child(
            sys.executable, "-m", "sfu.worker.title", str(card), piped=True,
            OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1",
        )  # fmt: skip
    except OSError as error:
        log.warning("card_without_title", title=title, reason=str(error))
        return None
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        said = await asyncio.wait_for(process.communicate(title.encode()), PATIENCE_S)
        if process.status or len(said) > MOST_BYTES:
            raise UseError(f"status {process.status}, {len(said)} bytes")
        return pictures(said)
    except (UseError, TimeoutError, OSError) as error:
        log.warning("card_without_title", title=title, reason=str(error) or "no answer")
        return None
    finally:
        if process.status is None:
            process.kill()
            await process.wait()

"""A simulated browser as the benchmark handles it: a process in the site's namespace."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Playwright

from benchmarks.line.lab import Lab
from benchmarks.line.site import Site
from benchmarks.line.systems.child import end

ANSWER_S = 30.0
PROMPT = ["chrt", "-f", "30"]
"""What it notes late would look like a queue; a browser's packets are dated by the system."""


class SimulatedSite(Site):
    """Joins our server alone; is told by lines and answers by lines."""

    def __init__(self, lab: Lab, number: int, folder: Path, *, loud: bool) -> None:
        super().__init__(lab, number, folder, folder)
        self._words = [str(number), str(folder), "loud" if loud else "quiet"]
        self._where = ("", "")
        self._process: subprocess.Popen[str] | None = None
        self._noted = lab.folder / f"simulated-{number}.json"

    async def open(self, playwright: Playwright) -> None:
        """Start the process."""
        words = [*self.lab.words(self.number), *PROMPT, sys.executable, "-m"]
        words += ["benchmarks.line.simulated"]
        self._process = subprocess.Popen(
            [*words, *self._words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        await self._heard()

    async def enter(self, host: str, room: str) -> None:
        """Remember where to go: it has no page."""
        self._where = (host, room)

    async def join(self) -> None:
        """Have it join; return when its media flows."""
        await self._told("join", *self._where)

    async def seen(self) -> list[int]:
        """Return nobody: it decodes nothing."""
        return []

    async def counted(self) -> dict[str, Any]:
        """End its meeting; return all it noted."""
        await self._told("end", str(self._noted))
        noted: dict[str, Any] = json.loads(self._noted.read_text())
        return noted | {"site": self.number, "errors": self.errors}

    async def close(self) -> None:
        if self._process and self._process.poll() is None:
            await asyncio.to_thread(end, self._process)  # type: ignore[arg-type]

    async def _told(self, *words: str) -> None:
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        await self._heard()

    async def _heard(self) -> None:
        assert self._process
        assert self._process.stdout
        async with asyncio.timeout(ANSWER_S):
            if not await asyncio.to_thread(self._process.stdout.readline):
                raise RuntimeError(f"the simulated browser of site {self.number} ended")

"""Our server as an operator runs it: three sites, three lines, the page over TLS."""

import asyncio
import re
import sys
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.line.lab import Lab
from benchmarks.line.scene import OVERHEAD_BYTES, RATE_BPS
from benchmarks.line.site import Site
from benchmarks.line.systems.child import child

ROOM = "4201"
TLS_PORT, LOCAL_PORT = 8443, 8080
LINE = """
[[site]]
name = "site{site}"

[[line]]
site = "site{site}"
up_bps = {rate}
down_bps = {rate}
framing = "atm"
overhead_bytes = {overhead}
networks = ["10.77.{site}.0/24"]
"""
TOLD = re.compile(
    r"^sfu_(\w*(?:line|pace|probe|estimate|allocat|rung|key_?frame|starved)\w*.*) (\S+)$"
)
"""Metrics that are kept with the run."""


@dataclass(frozen=True, slots=True)
class Ours:
    """`sfu serve` in the core namespace."""

    sites: int = 3
    title: str = "ours"
    log_level: str = "info"

    def needs(self) -> None:
        """Nothing but ourselves."""

    @asynccontextmanager
    async def start(self, lab: Lab, kept: Path) -> AsyncIterator["Room"]:
        path = lab.folder / "sfu.toml"
        path.write_text(configuration(lab.sites, self.log_level))
        words = [*lab.words(0), sys.executable, "-m", "sfu", "serve", "--config", str(path)]
        words += ["--data", str(lab.folder / "data")]
        room = Room(lab)
        async with child(words, kept / "sfu.log", room.ready, {}):
            yield room


def configuration(sites: int, level: str = "info") -> str:
    """Return the settings of this scene; all else is as the server comes."""
    lines = (
        LINE.format(site=site, rate=RATE_BPS, overhead=OVERHEAD_BYTES)
        for site in range(1, sites + 1)
    )
    return f'[log]\nformat = "json"\nlevel = "{level}"\n' + "".join(lines)


@dataclass(frozen=True, slots=True)
class Room:
    """The server, up."""

    lab: Lab

    def ready(self) -> bool:
        try:
            return bool(self._get("/readyz"))
        except OSError:
            return False

    def _get(self, path: str) -> str:
        return self.lab.inside(0).submit(_get, path).result()

    async def prepare(self, site: Site) -> None:
        host = f"{self.lab.core_address(site.number)}:{TLS_PORT}"
        await site.enter(host, ROOM)

    async def join(self, sites: Sequence[Site]) -> None:
        await asyncio.gather(*(site.join() for site in sites))

    async def look(self) -> dict[str, Any]:
        text = await asyncio.to_thread(self._get, "/metrics")
        matches = (TOLD.match(row) for row in text.splitlines())
        return {
            found[1]: float(found[2]) for found in matches if found and "_bucket" not in found[1]
        }

    def sip_uri(self, site: int) -> str:
        return f"sip:{ROOM}@{self.lab.core_address(site)}"


def _get(path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{LOCAL_PORT}{path}", timeout=3) as answer:
        return str(answer.read().decode())

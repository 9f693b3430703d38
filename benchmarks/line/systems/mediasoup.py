"""mediasoup with its own client library: simulcast and all other settings as they come.

`MEDIASOUP` names the folder with its node module and the worker built there, and its client library
as one file for pages; docs/performance.md says in words how to come by them.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.line.lab import Lab, Missing, need
from benchmarks.line.site import Site
from benchmarks.line.systems.child import child
from benchmarks.mediasoup import VARIABLE, absent

PORT = 8189
CLIENT = "mediasoup-client.js"
ENCODINGS = [
    {"scaleResolutionDownBy": 2, "maxBitrate": 150_000, "scalabilityMode": "L1T3"},
    {"maxBitrate": 700_000, "scalabilityMode": "L1T3"},
]


@dataclass(frozen=True, slots=True)
class Mediasoup:
    """One worker, one room."""

    title: str
    sites: int = 3

    def needs(self) -> None:
        need("node")
        reason = absent()
        if reason is None and not _client().exists():
            reason = f"{_client()} is missing"
        if reason is not None:
            raise Missing(f"mediasoup: {reason}")

    @asynccontextmanager
    async def start(self, lab: Lab, kept: Path) -> AsyncIterator["Room"]:
        addresses = [lab.core_address(site) for site in range(1, self.sites + 1)]
        script = str(Path(__file__).with_suffix(".js"))
        words = [*lab.words(0), "node", script, os.environ[VARIABLE], str(PORT), *addresses]

        def ready() -> bool:
            return lab.inside(0).submit(_listens, addresses[0]).result()

        async with child(words, kept / "mediasoup.log", ready, {}):
            yield Room(lab)


@dataclass(frozen=True, slots=True)
class Room:
    """The room, open."""

    lab: Lab

    async def prepare(self, site: Site) -> None:
        await site.blank("peer.js", str(_client()), "mediasoup.js")
        await site.say("lineOpen")

    async def join(self, sites: Sequence[Site]) -> None:
        await asyncio.gather(*map(self._join, sites))

    async def _join(self, site: Site) -> None:
        url = f"http://{self.lab.core_address(site.number)}:{PORT}"
        wish = {"url": url, "site": site.number, "encodings": ENCODINGS}
        await site.say("lineMediasoup", wish)

    async def look(self) -> dict[str, Any]:
        return {}

    def sip_uri(self, site: int) -> str:
        raise AssertionError("it knows no SIP")


def _client() -> Path:
    return Path(os.environ[VARIABLE]).absolute() / CLIENT


def _listens(host: str) -> bool:
    try:
        socket.create_connection((host, PORT), 1).close()
    except OSError:
        return False
    return True

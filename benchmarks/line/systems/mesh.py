"""Plain connections between browsers; one pair of them is peer to peer."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.line.lab import Lab
from benchmarks.line.scene import DELAY_MS
from benchmarks.line.site import Site

HOP_S = 2 * DELAY_MS / 1000
"""What a word from site to site takes; descriptions are carried here, not by the lines."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """Everybody is connected with everybody."""

    sites: int
    title: str

    def needs(self) -> None:
        """Chromium alone."""

    @asynccontextmanager
    async def start(self, lab: Lab, kept: Path) -> AsyncIterator["Mesh"]:
        yield self

    async def prepare(self, site: Site) -> None:
        await site.blank("peer.js")
        await site.say("lineOpen")

    async def join(self, sites: Sequence[Site]) -> None:
        await asyncio.gather(*(_meet(*pair) for pair in itertools.combinations(sites, 2)))

    async def look(self) -> dict[str, Any]:
        return {}

    def sip_uri(self, site: int) -> str:
        raise AssertionError("browsers know no SIP")


async def _meet(caller: Site, callee: Site) -> None:
    offer = await caller.say("lineOffer", callee.number)
    await asyncio.sleep(HOP_S)
    answer = await callee.say("lineAnswer", [caller.number, offer])
    await asyncio.sleep(HOP_S)
    await caller.say("lineTake", [callee.number, answer])

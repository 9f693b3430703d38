"""One run: everybody joins, the lines change, all that was counted is returned."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from benchmarks.line import camera, codec, voice
from benchmarks.line.lab import Lab
from benchmarks.line.record import Record
from benchmarks.line.scene import Scene, Variant
from benchmarks.line.simulated import film
from benchmarks.line.simulated.site import SimulatedSite
from benchmarks.line.site import Site
from benchmarks.line.systems.base import Running, System
from sfu.shell.tasks import spawn

SETTLE_S = 3.0
"""From open cameras to the join, so that browsers have started."""
LOOK_S = 1.0
"""Between two looks at a system's metrics: the others are not asked for any."""
Tell = Callable[[str], None]


async def play(system: System, scene: Scene, kept: Path, tell: Tell) -> Record:
    """Play the scene with a system once; `kept` takes logs."""
    variant = scene.variant
    folder, numbers = camera.folder(), range(1, (variant.sites or system.sites) + 1)
    for number in numbers:
        await asyncio.to_thread(_prepare, variant, folder, number, len(numbers))
    async with AsyncExitStack() as stack:
        lab = stack.enter_context(Lab(len(numbers)))
        running = await stack.enter_async_context(system.start(lab, kept))
        playwright = await stack.enter_async_context(async_playwright())
        sites = [_site(variant, lab, number) for number in numbers]
        for site in sites:
            stack.push_async_callback(site.close)
        await asyncio.gather(*(site.open(playwright) for site in sites))
        await asyncio.gather(*(running.prepare(site) for site in sites))
        await asyncio.sleep(SETTLE_S)
        meeting = Meeting(lab, scene, running, sites, kept, tell)
        return await meeting.run() | {"title": system.title}


def _simulated(variant: Variant, number: int, sites: int) -> bool:
    return number > sites - variant.simulated


def _prepare(variant: Variant, folder: Path, number: int, sites: int) -> None:
    """Make what a site films and says, before anything is measured."""
    camera.film(folder, number, variant.camera)
    if _simulated(variant, number, sites):
        film.pictures(folder, number)
        film.speech(folder, number, loud=variant.speaker == number)


def _site(variant: Variant, lab: Lab, number: int) -> Site:
    folder, loud = camera.folder(), variant.speaker in (0, number)
    if _simulated(variant, number, lab.sites):
        return SimulatedSite(lab, number, folder, loud=loud)
    film_of = camera.film(folder, number, variant.camera)
    return Site(lab, number, film_of, voice.speech(folder, number, loud=loud))


class Meeting:
    """Browsers and codecs from their join to the end of the scene."""

    def __init__(
        self, lab: Lab, scene: Scene, running: Running, sites: list[Site], kept: Path, tell: Tell
    ) -> None:
        self._lab, self._scene, self._running, self._sites = lab, scene, running, sites
        self._kept, self._tell = kept, tell
        self._began = 0.0
        self._looks: list[dict[str, Any]] = []
        self._seen: dict[int, list[int]] = {}

    async def run(self) -> Record:
        codecs = self._codecs()
        async with self._looked_at(), codec.calling(codecs):
            self._began = time.time()
            before = _cpu()
            joined = spawn("join", self._running.join(self._sites))
            try:
                with codec.downloading(self._lab, self._scene) as bulk:
                    await self._story(bulk)
                await joined
            finally:
                joined.cancel()
            busy = _busy(before)
            counted = await asyncio.gather(*(site.counted() for site in self._sites))
        return {
            "joined_at": self._began,
            "sites": len(self._sites),
            "variant": self._scene.variant.name,
            "phases": [[one.name, one.begin, one.end] for one in self._scene.phases],
            "counted": counted,
            "lines": [row for row in self._lab.history() if row["time"] >= self._began - 1],
            "looks": self._looks,
            "codecs": [one.report() for one in codecs],
            "bulk_bytes": bulk.received_bytes(),
            "seen": self._seen,
            "cpu": busy,
        }

    def _codecs(self) -> list[codec.RoomCodec]:
        count = self._scene.variant.codecs
        last = [site.number for site in self._sites[-count:]] if count else []
        return [
            codec.RoomCodec(self._lab, number, self._running.sip_uri(number), self._kept)
            for number in last
        ]

    async def _story(self, bulk: codec.Download) -> None:
        changes = {one.at: one.settings for one in self._scene.changes}
        for phase in self._scene.phases:
            await self._until(phase.begin)
            if phase.begin in changes:
                self._lab.change(changes[phase.begin])
            self._tell(f"{phase.name} {phase.begin:g}-{phase.end:g} s")
            if phase.name == "steady":
                bulk.begin()
                await self._until(phase.begin + min(5.0, phase.lasts_s / 2))
                self._seen = {site.number: await site.seen() for site in self._sites}
        await self._until(self._scene.seconds)

    async def _until(self, second: float) -> None:
        await asyncio.sleep(max(0.0, self._began + second - time.time()))

    @asynccontextmanager
    async def _looked_at(self) -> AsyncIterator[None]:
        task = spawn("look", self._look())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(OSError):
                if said := await self._running.look():
                    self._looks.append({"at": time.time(), "said": said})


def _cpu() -> list[int]:
    return [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]


def _busy(before: list[int]) -> float:
    grown = [now - then for now, then in zip(_cpu(), before, strict=True)]
    return 1 - (grown[3] + grown[4]) / (sum(grown) or 1)

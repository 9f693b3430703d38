"""F1: the walk of docs/first-day.md, step by step, on a server that was just started.

::

    doctor -> settings -> reload -> the first room registers -> it is called, another dials in,
    somebody opens the page -> all see each other -> they leave -> the report

`python -m tests.interop.newcomer ROOT OUT` walks on a server installed in a folder
(`scripts/fresh-machine --newcomer` does it); test_newcomer.py on one of its own.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.async_api import FloatRect, Page

from tests.interop.fixtures import ANNE, LAJOUX, MOREZ
from tests.interop.wait import until

SETTINGS = """
[ledger]
least_minutes = 0.0      # for this walk: a meeting of a minute counts

[[account]]
user = "lajoux"
password = "un-long-mot"
[[account]]
user = "morez"
password = "un-autre-mot"

[[site]]
name = "lajoux"
title = "Lajoux"
[[site]]
name = "morez"
title = "Morez"
[[distance]]
between = ["lajoux", "morez"]
km = 26

[[endpoint]]
number = "7001"
uri = "sip:lajoux@192.0.2.21"
name = "Lajoux"
site = "lajoux"
[[endpoint]]
number = "7002"
uri = "sip:morez@192.0.2.22"
name = "Morez"
site = "morez"

[[room]]
number = "4201"
name = "Conseil communautaire"
"""
"""What the newcomer adds to the settings; docs/first-day.md shows the same."""

PREVIEWED = "() => document.getElementById('mirror').videoWidth > 0"


@dataclass
class Newcomer:
    """Somebody with this page open and a shell on the server."""

    meeting: Any
    """Makes rooms and people (tests/interop/conftest.py)."""
    page: str
    local: str
    sip_port: int
    settings: Path
    sfu: Sequence[str]
    """How the command is called there."""
    out: Path
    """Where screenshots go."""
    steps: list[str] = field(default_factory=list)
    _begin: float = field(default_factory=time.monotonic)

    def note(self, words: str) -> None:
        self.steps.append(f"{time.monotonic() - self._begin:6.1f} s  {words}")
        print(self.steps[-1], flush=True)

    async def run(self, *words: str) -> str:
        """Give a command on the server; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            *self.sfu, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, f"sfu {' '.join(words)}: {out.decode()}"
        return out.decode()

    def get(self, path: str) -> Any:
        with urlopen(self.local + path, timeout=5) as answer:
            return json.loads(answer.read())

    async def shot(self, page: Page, name: str, height: int = 720) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        clip: FloatRect = {"x": 0, "y": 0, "width": 1280, "height": height}
        await page.screenshot(path=self.out / f"{name}.png", clip=clip)

    async def walk(self) -> None:
        """From the first look to the report."""
        said = await self.run("doctor", "--no-loops")
        self.note(f"doctor: {said.strip().splitlines()[-1]}")
        self.settings.write_text(self.settings.read_text() + SETTINGS)
        said = await self.run("reload")
        assert "counts now:" in said
        assert "room" in said
        self.note(said.strip().splitlines()[0])
        morez = await self.registered()
        await self.met(morez)
        await self.reported()

    async def registered(self) -> Any:
        """The first room registers with its account, and hears itself in the echo test."""
        morez = await self.meeting.room(
            MOREZ, user="morez", registrar=self.sip_port,
            account="auth_user=morez;auth_pass=un-autre-mot",
        )  # fmt: skip
        await until(lambda: "registration" in self.metrics_say("sfu_registrations 1"), 15, "it")
        self.note("the first room is registered")
        return morez

    def metrics_say(self, line: str) -> str:
        with urlopen(self.local + "/metrics", timeout=5) as answer:
            return "registration" if line in answer.read().decode().replace(".0", "") else ""

    async def met(self, morez: Any) -> None:
        """The room is called in, another one dials, somebody opens the page."""
        lobby = await self.meeting.visitor(ANNE, self.page)
        await lobby.page.fill("#name", "Anne")
        await lobby.page.wait_for_function(PREVIEWED)
        await self.shot(lobby.page, "first-lobby", 535)  # the names of devices are this machine's
        said = json.loads(await self.run("call", "morez", "--room", "4201"))
        assert said["answered"]
        self.note("the room is called into its first meeting")
        lajoux = await self.meeting.room(
            LAJOUX, user="lajoux", registrar=self.sip_port,
            account="auth_user=lajoux;auth_pass=un-long-mot",
        )  # fmt: skip
        # here all addresses are one, so that a site is known by its account alone: it is called too
        said = json.loads(await self.run("call", "lajoux", "--room", "4201"))
        assert said["answered"]
        await lobby.join()
        await lobby.sees(LAJOUX, MOREZ)
        await morez.sees(LAJOUX)
        self.note("two rooms and a page see each other")
        await until(lambda: self.states().count("ok") >= 2, 15, "two that fare well")
        await self.shot(lobby.page, "first-meeting")
        await lobby.press("leave")
        await lajoux.hang_up()
        await morez.hang_up()
        await until(lambda: not self.states(), 40, "the end")
        self.note("all have left")

    def states(self) -> list[str]:
        """How the pictures of all who are in the room fare."""
        return [one["video"] for one in self.get("/api/v1/rooms")[0]["members"]]

    async def reported(self) -> None:
        """What the meeting saved, in the shell and on the page."""
        said = ""

        async def counted() -> bool:
            nonlocal said
            said = await self.run("report", "--by", "site")
            return "52" in said

        await until(counted, 20, "the meeting in the report", every=0.5)
        assert "Lajoux" in said
        self.note("the report: one drove not, 52 km there and back")
        visitor = await self.meeting.visitor(ANNE, self.local + "/report?")
        await visitor.page.wait_for_selector("main[aria-busy=false]")
        await self.shot(visitor.page, "first-report")


def main() -> None:
    """Walk on a server installed in ROOT (a folder entered by chroot), on its usual ports."""
    root, out = Path(sys.argv[1]), Path(sys.argv[2])

    async def story() -> None:
        from contextlib import AsyncExitStack
        from tempfile import TemporaryDirectory

        from tests.interop.conftest import Meeting

        with TemporaryDirectory() as home:
            async with AsyncExitStack() as stack:
                newcomer = Newcomer(
                    Meeting(Path(home), stack), "https://127.0.0.1:8443", "http://127.0.0.1:8080",
                    5060, root / "etc/sfu/sfu.toml", ["chroot", str(root), "/usr/local/bin/sfu"],
                    out,
                )  # fmt: skip
                await newcomer.walk()

    asyncio.run(asyncio.wait_for(story(), 240))


if __name__ == "__main__":
    main()

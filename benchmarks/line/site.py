"""A person behind a line: a headless Chromium in the site's namespace."""

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Playwright

from benchmarks.line import camera
from benchmarks.line.lab import Lab

PAGES = Path(__file__).parent / "pages"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks",
]
BLANK = "http://localhost/"
"""A secure context in any namespace; its page is answered here, not by a server."""


class Site:
    """One site's browser and its page."""

    def __init__(self, lab: Lab, number: int, film: Path, speech: Path) -> None:
        self.lab, self.number = lab, number
        self._media = [
            f"--use-file-for-fake-video-capture={film}",
            f"--use-file-for-fake-audio-capture={speech}",
        ]
        self._browser: Browser | None = None
        self._page: Page | None = None
        self.errors: list[str] = []
        """What the page printed as errors."""

    @property
    def page(self) -> Page:
        assert self._page
        return self._page

    async def open(self, playwright: Playwright) -> None:
        """Start the browser; no page is loaded yet."""
        program = self.lab.folder / f"chromium-{self.number}"
        words = shlex.join(self.lab.words(self.number))
        program.write_text(f'#!/bin/sh\nexec {words} chromium "$@"\n')
        program.chmod(0o755)
        self._browser = await playwright.chromium.launch(
            executable_path=program, headless=True, args=[*FLAGS, *self._media]
        )
        context = await self._browser.new_context(
            ignore_https_errors=True,
            locale="en",
            permissions=["camera", "microphone"],
            viewport={"width": 960, "height": 600},
        )
        self._page = await context.new_page()
        await self.page.add_init_script((PAGES / "watch.js").read_text())
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def blank(self, *scripts: str) -> None:
        """Load an empty page that is a secure context, with these scripts of `pages`."""
        await self.page.route(
            re.compile("^" + re.escape(BLANK)),
            lambda route: route.fulfill(
                content_type="text/html", body="<!doctype html><title>line</title><body>"
            ),
        )
        await self.page.goto(BLANK)
        for name in scripts:
            await self.page.add_script_tag(content=(PAGES / name).read_text())

    async def say(self, function: str, argument: Any = None) -> Any:
        """Call a function of the page; return what it returns."""
        return await self.page.evaluate(function, argument)

    async def enter(self, host: str, room: str) -> None:
        """Open our page and its camera; nobody has joined yet."""
        words = f"room={room}&name=Site+{self.number}&sound=raw"
        await self.page.goto(f"https://{host}/?{words}")
        async with asyncio.timeout(30):  # Playwright's own waiting is not allowed by our policy
            while not await self.say("Boolean(globalThis.sfu?.devices.camera)"):
                await asyncio.sleep(0.1)

    async def join(self) -> None:
        """Press our page's button."""
        await self.say("document.getElementById('enter').click()")

    async def seen(self) -> list[int]:
        """Return who is seen now, as numbers of sites, 0 for a picture of nobody."""
        rows, columns = camera.PATCH
        middle = [columns.start + 20, rows.start + 12, 56, 40]
        colours = await self.say("lineSeen", middle)
        return sorted(camera.whose(tuple(rgb)) for rgb in colours)

    async def counted(self) -> dict[str, Any]:
        """End the page's meeting; return all that was noted since the page was loaded."""
        noted: dict[str, Any] = json.loads(await self.say("lineEnd()"))
        return noted | {"site": self.number, "errors": self.errors}

    async def close(self) -> None:
        if self._browser:
            await self._browser.close()

"""Real programs around a real server; everything ends with its test, by its own pid."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Playwright, async_playwright

from tests.databases import kept_at
from tests.interop.baresip import Baresip
from tests.interop.chromium import Visitor
from tests.interop.fixtures import Identity
from tests.interop.gstreamer import GstUnit
from tests.interop.pjsua import Pjsua
from tests.interop.ports import SERVERS, UNITS, block
from tests.interop.server import Server
from tests.interop.unit import Unit
from tests.postgres import Postgres


class Meeting:
    """A server, the rooms' codecs and the people at browsers of one test."""

    def __init__(self, home: Path, stack: AsyncExitStack, cluster: Postgres | None = None) -> None:
        self._home = home
        self._stack = stack
        self._cluster = cluster
        self._playwright: Playwright | None = None
        self.server: Server

    async def serve(
        self,
        settings: str = "",
        prefix: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
        webrtc: str = "",
    ) -> Server:
        """Start a server; who joins from now on joins this one."""
        home = self._folder("server")
        if self._cluster is not None and "[store]" not in settings:
            settings += kept_at(self._cluster.laid())
        self.server = Server(home, self.base(), settings, prefix, environment or {}, webrtc)
        self._stack.push_async_callback(self.server.stop)
        await self.server.start()
        return self.server

    def base(self) -> int:
        """Have a thousand of ports for a server."""
        return self._stack.enter_context(block(SERVERS, 7))

    def _unit_port(self) -> int:
        return self._stack.enter_context(block(UNITS, 20))

    def cleanup(self, stop: Callable[[], Awaitable[object]]) -> None:
        """Have something end with the meeting."""
        self._stack.push_async_callback(stop)

    async def room(self, who: Identity, **options: object) -> Baresip:
        """Start a room's codec; it does not call yet."""
        codec = Baresip(who, self._folder(who.name), self._unit_port(), **options)  # type: ignore[arg-type]
        self._stack.push_async_callback(codec.stop)
        await codec.start()
        return codec

    def _folder(self, name: str) -> Path:
        """Return a folder nobody of this name has had."""
        folders = (self._home / (f"{name}-{n}" if n else name) for n in itertools.count())
        return next(folder for folder in folders if not folder.exists())

    def phone(self, who: Identity) -> Pjsua:
        """Prepare a softphone; it does not call yet."""
        phone = Pjsua(who, self._folder(f"pjsua-{who.name}"))
        self._stack.push_async_callback(phone.stop)
        return phone

    def gstreamer(self, who: Identity) -> GstUnit:
        """Prepare a codec of SIPp and GStreamer; it does not call yet."""
        unit = GstUnit(
            who, self._folder(f"gst-{who.name}"), self.server.sip_port, modes=(0,), sends=0
        )
        unit.port = self._unit_port()
        self._stack.push_async_callback(unit.stop)
        return unit

    def unit(self, who: Identity, **options: object) -> Unit:
        """Prepare a codec whose signalling is SIPp's; it does not call yet."""
        unit = Unit(who, self._home / f"unit-{who.name}", self.server.sip_port, **options)  # type: ignore[arg-type]
        unit.port = self._unit_port()
        self._stack.push_async_callback(unit.stop)
        return unit

    async def person(self, who: Identity, url: str = "", *, room: str = "4201") -> Visitor:
        """Have somebody join by the page."""
        visitor = await self.visitor(who, url, room=room)
        await visitor.join()
        return visitor

    async def visitor(self, who: Identity, url: str = "", *, room: str = "4201") -> Visitor:
        """Have somebody open the page."""
        if self._playwright is None:
            self._playwright = await self._stack.enter_async_context(async_playwright())
        visitor = Visitor(who, self._playwright)
        self._stack.push_async_callback(visitor.close)
        await visitor.open(f"{url or self.server.page}/?room={room}&sound=raw")
        return visitor


@asynccontextmanager
async def _meeting(home: Path, cluster: Postgres | None) -> AsyncIterator[Meeting]:
    async with AsyncExitStack() as stack:
        yield Meeting(home, stack, cluster)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest) -> Postgres | None:
    """Give the PostgreSQL that --database asks for, None where servers keep in a file."""
    asked = request.config.getoption("--database") == "postgresql"
    return request.getfixturevalue("cluster") if asked else None


@pytest.fixture
def meeting(tmp_path: Path, elsewhere: Postgres | None) -> Callable[[], object]:
    """Return what opens a meeting: `async with meeting() as m`."""
    return lambda: _meeting(tmp_path, elsewhere)

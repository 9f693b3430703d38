"""What the benchmark wants of a system."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from benchmarks.line.lab import Lab
from benchmarks.line.site import Site


class Running(Protocol):
    """A system that is up, in one lab."""

    async def prepare(self, site: Site) -> None:
        """Load the page, open camera and microphone."""

    async def join(self, sites: Sequence[Site]) -> None:
        """Have everybody join at once; return when the last has asked."""

    async def look(self) -> dict[str, Any]:
        """Return what it says of itself now, asked once a second; empty: nothing."""

    def sip_uri(self, site: int) -> str:
        """Return what a room codec at this site calls; only of those that know SIP."""


class System(Protocol):
    """One that can be started in a lab."""

    @property
    def title(self) -> str: ...

    @property
    def sites(self) -> int: ...

    def needs(self) -> None:
        """Raise Missing where this machine cannot run it."""

    def start(self, lab: Lab, kept: Path) -> AbstractAsyncContextManager[Running]:
        """Start it; logs that shall stay go to the folder `kept`."""

"""Janus from Debian: its video room, with a cap or with simulcast."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.line.lab import Lab, need
from benchmarks.line.site import Site
from benchmarks.line.systems.child import child

PORT, ROOM = 8188, 1234
CORE = """\
general: {{ configs_folder = "{folder}"
  debug_level = 3 }}
nat: {{ ice_enforce_list = "{addresses}" }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
"""
SOCKETS = """\
general: {{ ws = true
  ws_port = {port} }}
"""
VIDEOROOM = """\
room-{room}: {{ description = "line"
  publishers = 6
  bitrate = {bitrate}
  fir_freq = 0
  videocodec = "vp8" }}
"""


@dataclass(frozen=True, slots=True)
class Janus:
    """A room; `bitrate` is its cap in bit/s, 0 for none."""

    title: str
    bitrate: int = 0
    simulcast: bool = False
    sites: int = 3

    def needs(self) -> None:
        need("janus")

    @asynccontextmanager
    async def start(self, lab: Lab, kept: Path) -> AsyncIterator["Room"]:
        folder = lab.folder / "janus"
        folder.mkdir()
        addresses = [lab.core_address(site) for site in range(1, self.sites + 1)]
        fields = {
            "folder": folder,
            "addresses": ",".join(addresses),
            "plugins": ",".join(_others("plugins", "libjanus_videoroom.so")),
            "transports": ",".join(_others("transports", "libjanus_websockets.so")),
            "port": PORT,
            "room": ROOM,
            "bitrate": self.bitrate,
        }
        for name, text in (
            ("janus", CORE), ("janus.transport.websockets", SOCKETS),
            ("janus.plugin.videoroom", VIDEOROOM),
        ):  # fmt: skip
            (folder / f"{name}.jcfg").write_text(text.format(**fields))
        words = [*lab.words(0), "janus", "-F", str(folder), "-o"]

        def ready() -> bool:
            return lab.inside(0).submit(_listens, addresses[0]).result()

        async with child(words, kept / "janus.log", ready, {}):
            yield Room(lab, self.simulcast)


@dataclass(frozen=True, slots=True)
class Room:
    """The room, open."""

    lab: Lab
    simulcast: bool

    async def prepare(self, site: Site) -> None:
        await site.blank("peer.js", "janus.js")
        await site.say("lineOpen")

    async def join(self, sites: Sequence[Site]) -> None:
        await asyncio.gather(*map(self._join, sites))

    async def _join(self, site: Site) -> None:
        url = f"ws://{self.lab.core_address(site.number)}:{PORT}"
        wish = {"url": url, "room": ROOM, "site": site.number, "simulcast": self.simulcast}
        await site.say("lineJanus", wish)

    async def look(self) -> dict[str, Any]:
        return {}

    def sip_uri(self, site: int) -> str:
        raise AssertionError("its video room knows no SIP")


def _others(kind: str, wanted: str) -> list[str]:
    """Return the modules we do not load: one found on a port would be one too many."""
    listed = subprocess.run(["dpkg", "-L", "janus"], capture_output=True, text=True).stdout
    paths = [Path(line) for line in listed.splitlines() if f"/janus/{kind}/" in line]
    names = {path.name.partition(".so")[0] + ".so" for path in paths}
    return sorted(names - {wanted})


def _listens(host: str) -> bool:
    try:
        socket.create_connection((host, PORT), 1).close()
    except OSError:
        return False
    return True

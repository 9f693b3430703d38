"""Who is measured: what it starts in the core, and how a site joins."""

from benchmarks.line.systems.base import System
from benchmarks.line.systems.janus import Janus
from benchmarks.line.systems.mesh import Mesh
from benchmarks.line.systems.ours import Ours

SYSTEMS: dict[str, System] = {
    "p2p": Mesh(sites=2, title="peer to peer, 2 rooms"),
    "mesh": Mesh(sites=3, title="mesh of 3"),
    "janus-cap": Janus("Janus 1.1.2, cap 512k", bitrate=512_000),
    "janus-simulcast": Janus("Janus 1.1.2, simulcast", simulcast=True),
    "ours": Ours(),
}

KNOW_SIP = frozenset({"ours"})
"""Those a room codec can join."""

__all__ = ["KNOW_SIP", "SYSTEMS", "System"]

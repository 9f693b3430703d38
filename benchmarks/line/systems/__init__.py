"""Who is measured: what it starts in the core, and how a site joins."""

import os

from benchmarks.line.systems.base import System
from benchmarks.line.systems.janus import Janus
from benchmarks.line.systems.mediasoup import Mediasoup
from benchmarks.line.systems.mesh import Mesh
from benchmarks.line.systems.ours import Ours
from benchmarks.mediasoup import VARIABLE

SYSTEMS: dict[str, System] = {
    "p2p": Mesh(sites=2, title="peer to peer, 2 rooms"),
    "mesh": Mesh(sites=3, title="mesh of 3"),
    "janus-cap": Janus("Janus 1.1.2, cap 512k", bitrate=512_000),
    "janus-simulcast": Janus("Janus 1.1.2, simulcast", simulcast=True),
    "ours": Ours(),
    "mediasoup": Mediasoup("mediasoup, simulcast"),
}

KNOW_SIP = frozenset({"ours"})
"""Those a room codec, or a simulated browser, can join."""

BROUGHT = frozenset({"mediasoup"})
"""Those no package installs: unasked, they take part where they were brought."""


def present() -> list[str]:
    """Return who takes part unasked."""
    return [name for name in SYSTEMS if name not in BROUGHT or VARIABLE in os.environ]


__all__ = ["KNOW_SIP", "SYSTEMS", "System", "present"]

"""How the service itself fares, gathered for a scrape."""

import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING

from sfu.metrics.readings import ServiceFigures

if TYPE_CHECKING:
    from sfu.app.server import Server


def figures(server: "Server") -> ServiceFigures:
    """Say which version runs, how long its certificate lasts, and what the disk has left."""
    return ServiceFigures(
        version("sfu"),
        server.house.drain.on,
        server.certificate_ends_at,
        shutil.disk_usage(server.directory).free,
        dict(server.reloads),
    )

"""The service itself as a scrape sees it."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from sfu.metrics.family import counter, gauge
from sfu.metrics.readings import ServiceFigures

RELOADS = ("done", "refused")


def service(figures: ServiceFigures) -> Iterator[Metric]:
    """Yield the families of the service."""
    yield gauge(
        "sfu_build_info", "1; says which version runs.", [((figures.version,), 1)], ["version"]
    )
    yield gauge("sfu_draining", "1 while it lets nobody new in.", [((), int(figures.draining))])
    yield gauge(
        "sfu_certificate_expiry_timestamp_seconds",
        "When the certificate of page and SIP is good no more.",
        [((), figures.certificate_ends_at)],
    )
    yield gauge(
        "sfu_disk_free_bytes",
        "Left where the data directory lies.",
        [((), figures.disk_free_bytes)],
    )
    yield counter(
        "sfu_reloads", "Settings read again.",
        [((one,), figures.reloads.get(one, 0)) for one in RELOADS], ["outcome"],
    )  # fmt: skip

"""What meetings saved, as a scrape sees it; label `site` as it was configured."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from sfu.metrics.family import counter, labelled
from sfu.metrics.readings import LedgerFigures


def ledger(figures: LedgerFigures) -> Iterator[Metric]:
    """Yield the families of the ledger."""
    yield counter(
        "sfu_ledger_meetings",
        "Meetings of two sites and more that there are records of.",
        [((), figures.meetings)],
    )
    yield counter("sfu_ledger_km", "Kilometres nobody drove.", labelled(figures.km), ["site"])
    yield counter("sfu_ledger_co2_kg", "Their CO2.", labelled(figures.co2_kg), ["site"])

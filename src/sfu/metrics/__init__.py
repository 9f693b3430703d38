"""Numbers for operators: snapshots in, Prometheus families out at scrape time.  Pure.

docs/metrics.md has a line for each name.
"""

from sfu.metrics.collector import Metrics
from sfu.metrics.readings import (
    BookingFigures,
    LedgerFigures,
    LineFigures,
    Readings,
    TrunkFigures,
    WorkerReading,
)
from sfu.metrics.totals import Totals

__all__ = [
    "BookingFigures",
    "LedgerFigures",
    "LineFigures",
    "Metrics",
    "Readings",
    "Totals",
    "TrunkFigures",
    "WorkerReading",
]

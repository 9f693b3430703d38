"""What meetings saved, on /metrics."""

import pytest

from sfu.metrics import Metrics
from tests.metrics.test_collector import READINGS, scrape


@pytest.mark.parametrize(
    ("sample", "value"),
    [
        ("sfu_ledger_meetings_total", 6),
        ("sfu_ledger_km_total{site=morez}", 2584),
        ("sfu_ledger_km_total{site=other}", 4),
        ("sfu_ledger_co2_kg_total{site=morez}", 630.496),
    ],
)
def test_what_was_saved_is_told_by_site(sample, value):
    assert scrape(Metrics(lambda: READINGS))[sample] == value

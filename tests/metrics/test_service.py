"""The service itself on /metrics."""

from dataclasses import replace

import pytest

from sfu.metrics import Metrics
from sfu.metrics.readings import ServiceFigures
from tests.metrics.test_collector import READINGS, scrape

FIGURES = ServiceFigures("1.2.3", True, 1_800_000_000.0, 5_000_000_000, {"refused": 2})


@pytest.mark.parametrize(
    ("sample", "value"),
    [
        ("sfu_build_info{version=1.2.3}", 1),
        ("sfu_draining", 1),
        ("sfu_certificate_expiry_timestamp_seconds", 1_800_000_000),
        ("sfu_disk_free_bytes", 5_000_000_000),
        ("sfu_reloads_total{outcome=done}", 0),
        ("sfu_reloads_total{outcome=refused}", 2),
    ],
)
def test_the_service_tells_of_itself(sample, value):
    assert scrape(Metrics(lambda: replace(READINGS, service=FIGURES)))[sample] == value

"""Bookings on /metrics."""

import pytest

from sfu.metrics import Metrics
from tests.metrics.test_collector import READINGS, scrape


@pytest.mark.parametrize(
    ("sample", "value"),
    [
        ("sfu_bookings", 4),
        ("sfu_booking_answers_total{reason=taken}", 1),
        ("sfu_booking_steps_total{step=called}", 8),
    ],
)
def test_answers_and_steps_are_counted(sample, value):
    assert scrape(Metrics(lambda: READINGS))[sample] == value

"""Receiver reports: a glimpse each some seconds, or a sensor."""

import pytest

from sfu.media.bwe import Reported
from sfu.media.bwe.reports import Reports
from sfu.model import TransportId

LEG = TransportId(1)


def hear(reports: Reports, now: float, rtt_ms, loss: float | None = 0.0, jitter_s: float = 0.025):
    rtt_s = None if rtt_ms is None else rtt_ms / 1000
    return reports.heard(Reported(LEG, loss, jitter_s, rtt_s), now)


def test_what_is_above_the_least_round_trip_is_queue():
    reports = Reports()
    assert hear(reports, 0.0, 40).clean
    verdict = hear(reports, 2.5, 110)
    assert verdict.over
    assert round(verdict.queue_s or 0, 3) == 0.07


def test_the_other_directions_queue_is_not_this_ones():
    reports = Reports()
    hear(reports, 0.0, 40)
    reports.opposite_s = 0.06
    assert not hear(reports, 2.5, 110).over


def test_loss_without_delay_is_noise():
    reports = Reports()
    hear(reports, 0.0, 40)
    assert not any(hear(reports, 2.5 * n, 45, 0.05).over for n in range(1, 9))
    assert hear(reports, 25.0, 75, 0.05).over
    assert hear(reports, 27.5, 45, 0.3).over


def test_without_a_round_trip_loss_is_believed_when_told_twice():
    reports = Reports()
    assert [hear(reports, 5.0 * n, None, 0.05).over for n in range(1, 4)] == [False, True, True]


def test_a_sensor_is_believed_sooner_but_not_by_one_sample():
    reports = Reports()
    for n in range(40):
        assert not hear(reports, n / 4, 40, None).over
    assert not hear(reports, 10.0, 75, None).over
    assert hear(reports, 10.25, 75, None).over
    assert hear(reports, 10.5, 42, None).clean


def test_a_leg_that_went_is_forgotten():
    reports = Reports()
    hear(reports, 0.0, 40)
    reports.close(LEG)
    assert hear(reports, 1.0, 200).clean


def test_a_queue_grew_from_one_sending_to_the_next_not_from_one_answer_to_the_next():
    reports = Reports()
    for n in range(40):
        hear(reports, n / 4, 40, None)
    # sent at 10.0 and 10.25, 0.6 s a second: back at 10.19 and 10.59
    hear(reports, 10.19, 190, None)
    assert hear(reports, 10.59, 340, None).slope == pytest.approx(0.6)
    # and 10.5 and 10.75, as it goes
    hear(reports, 10.75, 250, None)
    assert hear(reports, 10.93, 180, None).slope == pytest.approx(-0.28)

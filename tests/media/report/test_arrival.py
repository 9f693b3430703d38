from hypothesis import given
from hypothesis import strategies as st

from sfu.media.report.arrival import INTERVAL_US, KEPT, ArrivalLog
from sfu.media.rtp import rtcp
from sfu.media.rtp.rtcp.transport_cc import RawFeedback, parse_transport_feedback

ENDS = bytes(8)


def taken(log: ArrivalLog, now_us: int):
    return [parse_transport_feedback(ENDS + told) for told in log.take(now_us)]


def test_feedback_comes_about_ten_times_a_second():
    log = ArrivalLog()
    log.add(5, 1_000_000)
    (first,) = taken(log, 1_000_000)
    assert (first.base, first.number, first.arrivals) == (5, 0, (4000,))
    log.add(6, 1_010_000)
    assert taken(log, 1_000_000 + INTERVAL_US - 1) == []
    (second,) = taken(log, 1_000_000 + INTERVAL_US)
    assert (second.base, second.number, second.arrivals) == (6, 1, (4040,))
    assert taken(log, 9_000_000) == []


def test_losses_stand_as_gaps_and_late_ones_are_told_with_what_was_told():
    log = ArrivalLog()
    for sequence, at_us in ((0xFFFF, 1_000_000), (1, 1_002_500)):
        log.add(sequence, at_us)
    (first,) = taken(log, 1_100_000)
    assert (first.base, first.arrivals) == (0xFFFF, (4000, None, 4010))
    log.add(0, 1_150_000)
    (second,) = taken(log, 1_200_000)
    assert (second.base, second.arrivals) == (0, (4600, 4010))


def test_a_pause_no_delta_can_hold_begins_another_message():
    log = ArrivalLog()
    log.add(1, 1_000_000)
    log.add(2, 20_000_000)
    assert [each.base for each in taken(log, 20_000_000)] == [1, 2]


def test_a_jump_is_not_told_as_thousands_of_losses():
    log = ArrivalLog()
    log.add(1, 1_000_000)
    log.add(30_000, 1_000_100)
    assert [each.arrivals for each in taken(log, 1_200_000)] == [(4000,)]


def test_of_a_flood_the_newest_are_told():
    log = ArrivalLog()
    for number in range(KEPT + 7):
        log.add(number, 1_000_000)
    told = taken(log, 1_200_000)
    assert told[0].base == 7
    assert sum(len(each.arrivals) for each in told) == KEPT


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 60_000)), max_size=60))
def test_whatever_arrives_can_be_written(steps):
    log, now_us = ArrivalLog(), 1_000_000
    for at, (sequence, later_us) in enumerate(steps):
        now_us += later_us
        log.add(sequence if at % 3 == 0 else at, now_us)
        for told in log.take(now_us):
            data = rtcp.compose([RawFeedback(ENDS + told)])
            assert len(data) <= 1200
            assert len(rtcp.parse(data)) == 1

"""C against Python: what arrived is told of in the same bytes, whatever came."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.engine import layout
from sfu.media.report.arrival import INTERVAL_US, KEPT, MAX_STATUSES, PlainArrivals
from sfu.media.rtp.rtcp.transport_cc import parse_transport_feedback
from sfu.model import TransportId
from sfu.shell.arrived import EngineArrivals

ONE, TWO, NOBODY = TransportId(1), TransportId(2), TransportId(99)
BEGUN_US = 10**9
NO_ENDS = bytes(8)


class Both:
    """The same arrivals for the engine's code and for the reference."""

    def __init__(self) -> None:
        self.c, self.python = EngineArrivals(), PlainArrivals()
        self.now_us = BEGUN_US
        self.next = {ONE: 0xFFF0, TWO: 0xFFF0, NOBODY: 0}
        for one in (ONE, TWO):
            self.put(one)

    def put(self, transport: TransportId) -> None:
        self.c.put(transport)
        self.python.put(transport)

    def forget(self, transport: TransportId) -> None:
        self.c.forget(transport)
        self.python.forget(transport)

    def come(self, *rows: tuple[TransportId, int, int]) -> None:
        """Rows of one snapshot: whose, number, when."""
        packed = b"".join(
            layout.LOG_ROW.pack(transport, number & 0xFFFF, 0, at_us)
            for transport, number, at_us in rows
        )
        self.c.arrived(packed)
        self.python.arrived(packed)

    def told(self, transport: TransportId = ONE) -> list[bytes]:
        ours = self.c.take(transport, self.now_us)
        assert ours == self.python.take(transport, self.now_us)
        assert all(len(message) % 4 == 0 and len(message) <= 1000 for message in ours)
        return ours


def read(messages: list[bytes]) -> list[tuple[int, tuple[int | None, ...]]]:
    read = [parse_transport_feedback(NO_ENDS + one) for one in messages]
    return [(one.base, one.arrivals) for one in read]


PACKETS = st.lists(
    st.tuples(
        st.sampled_from((ONE, ONE, ONE, TWO, NOBODY)),
        st.integers(-3, 3) | st.integers(-1500, 1500) | st.integers(0, 20),  # off the row
        st.integers(0, 2_000) | st.integers(0, 300_000),
    ),
    max_size=60,
)
TICKS = st.lists(st.tuples(PACKETS, st.integers(0, 120_000) | st.integers(0, 10_000_000)),
                 max_size=12)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(TICKS)
def test_whatever_comes_is_told_in_the_same_bytes(ticks):
    both = Both()
    for packets, pause_us in ticks:
        rows = []
        for transport, off, later_us in packets:
            both.next[transport] += 1
            both.now_us += later_us
            rows.append((transport, both.next[transport] + off, both.now_us))
        both.come(*rows)
        both.now_us += pause_us
        for transport in (ONE, TWO, NOBODY):
            both.told(transport)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | st.integers(0, 400) | st.integers(-9_000_000, 9_000_000), max_size=500))
def test_any_pattern_of_losses_and_delays_is_written_alike(gaps):
    both, at_us, rows = Both(), BEGUN_US, []
    for number, gap in enumerate(gaps):
        if gap is not None:
            at_us = max(at_us + gap, 0)
            rows.append((ONE, number, at_us))
    both.come(*rows)
    both.now_us = at_us + INTERVAL_US
    both.told()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 0xFFFF), st.integers(0, (1 << 62) - 1), st.integers(0, 1 << 62)),
        max_size=30,
    )
)
def test_any_number_at_any_time_is_told_alike(steps):
    both = Both()
    for number, at_us, both.now_us in steps:
        both.come((ONE, number, at_us))
        both.told()


def test_a_second_of_pictures_is_told_ten_times():
    both = Both()
    told: list[tuple[int, tuple[int | None, ...]]] = []
    for number in range(300):
        both.now_us += 3_300
        if number % 50 != 7:
            both.come((ONE, number, both.now_us))
        told += read(both.told())
    assert len(told) == 11
    arrived = [ticks for _, message in told for ticks in message]
    assert sum(ticks is None for ticks in arrived) == 6
    assert arrived[-1] is not None


def test_what_came_faster_than_it_is_told_takes_several_messages():
    both = Both()
    both.come(*((ONE, number, BEGUN_US + 100 * number) for number in range(900)))
    both.now_us += INTERVAL_US
    assert [len(message) for _, message in read(both.told())] == [MAX_STATUSES, MAX_STATUSES, 100]


def test_of_more_than_is_kept_the_newest_are_told():
    both = Both()
    both.come(*((ONE, number, BEGUN_US + number) for number in range(KEPT + 50)))
    both.now_us += INTERVAL_US
    told = read(both.told())
    assert told[0][0] == 50
    assert sum(len(message) for _, message in told) == KEPT


@pytest.mark.parametrize("back", [1, 30, KEPT - 1, KEPT, KEPT + 1, 30_000])
def test_a_late_one_or_a_jump_back_is_told_alike(back):
    both = Both()
    for number in (40_000, 40_000 - back, 40_001):
        both.come((ONE, number, both.now_us))
        both.now_us += INTERVAL_US
        both.told()


def test_messages_are_counted_beyond_a_byte():
    both = Both()
    for number in range(300):
        both.come((ONE, number, both.now_us))
        both.now_us += INTERVAL_US
        (message,) = both.told()
        assert message[7] == number & 0xFF


def test_one_who_left_is_not_told_and_begins_anew():
    both = Both()
    both.come((ONE, 1, BEGUN_US), (TWO, 1, BEGUN_US), (NOBODY, 1, BEGUN_US))
    both.forget(ONE)
    both.forget(NOBODY)
    both.now_us += INTERVAL_US
    assert (both.told(ONE), both.told(NOBODY)) == ([], [])
    assert len(both.told(TWO)) == 1
    both.put(ONE)
    assert both.told(ONE) == []
    both.come((ONE, 9, both.now_us))
    assert [base for base, _ in read(both.told(ONE))] == [9]

from hypothesis import given
from hypothesis import strategies as st

from sfu.api.rate import Bucket


def test_a_burst_passes_then_one_at_a_time():
    bucket = Bucket(3, 2.0, now=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]


@given(st.lists(st.floats(0, 1), max_size=60))
def test_never_more_than_burst_and_rate_allow(steps):
    bucket, now, taken = Bucket(5, 2.0, now=0), 0.0, 0
    for step in steps:
        now += step
        taken += bucket.take(now)
        assert taken <= 5 + 2.0 * now + 1e-6

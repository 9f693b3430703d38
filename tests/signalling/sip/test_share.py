"""A share: so much at once, then steadily."""

from sfu.signalling.sip.share import Share


def test_a_burst_then_as_much_as_comes_back():
    share = Share()
    assert [share.take(0.0, 2.0, 3) for _ in range(4)] == [True] * 3 + [False]
    assert not share.has(0.4, 2.0, 3)
    assert share.has(0.5, 2.0, 3)
    assert [share.take(0.5, 2.0, 3) for _ in range(2)] == [True, False]


def test_what_costs_more_spends_more_and_what_is_refused_nothing():
    share = Share()
    assert share.take(0.0, 1.0, 5, cost=4)
    assert not share.take(0.0, 1.0, 5, cost=2)
    assert share.take(0.0, 1.0, 5, cost=1)

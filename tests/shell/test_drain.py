"""Draining: it ends when nobody is left or at its time, and can be taken back."""

from sfu.shell.drain import Drain


def test_it_ends_when_the_last_has_left():
    drain = Drain()
    assert not drain.over(0.0, 0)
    drain.begin(100.0, 3600.0)
    assert drain.on
    assert not drain.over(200.0, 2)
    assert drain.over(201.0, 0)


def test_it_ends_at_its_time_whoever_is_there():
    drain = Drain()
    drain.begin(100.0, 60.0)
    assert not drain.over(159.0, 5)
    assert drain.over(160.0, 5)


def test_it_is_taken_back():
    drain = Drain()
    drain.begin(0.0, 60.0)
    drain.cancel()
    assert not drain.on
    assert not drain.over(1000.0, 0)


def test_who_is_refused_hears_when_to_ask_again():
    drain = Drain()
    drain.begin(0.0, 60.0)
    assert drain.retry_after_s(20.5) == 40
    assert drain.retry_after_s(59.9) == 5
    drain.begin(0.0, 36_000.0)
    assert drain.retry_after_s(0.0) == 120

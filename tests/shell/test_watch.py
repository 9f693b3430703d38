"""What goes on now, out of counters that run since the beginning."""

from ipaddress import ip_network

import pytest

from sfu.config import Line, Settings
from sfu.model import Codec
from sfu.shell.watch import EVERY_S, HOUR, LOOKED_S, MARKS, SAMPLE_S, Rates
from tests.shell.stage import stage


def test_a_rate_is_what_was_counted_over_the_last_seconds():
    rates = Rates()
    for second in range(10):
        rates.take([("a", (second * 50, second * 8_000))], float(second))
    assert rates.moved("a") == (MARKS - 1, (50 * (MARKS - 1), 8_000 * (MARKS - 1)))


def test_one_moment_is_no_rate_and_who_is_gone_is_forgotten():
    rates = Rates()
    rates.take([("a", (5, 5))], 0.0)
    assert rates.moved("a") == (0.0, ())
    rates.take([], 1.0)
    rates.take([("a", (9, 9))], 2.0)
    assert rates.moved("a") == (0.0, ())


def test_a_counter_that_begins_anew_gives_no_rate_below_nothing():
    rates = Rates()
    for second, count in enumerate([100, 200, 3, 5]):
        rates.take([("a", (count, count))], float(second))
    assert rates.moved("a") == (1.0, (2, 2))


@pytest.fixture
def house():
    with stage() as made:
        yield made


def test_each_leg_says_what_comes_of_it_in_which_codec_and_with_what_loss(house):
    for call in (1, 2):
        house.ring(call)
        house.send(call)
    leg = house.leg(1)
    packets = lost = 0
    for _ in range(5):
        house.house.watch.look(house.now)
        packets, lost = packets + 90, lost + 10
        house.engine.counts[leg.streams.picture] = (packets, lost)
        house.tick(EVERY_S)
    flows = house.house.watch.flows[leg.member]
    assert flows.picture_in is not None
    assert flows.picture_in.codec is Codec.H264
    assert flows.picture_in.loss == pytest.approx(0.1)
    assert flows.rtt_s is None


def test_what_nobody_looks_at_is_not_reckoned(house):
    house.ring(1)
    house.send(1)
    house.house.watch.look(house.now)
    house.tick(3)
    assert house.house.watch.flows
    house.tick(LOOKED_S + EVERY_S)
    assert house.house.watch.flows == {}


def test_a_line_keeps_one_hour_and_no_more():
    networks = (ip_network("192.0.2.0/24"),)
    line = Line(site="morez", up_bps=800_000, down_bps=2_000_000, networks=networks)
    with stage(Settings(line=(line,))) as house:
        [known] = house.house.lines
        for _ in range(HOUR + 5):
            house.house.watch.tick({}, house.engine.snapshot(), house.engine.now)
            house.engine.now += SAMPLE_S
        hour = house.house.watch.hours[known.line]
        assert len(hour) == HOUR
        assert hour[-1].at - hour[0].at == (HOUR - 1) * SAMPLE_S
        assert hour[-1].estimate_bps > 0

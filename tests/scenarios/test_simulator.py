"""The parts of the simulator behave like what they stand for."""

import random

import pytest

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.model import Framing
from tests.scenarios.clock import Clock
from tests.scenarios.cross import Tcp, Udp
from tests.scenarios.encoder import Encoder
from tests.scenarios.gcc import BrowserControl
from tests.scenarios.line import AccessLine
from tests.scenarios.packet import PICTURE_BYTES, cut
from tests.scenarios.scenario import all_scenarios, quantity, read_events, read_media

PPPOA = Encapsulation(Framing.ATM, 10)
PLAIN = Encapsulation(Framing.PLAIN, 0)


def test_what_is_asked_for_one_instant_happens_in_order():
    clock = Clock()
    seen: list[object] = []
    clock.at(5, seen.append, "b")
    clock.at(5, seen.append, "c")
    clock.at(3, seen.append, "a")
    clock.every(4, lambda: seen.append(clock.now_us))
    clock.run(9)
    assert seen == ["a", 4, "b", "c", 8]
    assert clock.now_us == 9


def test_a_slower_line_keeps_the_bytes_that_wait():
    line = AccessLine(2_000_000, PLAIN)
    for _ in range(40):
        line.send(1250, 0)  # 5 ms each
    assert line.queue_us(100_000) == 100_000
    line.set_rate(1_000_000, 100_000)
    assert line.queue_us(100_000) == 200_000
    assert line.send(1250, 100_000) == 100_000 + 200_000 + 10_000 + 15_000
    # the buffer of 200 ms at 2 Mbit/s is one of 400 ms now
    while line.send(1250, 100_000) is not None:
        pass
    assert 400_000 < line.queue_us(100_000) <= 410_000


def test_bursts_lose_what_their_chances_say():
    line = AccessLine(2_000_000, PLAIN, bursts=(0.005, 0.2), seed=3)
    runs: list[int] = []
    run = 0
    for n in range(100_000):
        if line.send(100, n * 1000) is None:
            run += 1
        elif run:
            runs.append(run)
            run = 0
    assert line.lost / 100_000 == pytest.approx(0.005 / 0.205, rel=0.15)
    assert sum(runs) / len(runs) == pytest.approx(5, rel=0.15)


def test_a_frame_is_cut_into_equal_packets_that_fit():
    assert sum(cut(6000)) == 6000
    assert max(cut(6000)) <= PICTURE_BYTES
    assert max(cut(6000)) - min(cut(6000)) <= 1


def test_an_encoder_follows_its_target_with_a_lag_and_saves_for_its_key_frames():
    encoder = Encoder(random.Random(1), 25, 1_200_000)
    usual = 1_200_000 / 25 / 8
    assert 4 * usual < encoder.encode(key=True) < 14 * usual
    second = sum(encoder.encode(key=False) for _ in range(25))
    assert second < 0.95 * 25 * usual
    encoder.target_bps = 600_000
    soon, late = encoder.encode(key=False), [encoder.encode(key=False) for _ in range(50)][-25:]
    assert soon > 0.7 * usual
    assert sum(late) * 8 == pytest.approx(600_000, rel=0.1)


@pytest.mark.parametrize("most_bps", [400_000, 5_000_000])
def test_a_browser_finds_its_line_and_does_not_stand_in_its_queue(most_bps):
    clock, line, control = Clock(), AccessLine(2_000_000, PPPOA), BrowserControl(most_bps)
    sent: list[tuple[int, int | None, int]] = []

    def send() -> None:
        size = 1228
        sent.append((clock.now_us, line.send(size, clock.now_us), size))
        clock.at(clock.now_us + int(size * 8e6 / control.estimate_bps), send)

    def feed() -> None:
        come = [(at, got, n) for at, got, n in sent if got is not None and got <= clock.now_us]
        lost = sum(got is None for _, got, _ in sent)
        sent[:] = [one for one in sent if one[1] is not None and one[1] > clock.now_us]
        control.feedback(come, lost, clock.now_us)

    clock.at(0, send)
    clock.every(100_000, feed)
    clock.run(30_000_000)
    carried_bps = line.line_bytes * 8 / 30
    assert carried_bps > 0.8 * min(2_000_000, most_bps)
    waits = [wait for at, wait in zip(line.times_us, line.waits_us, strict=True) if at > 5_000_000]
    assert sum(waits) / len(waits) < 60_000


@pytest.mark.parametrize("cubic", [True, False])
def test_a_download_fills_the_queue_and_gives_way_after_its_losses(cubic):
    clock, line = Clock(), AccessLine(2_000_000, PPPOA)
    flow = Tcp(clock, line, 60_000_000, cubic)
    clock.at(0, flow.start)
    clock.run(60_000_000)
    assert line.line_bytes * 8 / 60 > 1_700_000
    assert line.worst_queue_us > 190_000
    assert 0 < line.dropped < 0.05 * len(line.times_us)


def test_constant_traffic_is_constant():
    clock, line = Clock(), AccessLine(2_000_000, PLAIN)
    flow = Udp(clock, line, 800_000, 10_000_000)
    clock.at(0, flow.start)
    clock.run(20_000_000)
    assert line.line_bytes * 8 / 10 == pytest.approx(800_000, rel=0.01)


def test_sentences_tell_who_comes():
    assert [one.join_s for one in read_media("1: browser x3 join=5..7s")] == [5, 6, 7]
    (codec,) = read_media("2: codec h264@800k keyframe=60kB/10s")
    assert (codec.site, codec.kind, codec.number("h264")) == (2, "codec", 800_000)
    assert codec.options["keyframe"] == "60kB/10s"
    assert quantity("2.5s") == 2.5
    assert [one.site for one in read_media("4-6: browser")] == [4, 5, 6]


def test_an_event_may_be_a_staircase():
    events = read_events([{"every": 20, "at": 1, "dir": "down", "rates": [2e6, 1e6]}])
    assert [(one.t, one.rate) for one in events] == [(0, 2_000_000), (20, 1_000_000)]
    both = read_events([{"t": 3, "at": [1, 2], "dir": "both", "rate": 1e6}])
    assert len(both) == 4


def test_every_scenario_can_be_read():
    ids = [one.id for one in all_scenarios()]
    assert len(ids) == len(set(ids)) >= 16
    assert all(one.media and one.seconds and one.expect for one in all_scenarios())

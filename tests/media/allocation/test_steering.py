from sfu.media.allocation.rung import Why
from sfu.media.allocation.steering import Steering
from sfu.media.allocation.usual import usual
from sfu.media.allocation.world import Encoding, Plan, Sender
from sfu.model import MemberId, SourceId

M1 = MemberId("m1")
SENDER = Sender(
    M1,
    None,
    62,
    (
        Encoding(SourceId(1), "l", 180, 25.0, usual(180, top=False)),
        Encoding(SourceId(2), "h", 360, 25.0, usual(360, top=True)),
    ),
)


def plan(**rates):
    keys = {(M1, ("l", "h").index(rid)): float(bps) for rid, bps in rates.items()}
    return Plan(rates=keys, whys=dict.fromkeys(keys, Why.LINE_DOWN))


def told(steering, now, **rates):
    made = plan(**rates)
    made.kept |= set(steering.kept(now)) - made.rates.keys()
    order = steering.update(SENDER, made, now)
    return order and {cap.rid: cap.max_bps for cap in order.caps if cap.active}


def test_each_layer_has_its_rate_and_what_nobody_watches_is_off():
    assert told(Steering(M1), 0.0, h=600_000) == {"h": 600_000}


def test_a_fall_is_said_at_once_and_a_rise_twice_a_second_at_most():
    one = Steering(M1)
    told(one, 0.0, h=600_000)
    assert told(one, 0.1, h=500_000) == {"h": 500_000}
    assert told(one, 0.2, h=600_000) is None
    assert told(one, 0.6, h=600_000) == {"h": 600_000}


def test_what_a_neighbour_loses_for_a_moment_is_nobodys_gain():
    one = Steering(M1)
    told(one, 0.0, h=600_000)
    assert told(one, 10.0, h=1_000_000) is None
    assert told(one, 10.1, h=200_000) == {"h": 200_000}
    assert told(one, 11.0, h=300_000) is None
    assert told(one, 11.25, h=300_000) == {"h": 300_000}


def test_the_smaller_a_rise_the_longer_it_waits():
    one = Steering(M1)
    told(one, 0.0, h=600_000)
    assert told(one, 5.9, h=625_000) is None
    assert told(one, 6.2, h=625_000) == {"h": 625_000}
    assert told(one, 18.1, h=638_000) is None
    assert told(one, 18.4, h=638_000) == {"h": 638_000}
    assert told(one, 40.0, h=640_000) is None
    assert told(one, 41.0, h=641_000) is None
    assert told(one, 46.1, h=641_000) == {"h": 641_000}


def test_a_fall_of_a_hundredth_is_told_once_it_lasts():
    one = Steering(M1)
    told(one, 0.0, h=600_000)
    assert told(one, 1.0, h=594_000) is None
    assert told(one, 2.0, h=601_000) is None
    assert told(one, 3.0, h=594_000) is None
    assert told(one, 10.9, h=592_000) is None
    assert told(one, 11.0, h=594_000) == {"h": 594_000}


def test_a_layer_goes_on_at_its_least_for_two_seconds():
    one = Steering(M1)
    told(one, 0.0, l=100_000, h=600_000)
    assert told(one, 1.0, h=600_000) == {"l": 42_426, "h": 600_000}
    assert told(one, 2.1, h=600_000) == {"h": 600_000}


def test_below_a_rate_half_the_pictures_are_better():
    one = Steering(M1)
    order = one.update(SENDER, plan(h=150_000), 0.0)
    assert order is not None
    assert one.halved(1)
    order = one.update(SENDER, plan(h=150_000), 4.0)
    assert order is not None
    assert order.caps[1].max_fps == 12
    one.update(SENDER, plan(h=300_000), 5.0)
    assert one.halved(1)
    order = one.update(SENDER, plan(h=300_000), 10.0)
    assert order is not None
    assert order.caps[1].max_fps is None


def test_a_moment_of_half_rate_is_no_reason_to_begin_the_picture_anew():
    one = Steering(M1)
    one.update(SENDER, plan(h=600_000), 0.0)
    told = [one.update(SENDER, plan(h=150_000), 1 + tenths / 10) for tenths in range(30)]
    told += [one.update(SENDER, plan(h=300_000), 4 + tenths / 10) for tenths in range(60)]
    assert {order.caps[1].max_fps for order in told if order is not None} == {None}
    assert not one.halved(1)


def test_viewers_are_sent_half_of_what_was_encoded_before_it_was_told():
    one = Steering(M1)
    one.update(SENDER, plan(h=600_000), 0.0)
    assert not one.sheds(1, 0.5)
    one.update(SENDER, plan(h=150_000), 1.0)
    assert [one.sheds(1, at) for at in (1.0, 2.4, 2.6)] == [True, True, False]
    assert one.halved(1)


def rates_of_pictures(one, *spells):
    """Return what the layer is told of its pictures at the start of each (rate, from s, to s)."""
    told = []
    for bps, since, until in spells:
        for tenths in range(round(since * 10), round(until * 10)):
            one.update(SENDER, plan(h=bps), tenths / 10)
        told.append(one.halved(1))
    return told


def test_what_was_needed_for_a_moment_is_given_up_after_a_moment():
    spells = (150_000, 0, 1.5), (300_000, 1.5, 2.9), (300_000, 2.9, 3.2)
    assert rates_of_pictures(Steering(M1), *spells) == [True, True, False]


def test_what_was_needed_for_long_is_given_up_after_five_seconds():
    spells = (150_000, 0, 30), (300_000, 30, 34.9), (300_000, 34.9, 35.2)
    assert rates_of_pictures(Steering(M1), *spells) == [True, True, False]


def test_who_is_back_at_once_waits_for_five_seconds_too():
    first = (150_000, 0, 1), (300_000, 1, 2.2), (150_000, 3, 3.5)
    then = (300_000, 3.5, 8.4), (300_000, 8.4, 8.7)
    assert rates_of_pictures(Steering(M1), *first, *then) == [True, False, True, True, False]

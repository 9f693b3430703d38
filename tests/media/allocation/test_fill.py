import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.cost import cost
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.fill import Flow, Room, fill
from sfu.model import Framing

ATM = Encapsulation(Framing.ATM, 16)
PRICE = cost(ATM, 62, 25.0)
PLAIN = cost(Encapsulation(Framing.PLAIN, 0), 0, 0.0)
"""A bit of payload is a bit of the line: figures one can check by heart."""


def flow(most, *rooms, price=PLAIN):
    one = Flow(most_bps=most)
    for room in rooms:
        one.use(room, price)
    return one


def test_two_share_a_room_alike():
    room = Room(1000)
    one, other = flow(5000, room), flow(5000, room)
    fill([one, other])
    assert one.rate_bps == other.rate_bps == pytest.approx(500)
    assert one.bound is room


def test_who_needs_less_leaves_the_rest():
    room = Room(1000)
    one, other = flow(200, room), flow(5000, room)
    fill([one, other])
    assert (one.rate_bps, other.rate_bps) == (200, pytest.approx(800))
    assert one.bound is None


def test_the_poorest_room_holds_a_stream_and_the_others_use_what_it_leaves():
    thin, fat = Room(300), Room(1000)
    shared, other = flow(5000, thin, fat), flow(5000, fat)
    fill([shared, other])
    assert shared.rate_bps == pytest.approx(300)
    assert other.rate_bps == pytest.approx(700)


def test_a_room_named_twice_is_charged_twice():
    room = Room(1000)
    one = flow(5000, room, room)
    fill([one])
    assert one.rate_bps == pytest.approx(500)


def test_who_has_something_already_waits_until_the_others_have_it_too():
    room = Room(1000)
    one, other = flow(5000, room), flow(5000, room)
    one.set(400)
    fill([one, other])
    assert one.rate_bps == other.rate_bps == pytest.approx(500)


def test_a_stream_through_no_room_has_its_most():
    one = flow(700)
    fill([one])
    assert one.rate_bps == 700


@given(
    st.lists(st.integers(0, 2_000_000), min_size=1, max_size=6),
    st.lists(
        st.tuples(st.integers(20_000, 3_000_000), st.lists(st.integers(0, 5), max_size=5)),
        max_size=12,
    ),
)
def test_no_room_is_overfilled_and_nobody_could_have_more_but_from_a_poorer_one(frees, streams):
    rooms = [Room(float(one)) for one in frees]
    flows = [
        flow(most, *(rooms[index % len(rooms)] for index in uses), price=PRICE)
        for most, uses in streams
    ]
    fill(flows)
    assert all(room.free_bps >= -1 for room in rooms)
    for one in flows:
        assert 0 <= one.rate_bps <= one.most_bps
        if one.rate_bps >= one.most_bps - 1:
            continue
        # held by a room that is full, where nobody has more than it unless raised no further
        assert one.bound is not None
        mates = [each for each in flows if any(room is one.bound for room, _ in each.uses)]
        assert max(each.rate_bps for each in mates) <= one.rate_bps + 2
        used = sum(
            price.bps(each.rate_bps)
            for each in mates
            for room, price in each.uses
            if room is one.bound
        )
        assert one.rate_bps == 0 or one.bound.free_bps <= 0.01 * used + 10

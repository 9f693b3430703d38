"""Which way H.245 goes: numbers of connections, two that cross, what is kept for the tunnel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.model import Address
from sfu.signalling.h323.bearer import EARLY_MAX, Bearer
from sfu.signalling.h323.flow import FlowId

THERE = Address("192.0.2.20", 5_555)
OURS, THEIRS = FlowId(3), FlowId(4)


@given(st.sets(st.integers(0, 1 << 39), max_size=20))
def test_no_two_calls_name_one_connection_and_all_we_open_are_odd(calls):
    dialled = [Bearer().dial(FlowId(one), THERE) for one in calls]
    assert len({*dialled, *calls}) == 2 * len(calls)
    assert all(one % 2 for one in dialled)


@pytest.mark.parametrize(
    ("listens", "left"),
    [
        (Address("192.0.2.3", 9_000), OURS),
        (Address("192.0.2.20", 5_554), OURS),
        (Address("192.0.2.20", 5_556), THEIRS),
        (Address("192.0.2.100", 5_555), THEIRS),
        (None, THEIRS),
    ],
)
def test_of_two_connections_who_named_the_smaller_address_closes_its_own(listens, left):
    bearer = Bearer(flow=OURS, listens=listens, dialled=THERE)
    assert bearer.opened(THEIRS) == left


def test_once_the_peer_has_spoken_its_connection_stays():
    bearer = Bearer(flow=OURS, listens=Address("192.0.2.3", 9_000), dialled=THERE, heard=True)
    assert bearer.opened(THEIRS) == THEIRS


def test_what_was_kept_is_given_once_and_for_the_tunnel_alone():
    bearer = Bearer()
    for n in range(EARLY_MAX + 5):
        bearer.hold(bytes((n,)))
    assert bearer.held() == []
    for n in range(EARLY_MAX + 5):
        bearer.hold(bytes((n,)))
    bearer.tunnel = True
    assert bearer.held() == [bytes((n,)) for n in range(EARLY_MAX)]
    assert bearer.held() == []

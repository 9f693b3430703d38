"""Which way H.245 goes: what is claimed and tried once; `test_call.py` plays it in calls."""

from itertools import product

import pytest

from sfu.model import Address, CallId
from sfu.signalling.h323.conversation import Conversation
from sfu.signalling.h323.flow import Connect, FlowId, Listen
from sfu.signalling.h323.session import Session
from sfu.signalling.h323.way import KNOCK_S, Way

THERE = Address("192.0.2.20", 5_555)


@pytest.fixture
def orders() -> list[object]:
    return []


@pytest.fixture
def way(orders) -> Way:
    session = Session(lambda: 7)
    h245 = Conversation(CallId(1), FlowId(2), session, orders.append, lambda _: None, print)
    return Way(h245, True, THERE.host, "192.0.2.10")


def test_a_tunnel_is_claimed_where_we_prefer_it_and_both_may_have_it(way):
    for prefers, peer, dialled in product((True, False), repeat=3):
        way.prefers_tunnel, way.h245.bearer.peer_tunnels = prefers, peer
        assert way.claims(dialled=dialled) == (prefers and (peer or dialled))


def test_what_connect_says_of_the_tunnel_is_the_last_word(way):
    way.heard(tunnelling=True, connect=False)
    way.heard(tunnelling=False, connect=False)
    assert way.h245.bearer.peer_tunnels
    way.heard(tunnelling=False, connect=True)
    assert not way.h245.bearer.peer_tunnels


def test_a_place_of_setup_is_knocked_at_once_and_later(way, orders):
    way.offered = THERE
    assert way.connect_said(1.0, named=True) == 1.0 + KNOCK_S
    assert (way.knock(), way.knock()) == (True, False)
    assert [one.remote for one in orders if isinstance(one, Connect)] == [THERE]


def test_a_port_is_needed_where_nothing_else_is_there(way, orders):
    assert not way.choose()
    assert [type(one) for one in orders] == [Listen]
    assert not way.bound(None)
    way.h245.bearer.peer_tunnels = True
    assert way.bound(None)
    assert way.h245.bearer.tunnel

"""Where a SIP name is served: the real resolver asks a real name server, which reads a zone."""

import asyncio
from collections import Counter

import dns.asyncresolver
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.model import Address
from sfu.shell.dns import _Served, in_turn, resolve
from sfu.signalling.sip.flow import Carrier, Hop, Place
from tests.nameserver import NameServer

ZONE = """
full.test.        NAPTR 20 0 "s" "SIP+D2U"  "" _sip._udp.full.test.
full.test.        NAPTR 10 5 "s" "SIP+D2T"  "" _sip._tcp.full.test.
full.test.        NAPTR 10 1 "s" "SIPS+D2T" "" _sips._tcp.full.test.
full.test.        NAPTR 5 0 "u" "E2U+sip" "!^.*$!sip:x@y!" .
_sips._tcp.full.test. SRV 0 0 5061 a.full.test.
_sip._tcp.full.test.  SRV 1 0 5070 b.full.test.
_sip._tcp.full.test.  SRV 0 0 5060 a.full.test.
_sip._udp.full.test.  SRV 0 0 5060 b.full.test.
srv.test.         A 192.0.2.9
_sip._udp.srv.test.   SRV 0 0 5060 a.full.test.
_sip._tcp.srv.test.   SRV 0 0 5062 a.full.test.
none.test.        A 192.0.2.9
_sip._udp.none.test.  SRV 0 0 0 .
ring.test.        CNAME ring.test.
"""
HOSTS = {
    "a.full.test": ["192.0.2.1", "2001:db8::1"],
    "b.full.test": ["192.0.2.2"],
    "srv.test": ["192.0.2.9"],
    "none.test": ["192.0.2.9"],
}
UDP, TCP, TLS = Carrier.UDP, Carrier.TCP, Carrier.TLS


async def lookup(host):
    return HOSTS.get(host, [])


def places(*hop):
    """Resolve a hop; give carrier, host, port of each place."""

    async def ask():
        async with NameServer(ZONE) as server:
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = [server.host], server.port

            async def query(name, kind):
                try:
                    return list(await resolver.resolve(name, kind, lifetime=2))
                except dns.exception.DNSException:
                    return []

            return await resolve(Hop(*hop), query, lookup, lambda top: 0)

    return [(one.carrier, one.address.host, one.address.port) for one in asyncio.run(ask())]


def test_naptr_says_which_carrier_srv_which_host():
    assert places("full.test", None, None) == [
        (TLS, "192.0.2.1", 5061),
        (TLS, "2001:db8::1", 5061),
        (TCP, "192.0.2.1", 5060),
        (TCP, "2001:db8::1", 5060),
        (TCP, "192.0.2.2", 5070),
        (UDP, "192.0.2.2", 5060),
    ]


def test_a_wanted_carrier_alone_counts():
    assert places("full.test", None, UDP) == [(UDP, "192.0.2.2", 5060)]


def test_without_naptr_each_carrier_is_looked_for():
    assert places("srv.test", None, None) == [
        (UDP, "192.0.2.1", 5060),
        (UDP, "2001:db8::1", 5060),
        (TCP, "192.0.2.1", 5062),
        (TCP, "2001:db8::1", 5062),
    ]
    assert places("srv.test", None, TLS) == [(TLS, "192.0.2.9", 5061)]


def test_a_port_or_an_address_asks_nobody():
    assert places("srv.test", 5080, None) == [(UDP, "192.0.2.9", 5080)]
    assert places("192.0.2.7", None, TCP) == [(TCP, "192.0.2.7", 5060)]
    assert places("2001:db8::7", 5061, TLS) == [(TLS, "2001:db8::7", 5061)]


def test_a_service_that_is_decidedly_not_there_leaves_the_name_itself():
    assert places("none.test", None, None) == [(UDP, "192.0.2.9", 5060)]


@pytest.mark.parametrize("host", ["ring.test", "missing.test", "a..b", "x" * 300])
def test_what_leads_nowhere_gives_no_place(host):
    assert places(host, None, None) == []


def test_the_real_resolver_knows_the_host_itself():
    async def ask():
        return await resolve(Hop("localhost", 5060, TCP))

    assert Place(TCP, Address("127.0.0.1", 5060)) in asyncio.run(ask())


def served(priority, weight, host="h"):
    return _Served(priority, weight, UDP, host, 5060)


def test_the_heavier_record_comes_first_as_often_as_it_weighs():
    records = [served(1, 3, "heavy"), served(1, 1, "light"), served(2, 9, "later")]
    lots = iter([lot / 400 for lot in range(400) for _ in records])
    firsts = Counter(in_turn(records, lambda top: top * next(lots))[0].host for _ in range(400))
    assert firsts["later"] == 0
    assert 2.9 < firsts["heavy"] / firsts["light"] < 3.1


@given(
    st.lists(st.builds(served, st.integers(0, 3), st.integers(0, 65_535), st.text("ab"))),
    st.floats(0, 1),
)
def test_each_record_has_its_turn_and_priority_rules(records, share):
    turn = in_turn(records, lambda top: top * share)
    assert Counter(turn) == Counter(records)
    assert [one.priority for one in turn] == sorted(one.priority for one in records)

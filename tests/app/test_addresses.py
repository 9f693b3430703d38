"""Who asks from where is told an address of ours that it can reach."""

from ipaddress import ip_address

from sfu.app.addresses import advertised, candidates, public_host, tcp_candidates
from sfu.config import Settings
from sfu.config.listening import Http, Network, Webrtc
from sfu.model import Address

PUBLIC = Settings(
    network=Network(
        listen=(ip_address("127.0.0.1"),),
        public_addresses=(ip_address("203.0.113.5"), ip_address("2001:db8::5")),
    ),
    webrtc=Webrtc(udp_port=8444, tcp=True, tcp_port=8445),
    http=Http(tls_port=8443),
)


def test_browsers_are_told_the_public_addresses_first():
    told = candidates(PUBLIC)
    assert [one.host for one in told] == ["203.0.113.5", "2001:db8::5", "127.0.0.1"]
    assert {one.port for one in told} == {8444}


def test_over_tcp_they_come_to_the_pages_port_and_to_one_of_their_own():
    here = (Address("203.0.113.5", 8444),)
    assert [one.port for one in tcp_candidates(PUBLIC, here)] == [8443, 8445]
    assert tcp_candidates(Settings(webrtc=Webrtc(tcp=False)), here) == ()


def test_a_public_address_is_for_hosts_beyond_our_networks():
    assert advertised(PUBLIC, "198.51.100.7") == "203.0.113.5"
    assert advertised(PUBLIC, "2001:db8:1::7") == "2001:db8::5"
    assert advertised(PUBLIC, "127.0.0.1") == "127.0.0.1"
    assert (public_host(PUBLIC), public_host(Settings())) == ("203.0.113.5", "")

from sfu.model import Address
from sfu.shell.udp import Advertised, local_host_toward

PEER = Address("127.0.0.9", 5060)


def test_a_peer_is_told_the_address_it_reaches():
    assert local_host_toward(PEER) == "127.0.0.1"
    assert Advertised().host("0.0.0.0", PEER) == "127.0.0.1"
    assert Advertised().host("127.0.0.3", PEER) == "127.0.0.3"


def test_a_public_address_goes_to_peers_of_its_family():
    public = Advertised("203.0.113.5")
    assert public.host("0.0.0.0", PEER) == "203.0.113.5"
    assert public.host("::1", Address("2001:db8::1", 5060)) == "::1"
    assert Advertised("sip.example.org").host("::1", Address("2001:db8::1", 5060)) == (
        "sip.example.org"
    )

"""Addresses and routers, by script."""

import socket
import threading
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from sfu.app.doctor.finding import Level
from sfu.app.doctor.network import check_addresses, seen_by, to_forward
from sfu.config import Network, Settings, Tls
from sfu.config.protocol import H323
from sfu.errors import UseError
from sfu.media.connect import stun
from sfu.media.connect.stun import StunType
from sfu.model import Address

PRIVATE, PUBLIC = "192.168.1.5", "93.184.216.34"


def behind(*public):
    return Settings(network=Network(public_addresses=tuple(map(ip_address, public))))


def found(settings, own, seen=""):
    return [(one.check, one.level) for one in check_addresses(settings, own, seen)]


def test_a_machine_without_network():
    assert found(Settings(), ["127.0.0.1", "::1"]) == [("addresses", Level.WRONG)]


@pytest.mark.parametrize(
    ("settings", "own", "seen", "level"),
    [
        (Settings(), [PUBLIC], "", Level.OK),
        (Settings(), [PRIVATE], "", Level.NOTE),
        (Settings(), [PRIVATE], PUBLIC, Level.WRONG),
        (behind(PUBLIC), [PRIVATE], "", Level.NOTE),
        (behind(PUBLIC), [PRIVATE], PUBLIC, Level.NOTE),
        (behind("198.51.100.9"), [PRIVATE], PUBLIC, Level.WRONG),
        (behind(PUBLIC), [PUBLIC], PUBLIC, Level.OK),
    ],
)
def test_a_router_in_between(settings, own, seen, level):
    assert ("nat", level) in found(settings, own, seen)


def test_the_sentence_names_the_address_and_the_ports():
    [*_, nat] = check_addresses(Settings(), [PRIVATE], PUBLIC)
    assert nat.fix is not None
    assert f'public_addresses = ["{PUBLIC}"]' in nat.fix.en
    assert "UDP 10000" in nat.fix.en


def test_an_address_to_listen_on_that_is_not_here():
    settings = Settings(network=Network(listen=(ip_address(PUBLIC),)))
    assert ("addresses", Level.WRONG) in found(settings, [PRIVATE])


@contextmanager
def stun_server(answer: bool):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve():
            data, peer = sock.recvfrom(2048)
            asked = stun.parse(data)
            mapped = stun.compose_xor_address(Address(PUBLIC, 4711), asked.transaction)
            reply = stun.compose(StunType.SUCCESS, asked.transaction, [mapped])
            sock.sendto(reply if answer else b"rubbish", peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{sock.getsockname()[1]}"
        thread.join()


def test_all_ports_that_a_router_must_forward_are_named():
    assert to_forward(Settings()) == (
        "TCP 8443 5060 5061 1720, UDP 10000 5060 1719, TCP 22000-22199, UDP 20000-21999"
    )
    bare = Settings(h323=H323(enabled=False), tls=Tls(acme_webroot="/var/www"))
    assert to_forward(bare) == "TCP 8443 5060 5061 80, UDP 10000 5060, UDP 20000-21999"


def test_a_stun_server_says_how_we_are_seen():
    with stun_server(True) as there:
        assert seen_by(there) == PUBLIC
    with stun_server(False) as there, pytest.raises(UseError, match="STUN"):
        seen_by(there)

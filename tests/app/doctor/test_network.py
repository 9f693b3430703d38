"""Addresses, routers, names, certificates, by script."""

import socket
import threading
import time
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from sfu.app.doctor.finding import Level
from sfu.app.doctor.network import (
    check_addresses,
    check_certificate,
    check_names,
    names_in,
    seen_by,
)
from sfu.config import Network, Oidc, Settings, Tls
from sfu.config.elsewhere import Trunk
from sfu.config.running import Webhook
from sfu.errors import UseError
from sfu.media.connect import stun
from sfu.media.connect.stun import StunType
from sfu.model import Address
from sfu.shell.certificate import ensure_certificate

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


def test_a_stun_server_says_how_we_are_seen():
    with stun_server(True) as there:
        assert seen_by(there) == PUBLIC
    with stun_server(False) as there, pytest.raises(UseError, match="STUN"):
        seen_by(there)


def test_a_certificate_of_our_own_is_noted_and_one_that_ends_is_wrong(tmp_path):
    made = ensure_certificate(tmp_path, ["visio.example.org", "localhost", "192.0.2.1"])

    def levels(now):
        return [one.level for one in check_certificate(made.chain, made.key, now)]

    assert levels(time.time()) == [Level.NOTE]
    assert levels(made.ends_at - 86_400) == [Level.WRONG]
    assert levels(1_000_000_000.0) == [Level.WRONG]
    assert names_in(made.chain) == ["visio.example.org"]


def test_a_key_everybody_reads_and_one_that_is_no_key(tmp_path):
    made = ensure_certificate(tmp_path, ["a.example"])
    made.key.chmod(0o644)
    checks = [(one.check, one.level) for one in check_certificate(made.chain, made.key)]
    assert ("private key", Level.WRONG) in checks
    made.key.write_text("rubbish")
    [finding] = check_certificate(made.chain, made.key)
    assert finding.level is Level.WRONG


BOOK = {
    "visio.example.org": [PUBLIC],
    "elsewhere.example.org": ["203.0.113.77"],
    "sip.example.org": ["203.0.113.7"],
    "id.example.org": ["203.0.113.8"],
}


def look_up(name):
    if name not in BOOK:
        raise OSError(-2, "Name or service not known")
    return BOOK[name]


def test_our_names_lead_here_and_those_we_need_are_known(tmp_path):
    settings = Settings(
        tls=Tls(names=("visio.example.org", "elsewhere.example.org", "gone.example.org", PUBLIC)),
        trunk=(Trunk(name="pbx", registrar="sip.example.org:5070", user="v"),),
        oidc=Oidc(issuer="https://id.example.org/realms/x"),
        webhook=(Webhook(name="w", url="https://lost.example.org/x", secret="x" * 16),),
    )
    said = [
        (one.said.en.partition(" ")[0], one.level)
        for one in check_names(settings, tmp_path / "none", [PUBLIC], look_up)
    ]
    assert said == [
        ("visio.example.org", Level.OK),
        ("elsewhere.example.org", Level.WRONG),
        ("gone.example.org", Level.WRONG),
        ("sip.example.org", Level.OK),
        ("id.example.org", Level.OK),
        ("lost.example.org", Level.WRONG),
    ]

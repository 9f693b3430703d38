"""Ports, as they are on this machine."""

import os
import socket
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address

import pytest

from sfu.app.doctor.finding import Level
from sfu.app.doctor.ports import check_ports, ports_of
from sfu.config import Http, Network, Settings, Sip, Tls, Webrtc
from sfu.config.protocol import H323
from tests.interop.ports import free_port


@contextmanager
def taken(port: int, kind: socket.SocketKind):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            sock.listen(1)
        yield


@pytest.fixture
def settings():
    first = free_port(33_000 + os.getpid() % 150 * 20)  # other workers look beside us
    ports = [first]
    while len(ports) < 6:
        ports.append(free_port(ports[-1] + 1))
    return Settings(
        network=Network(listen=(ip_address("127.0.0.1"),)),
        http=Http(tls_port=ports[0], local_port=ports[1]),
        sip=Sip(udp_port=ports[2], tcp_port=ports[3], tls_port=ports[4]),
        webrtc=Webrtc(udp_port=ports[5]),
        h323=H323(enabled=False),
    )


def wrong(settings, **how):
    found = list(check_ports(settings, **how))
    assert len(found) == len(ports_of(settings))
    return {one.check: one for one in found if one.level is Level.WRONG}


def test_before_a_start_ports_shall_be_free(settings):
    assert wrong(settings, running=False) == {}
    with taken(settings.sip.udp_port, socket.SOCK_DGRAM):
        [(check, finding)] = wrong(settings, running=False).items()
    assert check == "port sip.udp_port"
    assert str(settings.sip.udp_port) in finding.said.en
    assert finding.fix is not None
    assert "sip.udp_port" in finding.fix.fr


def test_while_it_runs_somebody_shall_listen(settings):
    with (
        taken(settings.http.tls_port, socket.SOCK_STREAM),
        taken(settings.webrtc.udp_port, socket.SOCK_DGRAM),
    ):
        assert set(wrong(settings, running=True)) == {
            "port http.local_port", "port sip.udp_port", "port sip.tcp_port", "port sip.tls_port",
        }  # fmt: skip


def test_ports_that_are_opened_by_wish_are_looked_at():
    plain = {one.setting for one in ports_of(replace(Settings(), h323=H323(enabled=False)))}
    more = {one.setting for one in ports_of(Settings(tls=Tls(acme_webroot="/srv/acme")))}
    assert more - plain == {"tls.acme_port", "h323.port", "h323.ras_port"}

"""Sockets of a start: which addresses, and one line for one that cannot be had."""

import ipaddress
import socket

import pytest

from sfu.app.sockets import (
    all_addresses,
    bind_listener,
    has_ipv6,
    interface_addresses,
    listen_hosts,
    udp_socket,
)
from sfu.errors import UseError


def test_without_a_setting_all_addresses_are_listened_on():
    assert listen_hosts(()) == (["0.0.0.0", "::"] if has_ipv6() else ["0.0.0.0"])


def test_what_is_configured_is_listened_on_and_nothing_else():
    configured = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    assert listen_hosts(configured) == ["127.0.0.1", "::1"]


def test_a_listener_takes_connections():
    listener = bind_listener("page", "127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname(), timeout=2):
        assert not listener.getblocking()


def test_a_busy_port_is_one_line_that_names_it():
    with bind_listener("page", "127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UseError, match=f"page, TCP 127.0.0.1:{port} is in use"):
            bind_listener("page", "127.0.0.1", port)


def test_a_busy_media_port_is_one_line_that_names_it():
    with udp_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UseError, match=f"browsers' media, UDP 127.0.0.1:{port} is in use"):
            udp_socket("127.0.0.1", port)


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
def test_both_families_share_a_port_number():
    with udp_socket("127.0.0.1", 0) as four, udp_socket("::1", four.getsockname()[1]) as six:
        assert six.getsockname()[1] == four.getsockname()[1]


def test_a_host_of_which_nothing_is_known_can_be_reached_by_loopback():
    found = all_addresses()
    assert "127.0.0.1" in found
    assert len(set(found)) == len(found)
    assert not any(ipaddress.ip_address(one).is_link_local for one in found)
    loopback = [ipaddress.ip_address(one).is_loopback for one in found]
    assert loopback == sorted(loopback)


def test_the_interfaces_are_asked_themselves():
    assert "127.0.0.1" in interface_addresses()

"""Addresses stand in networks, however they are written."""

from ipaddress import ip_network

import pytest

from sfu.config.address import holds

OURS = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"), ip_network("fe80::/10"))


@pytest.mark.parametrize(
    "host", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "fe80::1%eth0"], ids=str
)
def test_an_address_in_a_network_is_held(host):
    assert holds(OURS, host)


@pytest.mark.parametrize("host", ["192.0.3.7", "::ffff:192.0.3.7", "a.example", "", "[::1]"])
def test_another_or_none_is_not(host):
    assert not holds(OURS, host)

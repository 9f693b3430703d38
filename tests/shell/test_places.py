"""At which site somebody is: its account, the endpoint it is, the network it comes from."""

from ipaddress import ip_network

import pytest

from sfu.config import Account, Endpoint, Line, Settings, Site
from sfu.shell.places import Places

SETTINGS = Settings(
    site=(
        Site(name="lajoux"),
        Site(name="morez"),
        Site(name="oyonnax", networks=(ip_network("198.51.100.0/24"),)),
    ),
    account=(Account(user="morez", password="x"), Account(user="car", password="x")),
    line=(
        Line(
            site="lajoux", up_bps=1_000_000, down_bps=1_000_000, server=True,
            networks=(ip_network("192.0.2.0/24"),), accounts=("car",),
        ),
    ),
    endpoint=(
        Endpoint(number="1", uri="sip:salle@203.0.113.9:5062;transport=tcp", site="morez"),
        Endpoint(number="2", uri="sip:morez@sfu.example", site="morez"),
        Endpoint(number="3", uri="h323:4201@[2001:db8::9]", site="morez"),
        Endpoint(number="4", uri="sip:21@198.51.100.7", site="lajoux"),
        Endpoint(number="5", uri="sip:22@198.51.100.7", site="morez"),
        Endpoint(number="6", uri="sip:nowhere@203.0.113.10"),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("hosts", "account", "site"),
    [
        (["192.0.2.9"], None, "lajoux"),  # beside the server too, where no line is reckoned with
        (["::ffff:192.0.2.9"], None, "lajoux"),
        (["203.0.113.9"], None, "morez"),
        (["2001:db8::9"], None, "morez"),
        (["198.51.100.8"], None, "oyonnax"),
        (["198.51.100.7"], None, "oyonnax"),  # two units behind one PBX: the network tells
        (["203.0.113.10"], None, ""),
        (["203.0.113.77", "203.0.113.9"], None, "morez"),
        (["192.0.2.9"], "morez", "morez"),
        (["203.0.113.9"], "car", "lajoux"),
        (["203.0.113.9"], "salle", "morez"),  # no account of ours
        (["fe80::1%eth0", "nonsense", ""], None, ""),
        ([], None, ""),
    ],
)
def test_somebody_is_at_a_site(hosts, account, site):
    assert Places(SETTINGS).site_of(hosts, account) == site


def test_without_sites_nobody_is_anywhere():
    assert Places().site_of(["192.0.2.9"], "morez") == ""

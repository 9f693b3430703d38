"""What one setting demands of another."""

import json

import pytest
from pydantic import TypeAdapter

from sfu.config.check import check
from sfu.config.settings import Settings

ADAPTER = TypeAdapter(Settings)


def fault(table):
    found = check(ADAPTER.validate_json(json.dumps(table)))
    return found and (found.key, found.why)


TRUNK = {"name": "pbx", "registrar": "sip.example", "user": "visio", "password": "x"}
ACCOUNT = {"user": "morez", "password": "x"}
LINE = {"site": "morez", "up_bps": 2_000_000, "down_bps": 2_000_000}


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"rtp": {"first_port": 30000}}, "rtp.last_port"),
        ({"webrtc": {"udp_port": 20100}}, "webrtc.udp_port"),
        ({"webrtc": {"udp_port": 5060}}, "webrtc.udp_port"),
        ({"sip": {"tls_port": 8443}}, "sip.tls_port"),
        ({"tls": {"certificate": "a.pem"}}, "tls.private_key"),
        ({"tls": {"private_key": "a.pem"}}, "tls.certificate"),
        ({"rooms": {"numbers": ["10-9"]}}, "rooms.numbers[1]"),
        ({"rooms": {"numbers": ["1", "90-100"]}}, "rooms.numbers[2]"),
        ({"room": [{"number": "1"}, {"number": "1"}]}, "room[2]"),
        (
            {"room": [{"number": "1", "aliases": ["A"]}, {"number": "2", "aliases": ["a"]}]},
            "room[2]",
        ),
        ({"account": [ACCOUNT, ACCOUNT]}, "account[2].user"),
        ({"dial_out": {"accounts": ["nobody"]}}, "dial_out.accounts"),
        ({"line": [LINE | {"accounts": ["nobody"]}]}, "line[1].accounts"),
        ({"site": [{"name": "lajoux"}], "line": [LINE]}, "line[1].site"),
        ({"site": [{"name": "lajoux"}, {"name": "lajoux"}]}, "site[2].name"),
        ({"trunk": [TRUNK, TRUNK]}, "trunk[2].name"),
        ({"trunk": [TRUNK, TRUNK | {"name": "other"}]}, "trunk[2].user"),
        ({"trunk": [TRUNK | {"room": "77"}]}, "trunk[1].room"),
        ({"trunk": [TRUNK | {"numbers": ["+331", "331"]}]}, "trunk[1].numbers"),
        ({"trunk": [TRUNK | {"registrar": "[2001:db8::1]:70000"}]}, "trunk[1].registrar"),
        ({"trunk": [TRUNK | {"outbound_proxy": "a:0"}]}, "trunk[1].outbound_proxy"),
        ({"endpoint": [{"number": "7", "uri": "sip:a@192.0.2.1"}] * 2}, "endpoint[2]"),
    ],
)
def test_what_does_not_fit_together_is_named(table, key):
    assert fault(table)[0] == key


def test_what_fits_is_no_fault():
    assert fault({}) is None
    assert fault({"line": [LINE]}) is None
    assert fault({"trunk": [TRUNK | {"room": "Accueil"}]}) is None
    assert fault({"trunk": [TRUNK | {"room": "4201", "outbound_proxy": "[::1]:5070"}]}) is None
    assert fault({"line": [LINE | {"accounts": ["morez"]}], "account": [ACCOUNT]}) is None
    assert fault({"site": [{"name": "morez"}], "line": [LINE, LINE]}) is None

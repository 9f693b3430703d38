"""What one setting demands of another."""

import json

import pytest
from pydantic import TypeAdapter

from sfu.config.check import check, notes
from sfu.config.settings import Settings

ADAPTER = TypeAdapter(Settings)


def fault(table):
    found = check(ADAPTER.validate_json(json.dumps(table)))
    return found and (found.key, found.why)


TRUNK = {"name": "pbx", "registrar": "sip.example", "user": "visio", "password": "x"}
FLOOR = {"picture_floor_bps": 300_000, "picture_max_bps": 200_000}
ACCOUNT = {"user": "morez", "password": "x"}
WEBHOOK = {"name": "ledger", "url": "https://a.example/", "secret": "a long enough one"}
OIDC = {"issuer": "https://id.example", "client_id": "sfu", "redirect_url": "https://a.example/b",
        "operators": ["dsi"]}  # fmt: skip
HOOK = {"name": "intranet", "url": "https://192.0.2.9/hook", "secret": "sixteen letters and"}
LINE = {"site": "morez", "up_bps": 2_000_000, "down_bps": 2_000_000}
SITES = [{"name": "a"}, {"name": "b"}]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"rtp": {"first_port": 30000}}, "rtp.last_port"),
        ({"webrtc": {"udp_port": 20100}}, "webrtc.udp_port"),
        ({"webrtc": {"udp_port": 5060}}, "webrtc.udp_port"),
        ({"sip": {"tls_port": 8443}}, "sip.tls_port"),
        ({"h323": {"port": 5060}}, "h323.port"),
        ({"h323": {"h245_ports": "23000-22000"}}, "h323.h245_ports"),
        ({"h323": {"h245_ports": "8000-9000"}}, "http.tls_port"),
        ({"webhook": [WEBHOOK, WEBHOOK]}, "webhook[2].name"),
        ({"oidc": {**OIDC, "client_id": ""}}, "oidc.client_id"),
        ({"oidc": {**OIDC, "redirect_url": ""}}, "oidc.redirect_url"),
        ({"oidc": {**OIDC, "scopes": ["email"]}}, "oidc.scopes"),
        ({"oidc": {**OIDC, "operators": []}}, "oidc.administrators"),
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
        ({"account": [ACCOUNT, ACCOUNT | {"user": "Morez"}]}, "account[2].user"),
        ({"account": [ACCOUNT | FLOOR]}, "account[1].picture_floor_bps"),
        ({"room": [{"number": "1"} | FLOOR]}, "room[1].picture_floor_bps"),
        (
            {"endpoint": [{"number": "1", "uri": "sip:a@b"} | FLOOR]},
            "endpoint[1].picture_floor_bps",
        ),
        ({"dial_out": {"accounts": ["nobody"]}}, "dial_out.accounts"),
        ({"line": [LINE | {"accounts": ["nobody"]}]}, "line[1].accounts"),
        ({"site": [{"name": "lajoux"}], "line": [LINE]}, "line[1].site"),
        ({"site": [{"name": "lajoux"}, {"name": "lajoux"}]}, "site[2].name"),
        ({"ledger": {"venue": "seat"}, "line": [LINE]}, "ledger.seat"),
        ({"store": {"url": "mysql://db/sfu"}}, "store.url"),
        ({"store": {"url": "postgres://db/sfu"}}, "store.url"),
        ({"webhook": [HOOK | {"events": ["meeting_stared"]}]}, "webhook[1].events"),
        ({"trunk": [TRUNK, TRUNK]}, "trunk[2].name"),
        ({"trunk": [TRUNK, TRUNK | {"name": "other"}]}, "trunk[2].user"),
        ({"trunk": [TRUNK | {"room": "77"}]}, "trunk[1].room"),
        ({"trunk": [TRUNK | {"password": ""}]}, "trunk[1].password"),
        ({"trunk": [TRUNK | {"numbers": ["+331", "331"]}]}, "trunk[1].numbers"),
        ({"trunk": [TRUNK | {"registrar": "[2001:db8::1]:70000"}]}, "trunk[1].registrar"),
        ({"trunk": [TRUNK | {"outbound_proxy": "a:0"}]}, "trunk[1].outbound_proxy"),
        ({"line": [LINE | {"name": "a"}, LINE | {"name": "a"}]}, "line[2].name"),
        ({"line": [LINE | {"name": "morez-2"}, LINE]}, "line[2].name"),
        ({"line": [LINE | {"networks": ["192.0.2.0/28"]}] * 2}, "line[2].networks"),
        ({"line": [LINE | {"server": True}] * 2}, "line[2].server"),
        ({"account": [ACCOUNT], "line": [LINE | {"accounts": ["morez"]}] * 2}, "line[2].accounts"),
        ({"bookings": {"numbers": ["4399-4310"]}}, "bookings.numbers[1]"),
        ({"bookings": {"numbers": ["4000", "5000"]}}, "bookings.numbers[2]"),
        (
            {"bookings": {"numbers": ["40000-79999"]}, "rooms": {"numbers": ["10000-99999"]}},
            "bookings.numbers[1]",
        ),
        ({"room": [{"number": "1", "units": ["7001"]}]}, "room[1].units"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc"}, "timezone"),
        ({"ledger": {"seat": "nowhere"}}, "ledger.seat"),
        ({"site": SITES, "distance": [{"between": ["a", "c"], "km": 1}]}, "distance[1].between"),
        ({"site": SITES, "distance": [{"between": ["a", "a"], "km": 1}]}, "distance[1].between"),
        (
            {
                "site": SITES,
                "distance": [
                    {"between": ["a", "b"], "km": 1},
                    {"between": ["b", "a"], "km": 2},
                ],
            },
            "distance[2].between",
        ),
        (
            {"site": [one | {"networks": ["192.0.2.0/28"]} for one in SITES]},
            "site[2].networks",
        ),
        ({"endpoint": [{"number": "7", "uri": "sip:a@192.0.2.1"}] * 2}, "endpoint[2]"),
    ],
)
def test_what_does_not_fit_together_is_named(table, key):
    assert fault(table)[0] == key


def test_what_fits_is_no_fault():
    assert fault({}) is None
    assert fault({"h323": {"enabled": False, "port": 5060}}) is None
    assert fault({"line": [LINE]}) is None
    assert fault({"trunk": [TRUNK | {"password": "", "register": False}]}) is None
    assert fault({"trunk": [TRUNK | {"room": "Accueil"}]}) is None
    assert fault({"store": {"url": "postgresql+psycopg://db/sfu"}}) is None
    assert fault({"webhook": [HOOK | {"events": ["meeting_started"]}]}) is None
    assert fault({"ledger": {"venue": "seat", "seat": "morez"}, "line": [LINE]}) is None
    assert fault({"trunk": [TRUNK | {"room": "4201", "outbound_proxy": "[::1]:5070"}]}) is None
    assert fault({"line": [LINE | {"accounts": ["morez"]}], "account": [ACCOUNT]}) is None
    assert fault({"site": [{"name": "morez"}], "line": [LINE, LINE]}) is None


def test_a_site_nobody_describes_is_told_and_one_that_is_alike():
    room = {"number": "4201", "site": "mroez"}
    told = list(notes(ADAPTER.validate_json(json.dumps({"room": [room], "line": [LINE]}))))
    assert told[0] == "room[1]: no [[site]] and no [[line]] is called mroez; perhaps morez?"
    named = {"room": [room], "site": [{"name": "mroez"}]}
    assert list(notes(ADAPTER.validate_json(json.dumps(named)))) == []


def said_of(*lines):
    return list(notes(ADAPTER.validate_json(json.dumps({"line": lines}))))


def test_networks_within_each_other_are_allowed_and_told():
    wide = LINE | {"site": "valley", "networks": ["192.0.2.0/24", "2001:db8::/32"]}
    told = said_of(wide, LINE | {"networks": ["192.0.2.16/28", "198.51.100.0/24"]})
    assert told == ["192.0.2.16/28 of line morez stands within 192.0.2.0/24 of line valley: "
                    "morez wins"]  # fmt: skip


def test_a_line_nobody_stands_behind_is_told():
    assert said_of(LINE) == [
        "nobody stands behind line morez: it has neither networks nor accounts"
    ]
    assert said_of(LINE | {"server": True}) == []

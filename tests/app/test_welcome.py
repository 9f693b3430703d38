from dataclasses import replace

import pytest

from sfu.app.welcome import demo_command, demo_welcome, welcome
from sfu.config import Http, Settings, Sip

SETTINGS = Settings()


@pytest.mark.parametrize(
    ("hosts", "page"),
    [
        (["127.0.0.1", "192.0.2.7"], "https://192.0.2.7:8443/"),
        (["::1", "2001:db8::7"], "https://[2001:db8::7]:8443/"),
        (["127.0.0.1"], "https://127.0.0.1:8443/"),
        ([], "https://127.0.0.1:8443/"),
    ],
)
def test_it_leads_to_an_address_others_reach(hosts, page):
    assert page in welcome(SETTINGS, hosts, "AB:CD", "")


def test_it_says_what_to_dial_and_whom_to_trust():
    said = welcome(SETTINGS, ["192.0.2.7"], "AB:CD", "  Administrateur\n")
    assert "sip:4201@192.0.2.7\n" in said
    assert "SHA-256 AB:CD\n" in said
    assert said.endswith("  Administrateur\n")
    other = replace(SETTINGS, sip=Sip(udp_port=5070))
    assert "sip:4201@192.0.2.7:5070\n" in welcome(other, ["192.0.2.7"], "", "")


def test_a_demonstration_is_found_at_the_ports_it_has():
    ours = replace(SETTINGS, http=Http(tls_port=9443, local_port=9080))
    assert "https://127.0.0.1:9443/?room=4201" in demo_welcome(ours, "4201")
    assert demo_command(ours, "4201")[-2:] == ["ws://127.0.0.1:9080/ws", "4201"]

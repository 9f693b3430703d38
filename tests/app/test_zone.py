"""What the gatekeeper knows of the house, and what the house keeps of registrations."""

from ipaddress import ip_network

from sfu.app.zone import questions, record, zone
from sfu.config import Settings
from sfu.config.people import Account, Register
from sfu.config.protocol import H323
from sfu.config.rooms import Room
from sfu.config.sites import Line
from sfu.model import Address, Protocol
from sfu.room.registration import Contact, Registrations
from sfu.shell.gate import Gate
from sfu.signalling.h323.zonefact import Enrolled, Left
from sfu.signalling.sip.limit import Rates
from tests.shell.stage import stage

SETTINGS = Settings(
    room=(Room(number="4201", aliases=("conseil",)),),
    account=(Account(user="lajoux", password="secret"),),
    register=Register(networks=(ip_network("192.0.2.0/28"),)),
    line=(
        Line(
            site="a", up_bps=2_000_000, down_bps=3_000_000, networks=(ip_network("192.0.2.0/24"),)
        ),
    ),
    h323=H323(port=1730, gatekeeper_name="jura", discovery=True),
)


def test_the_house_answers_the_gatekeeper():
    with stage(SETTINGS) as house:
        known = Registrations()
        there = Address("192.0.2.9", 5060)
        known.put("morez", Contact("sip:morez@192.0.2.9", there, Protocol.SIP, 1e12))
        known.put("7001", Contact("h323:7001@192.0.2.9", there, Protocol.H323, 1e12))
        gate = Gate(Rates(), lambda glimpse: False, lambda message: None)
        ask = questions(house.house, gate, known)
        assert (ask.account_of("LaJoux"), ask.account_of("morez")) == ("lajoux", None)
        assert (ask.password_of("lajoux"), ask.password_of("morez")) == ("secret", None)
        assert ask.listed("192.0.2.9")
        assert not ask.listed("192.0.2.77")
        assert [ask.takes(one) for one in ("4201##1", "conseil", "0", "4555", "7001")] == [
            True, True, True, True, False,
        ]  # fmt: skip
        assert ask.takes("morez")
        assert ask.budget_bps("192.0.2.77", "") == 5_000_000
        assert ask.budget_bps("203.0.113.1", "") is None


def test_settings_reach_the_gatekeeper():
    made = zone(SETTINGS, ["192.0.2.1"])
    assert (made.name, made.port, made.signalling_port) == ("jura", 1719, 1730)
    assert made.discovery


def test_a_unit_is_called_by_each_of_its_names_until_it_leaves():
    known = Registrations()
    unit = Address("192.0.2.9", 1720)
    record(known, Enrolled("e1", ("morez", "7001"), unit, "", "Sony PCS-XG80"))
    (contact,) = known.find("7001", 0)
    assert (contact.uri, contact.protocol) == ("h323:7001@192.0.2.9:1720", Protocol.H323)
    assert contact.source == unit
    record(known, Left("e1", ("morez", "7001")))
    assert not known.find("morez", 0)

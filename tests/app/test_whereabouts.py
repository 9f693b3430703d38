"""Who registered is called by the address its protocol goes by, as long as it is registered."""

import math

from sfu.app.whereabouts import Whereabouts
from sfu.model import Address, Protocol
from sfu.room.registration import Contact
from sfu.signalling.sip.flow import Carrier, Flow
from sfu.signalling.sip.registrar import Registered, Unregistered

HDX = Flow(1, Carrier.UDP, Address("192.0.2.1", 5060), Address("192.0.2.30", 5062))
CONTACT = "sip:morez@192.0.2.30:5062"


def test_an_account_of_sip_is_called_by_its_name_until_it_leaves():
    known = Whereabouts(lambda: "visio.example")
    known.registered(Registered("Morez", CONTACT, HDX, "HDX", "", 0.0))
    assert known.contact_of("morez") == CONTACT
    assert known.way_to("morez") == ("sip:Morez@visio.example", "192.0.2.30")
    known.registered(Unregistered("Morez", CONTACT))
    assert (known.contact_of("morez"), known.way_to("morez")) == (None, None)


def test_a_unit_of_h323_is_called_where_it_said():
    known = Whereabouts(lambda: "sfu")
    there, uri = Address("192.0.2.9", 1720), "h323:7001@192.0.2.9:1720"
    known.registrations.put("7001", Contact(uri, there, Protocol.H323, math.inf))
    assert known.way_to("7001") == (uri, "192.0.2.9")


def test_a_number_no_gateway_takes_goes_by_none():
    known = Whereabouts(lambda: "sfu")
    assert known.gateway_to("0384330000") is None
    known.prefix = lambda number: Address("192.0.2.60", 1720) if number[0] == "0" else None
    assert known.gateway_to("0384330000") == "h323:0384330000@192.0.2.60:1720"
    assert known.gateway_to("4201") is None

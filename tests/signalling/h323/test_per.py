"""The door to the ASN.1: known octets, the mended fault, and nothing but PeerError."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.model import Address
from sfu.signalling.h323 import h225, h245, h245_per, per
from sfu.signalling.h323.h225 import Information, Release, ReleaseComplete
from sfu.signalling.h323.ras import GatekeeperRequest
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.raswrite import write


@pytest.mark.parametrize(
    ("message", "octets"),
    [
        (h245.SetAck(1), "218001"),
        (h245.DeterminationAck(master=False), "20a0"),
        (h245.DeterminationAck(master=True), "2080"),
        (h245.RoundTrip(1), "090001"),
        (h245.RoundTripResponse(1), "280001"),
        (h245.Command(2, "videoFastUpdatePicture"), "4c000128"),
        (h245.FlowControl(2, 600_000), "48000001201770"),
        (h245.FlowControl(2, None), "4800000180"),
        (h245.CloseChannel(2), "0400000180"),
        (h245.CloseAck(2), "23800001"),
        (h245.OpenReject(2), "2300000120"),
        (h245.EndSession(), "4a40"),
        (h245.UserInput("5"), "6d400135"),
    ],
)
def test_messages_one_knows_by_eye(message, octets):
    assert h245_per.write(message).hex() == octets
    assert h245_per.read(bytes.fromhex(octets)) == message


def test_keys_come_as_signals_too():
    assert h245_per.read(bytes.fromhex("6d810446a000c7")) == h245.UserInput("5")


def test_additions_are_written_from_an_octets_edge():
    per.load()
    release = Information(ReleaseComplete(bytes(range(16)), Release.ADAPTIVE_BUSY))
    octets = h225.write(release)
    assert h225.read(octets) == release
    # bitmap of one addition, its length of 17 and its first octet: with the fault a 00 goes before
    assert bytes.fromhex("48a8001100") + bytes(range(16)) in octets


READERS = [h225.read, h245_per.read]


@pytest.mark.parametrize("read", READERS)
@settings(max_examples=60)
@given(octets=st.binary(max_size=200))
def test_any_octets_are_read_or_refused(read, octets):
    with suppress(PeerError):
        read(octets)


def test_what_is_too_large_is_not_looked_at():
    with pytest.raises(PeerError):
        per.decode(per.Pdu.H245, bytes(per.MAX_PDU + 1))


def test_a_pdu_of_too_many_values_is_none(monkeypatch):
    known = bytes.fromhex("48000001201770")
    assert h245_per.read(known) == h245.FlowControl(2, 600_000)
    monkeypatch.setattr(per, "VALUES", 3)
    monkeypatch.setattr(per, "VALUES_PER_OCTET", 0)
    with pytest.raises(PeerError):
        h245_per.read(known)


def test_an_object_in_a_ring_has_a_name():
    """A PDU that breaks off within a type of its own leaves such a ring behind."""
    per.load()
    rule = per._rules()[per.Pdu.H245]
    before, rule._parent = rule._parent, rule
    try:
        assert rule.fullname() == "MultimediaSystemControlMessage"
    finally:
        rule._parent = before


def test_a_datagram_may_hold_fewer_values(monkeypatch):
    known = write(GatekeeperRequest(9, Address("192.0.2.21", 1719)))
    assert read(known)[0].number == 9
    monkeypatch.setattr(per, "RAS_VALUES", 3)
    monkeypatch.setattr(per, "RAS_VALUES_PER_OCTET", 0)
    with pytest.raises(PeerError):
        read(known)

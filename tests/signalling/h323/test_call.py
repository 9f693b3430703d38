"""One call as a ladder, word by word: which way its H.245 goes, what is lost, what crosses."""

from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from sfu.model import Address, CallId, Codec
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallRinging,
    Dial,
    DigitPressed,
    End,
    MediaOffered,
)
from sfu.signalling.h323 import h225, h245, h245_per, q931, tpkt
from sfu.signalling.h323.capset import Ability, CapabilitySet
from sfu.signalling.h323.datatype import Sound
from sfu.signalling.h323.flow import (
    Close,
    Closed,
    Connect,
    Connected,
    FlowId,
    Listen,
    Listening,
    Opened,
    Received,
    Send,
)
from sfu.signalling.h323.h245 import Determination
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.useragent import H323UserAgent
from tests.unitstack import offer

US, OURS = Address("192.0.2.10", 1720), Address("192.0.2.10", 22_000)
UNIT, THEIRS = Address("192.0.2.20", 40_000), Address("192.0.2.20", 5_555)
BEHIND = Address("198.51.100.7", 5_555)
IDENTIFIER, CONFERENCE = bytes(range(16)), bytes(16)
CALL = CallId(1)
SIGNALLING, H245, ANOTHER = FlowId(2), FlowId(4), FlowId(6)
SET = CapabilitySet(1, (Ability(1, Sound(Codec.PCMA)),))
LEAD = h245.Determination(50, 5)
RTP, RTCP = Address("192.0.2.20", 6_000), Address("192.0.2.20", 6_001)
NOISE = b"\xff\xff\xff"


@dataclass(frozen=True)
class Said:
    """What we said, on which connection."""

    flow: FlowId
    what: object


class Ladder:
    """A unit that says what a test has it say."""

    def __init__(self, *, tunnelling: bool = False, routed: bool = False) -> None:
        numbers = count(7)
        us = Identity("sfu", h225.Endpoint("mcu", True, "sfu", "0"), tunnelling)
        self.core = H323UserAgent(
            us, lambda length: (next(numbers) * 40_503).to_bytes(16)[-length:], lambda: CALL
        )
        self.core.routes = lambda host: routed and host == UNIT.host
        self.now = 0.0
        self.signalling = SIGNALLING
        self.calling = True
        self.states: list[int] = []
        """What we said by Status."""
        self.claims: list[bool] = []
        """What each message of ours says of the tunnel."""
        self._framers: dict[FlowId, tpkt.Framer] = {}

    # ---- what happens

    def call(self, *control: h245.H245, tunnels: bool = False) -> list[object]:
        """Call us."""
        self.happens(Opened(SIGNALLING, UNIT, US))
        return self.says(h225.Setup(IDENTIFIER, CONFERENCE), *control, tunnels=tunnels)

    def called(self) -> list[object]:
        """Be called."""
        self.calling = False
        out = self.happens(Dial(CALL, f"h323:{UNIT.host}", offer(US.host, 30_000), "", ""))
        (connect,) = found(out, Connect)
        self.signalling = connect.flow
        return self.happens(Connected(connect.flow, US))

    def accepted(self) -> list[object]:
        """Have the server take the call; where we listen for H.245 it is at `OURS`."""
        out = self.happens(Accept(CALL, offer(US.host, 30_000)))
        return out + self.listened(out)

    def listened(self, out: list[object]) -> list[object]:
        return self.happens(Listening(CALL, OURS)) if found(out, Listen) else []

    def happens(self, event: object) -> list[object]:
        self.core.handle(event, self.now)  # type: ignore[arg-type]
        return self._heard()

    def waits(self, seconds: float) -> list[object]:
        self.now += seconds
        self.core.tick(self.now)
        return self._heard()

    # ---- what the unit says

    def says(
        self, body: h225.Body, *control: h245.H245 | bytes, tunnels: bool = False
    ) -> list[object]:
        """Say something by call signalling, with H.245 in its tunnel."""
        octets = tuple(one if isinstance(one, bytes) else h245_per.write(one) for one in control)
        information = h225.write(h225.Information(body, tunnels, octets))
        kind = {
            h225.Setup: q931.Type.SETUP,
            h225.Proceeding: q931.Type.ALERTING,
            h225.Connect: q931.Type.CONNECT,
            h225.Facility: q931.Type.FACILITY,
        }[type(body)]
        message = q931.Message(kind, 9, not self.calling, (q931.user_user(information),))
        return self.happens(Received(self.signalling, tpkt.write(q931.write(message))))

    def writes(self, kind: q931.Type, user: bytes | None, *elements: tuple[int, bytes]) -> Any:
        """Say by Q.931 what no unit of ours would; `user` are the octets of its user-user part."""
        last = () if user is None else (q931.user_user(user),)
        message = q931.Message(kind, 9, not self.calling, (*elements, *last))
        return self.happens(Received(self.signalling, tpkt.write(q931.write(message))))

    def tunnels(self, *control: h245.H245 | bytes) -> list[object]:
        return self.says(h225.Facility(IDENTIFIER), *control, tunnels=True)

    def speaks(self, flow: FlowId, *messages: h245.H245) -> list[object]:
        """Say H.245 on a connection of its own."""
        octets = b"".join(tpkt.write(h245_per.write(one)) for one in messages)
        return self.happens(Received(flow, octets))

    def settles(self, flow: FlowId) -> list[object]:
        """Agree on sound both ways, on a connection of its own."""
        out = self.speaks(flow, SET, LEAD, h245.SetAck(1), h245.DeterminationAck(master=True))
        (sound,) = (one for one in said(out) if isinstance(one, h245.OpenChannel))
        return out + self.speaks(
            flow,
            h245.OpenAck(sound.number, 1, RTP, RTCP),
            h245.OpenChannel(1, Sound(Codec.PCMA), 1, RTCP),
        )

    def talking(self) -> FlowId:
        """Be in a call, H.245 on a connection of its own."""
        self.call()
        self.accepted()
        self.happens(Opened(H245, UNIT, OURS, CALL))
        assert found(self.settles(H245), CallConfirmed)
        return H245

    def _heard(self) -> list[object]:
        out: list[object] = []
        for one in self.core.poll():
            if not isinstance(one, Send):
                out.append(one)
                continue
            for payload in self._framers.setdefault(one.flow, tpkt.Framer()).feed(one.data):
                out += self._read(one.flow, payload)
        return out

    def _read(self, flow: FlowId, payload: bytes) -> list[object]:
        if payload[0] != q931.PROTOCOL:
            return [Said(flow, h245_per.read(payload))]
        message = q931.parse(payload)
        self.states += [one[0] for kind, one in message.elements if kind == q931.Element.CALL_STATE]
        octets = message.user_user
        assert octets is not None
        information = h225.read(octets)
        self.claims.append(information.tunnelling)
        tunnelled = [Said(flow, h245_per.read(one)) for one in information.control]
        return [Said(flow, information.body), *tunnelled]


def found(out: list[object], kind: type) -> list[Any]:
    return [one for one in out if isinstance(one, kind)]


def said(out: list[object], flow: FlowId | None = None) -> list[Any]:
    return [one.what for one in found(out, Said) if flow in (None, one.flow)]


def kinds(out: list[object], flow: FlowId | None = None) -> list[type]:
    return [type(one) for one in said(out, flow)]


# ---- in the tunnel


def test_an_item_in_the_tunnel_that_cannot_be_read_costs_those_beside_it_nothing():
    unit = Ladder(tunnelling=True)
    unit.call(tunnels=True)
    unit.accepted()
    out = unit.tunnels(NOISE, SET, NOISE, LEAD)
    assert h245.SetAck(1) in said(out)
    assert h245.DeterminationAck(master=False) in said(out)


def test_h245_that_came_with_setup_is_answered_once_the_call_is_taken():
    unit = Ladder(tunnelling=True)
    assert kinds(unit.call(SET, LEAD, tunnels=True)) == [h225.Proceeding]
    out = unit.accepted()
    assert kinds(out)[:1] == [h225.Connect]
    assert h245.SetAck(1) in said(out)
    assert h245.DeterminationAck(master=False) in said(out)
    assert kinds(out).count(CapabilitySet) == 1


def test_h245_that_came_with_setup_is_said_again_where_we_take_a_connection_for_it():
    unit = Ladder()
    unit.call(SET, LEAD, tunnels=True)
    (connect,) = said(unit.accepted())
    assert connect.h245_address == OURS
    out = unit.happens(Opened(H245, UNIT, OURS, CALL))
    assert kinds(out) == [CapabilitySet, h245.Determination]
    assert h245.SetAck(1) in said(unit.speaks(H245, SET))


def test_who_tunnels_while_we_wait_for_its_connection_is_answered_in_the_tunnel():
    unit = Ladder()
    unit.call(tunnels=True)
    unit.accepted()
    out = unit.tunnels(SET, LEAD)
    assert {h245.SetAck(1), h245.DeterminationAck(master=False)} <= set(said(out, SIGNALLING))


def test_who_leaves_the_tunnel_says_where_and_is_connected_to():
    unit = Ladder(tunnelling=True)
    unit.call(tunnels=True)
    unit.accepted()
    unit.tunnels(SET)
    (connect,) = found(
        unit.says(h225.Facility(IDENTIFIER, h225.Reason.START_H245, THEIRS)), Connect
    )
    assert connect.remote == THEIRS
    assert said(unit.happens(Connected(connect.flow, US))) == []
    out = unit.speaks(connect.flow, h245.RoundTrip(7))
    assert said(out, connect.flow) == [h245.RoundTripResponse(7)]


@pytest.mark.parametrize("has", [True, False])
def test_we_claim_a_tunnel_to_who_has_one_alone(has: bool):
    unit = Ladder(tunnelling=True)
    unit.call(tunnels=has)
    unit.accepted()
    assert set(unit.claims) == {has}


def test_in_a_setup_we_claim_the_tunnel_that_we_prefer_and_give_it_up_for_who_has_none():
    unit = Ladder(tunnelling=True)
    unit.called()
    assert unit.claims == [True]
    unit.listened(unit.says(h225.Connect(IDENTIFIER, CONFERENCE)))
    assert unit.claims[1:] == [False]


# ---- in a tunnel that leads nowhere


def test_who_claims_a_tunnel_and_ignores_it_is_told_where_else_and_talked_with_from_the_start():
    unit = Ladder(tunnelling=True)
    unit.call(tunnels=True)
    out = unit.accepted()
    assert kinds(out) == [h225.Connect, h225.Facility, CapabilitySet, h225.Facility, Determination]
    assert not found(unit.waits(3.9), Listen)
    out = unit.waits(0.2)
    (facility,) = said(unit.listened(out))
    assert (facility.reason, facility.h245_address) == (h225.Reason.START_H245, OURS)
    assert (unit.claims[0], unit.claims[-1]) == (True, False)
    out = unit.happens(Opened(H245, UNIT, OURS, CALL))
    assert kinds(out, H245) == [CapabilitySet, Determination]
    assert found(unit.settles(H245), CallConfirmed)


def test_whom_we_call_and_who_ignores_the_tunnel_it_claims_is_told_where_else():
    unit = Ladder(tunnelling=True)
    unit.called()
    out = unit.says(h225.Connect(IDENTIFIER, CONFERENCE), tunnels=True)
    assert CapabilitySet in kinds(out)
    out = unit.waits(4.1)
    (facility,) = said(unit.listened(out))
    assert (facility.reason, facility.h245_address) == (h225.Reason.START_H245, OURS)
    unit.happens(Opened(H245, UNIT, OURS, CALL))
    assert found(unit.settles(H245), CallAnswered)


def test_who_ignores_the_tunnel_and_named_a_place_in_setup_is_connected_to_there():
    unit = Ladder(tunnelling=True)
    unit.happens(Opened(SIGNALLING, UNIT, US))
    unit.says(h225.Setup(IDENTIFIER, CONFERENCE, h245_address=THEIRS), tunnels=True)
    unit.accepted()
    (connect,) = found(unit.waits(4.1), Connect)
    assert connect.remote == THEIRS
    out = unit.happens(Connected(connect.flow, US))
    assert kinds(out, connect.flow) == [CapabilitySet, Determination]
    assert found(unit.settles(connect.flow), CallConfirmed)


def test_where_nobody_is_at_that_place_it_is_told_one_of_ours():
    unit = Ladder(tunnelling=True)
    unit.happens(Opened(SIGNALLING, UNIT, US))
    unit.says(h225.Setup(IDENTIFIER, CONFERENCE, h245_address=THEIRS), tunnels=True)
    unit.accepted()
    (connect,) = found(unit.waits(4.1), Connect)
    out = unit.happens(Closed(connect.flow))
    (facility,) = said(unit.listened(out))
    assert facility.h245_address == OURS
    (ended,) = found(unit.waits(16.0), CallEnded)
    assert (ended.cause, ended.text) == (End.PROTOCOL_ERROR, "H.245 did not settle")


def test_who_is_only_slow_in_the_tunnel_stays_in_it():
    slow, slower = Ladder(tunnelling=True), Ladder(tunnelling=True)
    for unit in (slow, slower):
        unit.call(tunnels=True)
        unit.accepted()
    slow.waits(3.0)
    slow.tunnels(h245.SetAck(1))
    assert not found(slow.waits(5.0), Listen)
    slower.listened(slower.waits(4.1))
    out = slower.tunnels(SET, LEAD)
    assert {h245.SetAck(1), h245.DeterminationAck(master=False)} <= set(said(out, SIGNALLING))
    assert slower.claims[-1]


# ---- on a connection of its own


def test_a_call_is_answered_when_it_is_taken_not_when_its_media_could_begin():
    unit = Ladder()
    unit.called()
    out = unit.says(h225.Proceeding(IDENTIFIER, ringing=True, h245_address=THEIRS))
    assert found(out, CallRinging)
    (connect,) = found(out, Connect)
    unit.happens(Connected(connect.flow, US))
    out = unit.settles(connect.flow)
    out += unit.speaks(connect.flow, h245.UserInput("1"), h245.CloseChannel(1))
    out += unit.waits(9.0)
    assert not found(out, CallAnswered)
    assert found(out, DigitPressed)
    out = unit.says(h225.Connect(IDENTIFIER, CONFERENCE, h245_address=THEIRS))
    (answered,) = found(out, CallAnswered)
    assert b"m=audio 6000 " in answered.description
    assert not found(out, Connect), "H.245 has its connection"


def test_a_call_that_rings_for_ever_is_not_answered_by_its_media():
    unit = Ladder()
    unit.called()
    (connect,) = found(unit.says(h225.Proceeding(IDENTIFIER, True, h245_address=THEIRS)), Connect)
    unit.happens(Connected(connect.flow, US))
    unit.settles(connect.flow)
    ended: list[CallEnded] = []
    for _ in range(10):
        ended += found(unit.waits(10.0), CallEnded)
        unit.speaks(connect.flow, h245.RoundTrip(1))
    assert [one.cause for one in ended] == [End.NO_ANSWER]


def test_who_names_no_place_for_h245_is_told_one():
    unit = Ladder()
    unit.called()
    out = unit.says(h225.Connect(IDENTIFIER, CONFERENCE))
    assert found(out, Listen)
    (facility,) = said(unit.listened(out))
    assert (facility.reason, facility.h245_address) == (h225.Reason.START_H245, OURS)
    out = unit.happens(Opened(H245, UNIT, OURS, CALL))
    assert kinds(out, H245) == [CapabilitySet, h245.Determination]
    assert found(unit.settles(H245), CallAnswered)


def test_connections_we_open_have_odd_numbers_and_none_has_two_owners():
    """The shell tells by it who opened one."""
    caller, callee = Ladder(), Ladder()
    caller.call()
    caller.accepted()
    (one,) = found(caller.says(h225.Facility(IDENTIFIER, h225.Reason.START_H245, THEIRS)), Connect)
    callee.called()
    (other,) = found(
        callee.says(h225.Connect(IDENTIFIER, CONFERENCE, h245_address=THEIRS)), Connect
    )
    assert (one.flow % 2, other.flow % 2) == (1, 1)
    assert len({one.flow, other.flow, caller.signalling, callee.signalling}) == 4


def test_who_waits_for_h245_before_the_call_is_taken_is_connected_to_after():
    unit = Ladder()
    unit.call()
    wish = h225.Facility(IDENTIFIER, h225.Reason.START_H245, THEIRS)
    assert unit.says(wish) == []
    (connect,) = found(unit.accepted(), Connect)
    assert connect.remote == THEIRS


# ---- a Setup that names where H.245 may be connected to


def offering(unit: Ladder) -> None:
    unit.happens(Opened(SIGNALLING, UNIT, US))
    unit.says(h225.Setup(IDENTIFIER, CONFERENCE, h245_address=THEIRS))


def test_who_named_a_place_for_h245_in_setup_may_connect_to_ours_instead():
    unit = Ladder()
    offering(unit)
    out = unit.accepted()
    (connect,) = said(out)
    assert connect.h245_address == OURS
    assert not found(out, Connect)
    unit.happens(Opened(H245, UNIT, OURS, CALL))
    assert not found(unit.waits(5.0), Connect)
    assert found(unit.settles(H245), CallConfirmed)


def test_who_named_a_place_for_h245_in_setup_and_only_waits_is_connected_to():
    unit = Ladder()
    offering(unit)
    unit.accepted()
    (connect,) = found(unit.waits(4.1), Connect)
    assert connect.remote == THEIRS
    unit.happens(Connected(connect.flow, US))
    assert found(unit.settles(connect.flow), CallConfirmed)


def test_where_we_have_no_port_for_h245_the_place_in_setup_serves():
    unit = Ladder()
    offering(unit)
    unit.happens(Accept(CALL, offer(US.host, 30_000)))
    out = unit.happens(Listening(CALL, None)) + unit.waits(0.0)
    assert [one.remote for one in found(out, Connect)] == [THEIRS]
    assert not found(out, CallEnded)


def test_who_named_a_place_in_setup_where_nobody_is_has_no_call():
    unit = Ladder()
    offering(unit)
    unit.accepted()
    (connect,) = found(unit.waits(4.1), Connect)
    unit.happens(Closed(connect.flow))
    (ended,) = found(unit.waits(20.1), CallEnded)
    assert (ended.cause, ended.text) == (End.PROTOCOL_ERROR, "H.245 did not settle")


# ---- what a message says of the tunnel


def test_a_tunnel_that_connect_takes_back_is_not_used():
    unit = Ladder(tunnelling=True)
    unit.called()
    unit.says(h225.Proceeding(IDENTIFIER), tunnels=True)
    out = unit.says(h225.Connect(IDENTIFIER, CONFERENCE))
    assert found(out, Listen)
    assert CapabilitySet not in kinds(out)


def test_h245_that_came_in_the_tunnel_before_connect_is_answered_there():
    unit = Ladder()
    unit.called()
    assert said(unit.says(h225.Proceeding(IDENTIFIER, True), SET, LEAD, tunnels=True)) == []
    out = unit.says(h225.Connect(IDENTIFIER, CONFERENCE), tunnels=True)
    assert {h245.SetAck(1), h245.DeterminationAck(master=False)} <= set(said(out, unit.signalling))


# ---- of what no more can be read than its type


@pytest.mark.parametrize("user", [None, NOISE, h225.write(h225.Information(h225.Other()))])
def test_a_release_is_one_whatever_stands_in_it(user: bytes | None):
    unit = Ladder()
    unit.call()
    (ended,) = found(unit.writes(q931.Type.RELEASE_COMPLETE, user, q931.cause(17)), CallEnded)
    assert ended.cause is End.BUSY


@pytest.mark.parametrize("user", [None, NOISE])
def test_who_rings_rings_whatever_stands_in_it(user: bytes | None):
    unit = Ladder()
    unit.called()
    assert found(unit.writes(q931.Type.ALERTING, user), CallRinging)
    assert not found(unit.waits(60.0), CallEnded), "ten seconds are for who says nothing"
    (ended,) = found(unit.waits(31.0), CallEnded)
    assert ended.cause is End.NO_ANSWER


def test_a_connect_that_cannot_be_read_is_no_call():
    unit = Ladder()
    unit.called()
    (ended,) = found(unit.writes(q931.Type.CONNECT, NOISE), CallEnded)
    assert ended.cause is End.PROTOCOL_ERROR


@pytest.mark.parametrize("user", [None, NOISE])
@pytest.mark.parametrize(
    "kind",
    [q931.Type.NOTIFY, q931.Type.STATUS, q931.Type.FACILITY, q931.Type.INFORMATION,
     q931.Type.SETUP_ACKNOWLEDGE, q931.Type.SETUP, 0x33],
)  # fmt: skip
def test_what_else_cannot_be_read_costs_nothing(kind: q931.Type, user: bytes | None):
    caller, callee = Ladder(), Ladder()
    caller.call()
    callee.called()
    for unit in (caller, callee):
        assert unit.writes(kind, user) == []
    assert found(caller.accepted(), Said)
    assert found(callee.says(h225.Connect(IDENTIFIER, CONFERENCE)), Listen)


def test_who_asks_how_the_call_is_hears_it_at_each_step():
    caller, callee = Ladder(), Ladder()

    def asks(unit: Ladder) -> None:
        (answer,) = said(unit.writes(q931.Type.STATUS_ENQUIRY, None))
        assert answer == h225.Status(answer.identifier)

    caller.call()
    asks(caller)
    caller.accepted()
    asks(caller)
    callee.called()
    asks(callee)
    callee.says(h225.Proceeding(IDENTIFIER))
    asks(callee)
    assert (caller.states, callee.states) == ([9, 10], [1, 3])


def test_keys_of_an_information_are_heard():
    unit = Ladder()
    unit.talking()
    keypad = (q931.Element.KEYPAD, b"4#")
    out = unit.writes(q931.Type.INFORMATION, None, keypad)
    assert [one.digit for one in found(out, DigitPressed)] == ["4", "#"]


@pytest.mark.parametrize(
    "reason",
    [
        h225.Reason.CALL_FORWARDED,
        h225.Reason.ROUTE_CALL_TO_GATEKEEPER,
        h225.Reason.ROUTE_CALL_TO_MC,
    ],
)
def test_who_sends_us_elsewhere_is_not_followed_and_not_waited_for(reason: h225.Reason):
    unit = Ladder()
    unit.called()
    (ended,) = found(unit.says(h225.Facility(IDENTIFIER, reason, None, BEHIND)), CallEnded)
    assert (ended.cause, ended.text) == (End.REFUSED, "it sends the call elsewhere")


# ---- both open one


def crossing(ours: Address) -> tuple[Ladder, FlowId, list[object]]:
    """We listen and connect, and so does the unit."""
    unit = Ladder()
    unit.call()
    unit.happens(Accept(CALL, offer(US.host, 30_000)))
    unit.happens(Listening(CALL, ours))
    (connect,) = found(
        unit.says(h225.Facility(IDENTIFIER, h225.Reason.START_H245, THEIRS)), Connect
    )
    assert kinds(unit.happens(Connected(connect.flow, US))) == [CapabilitySet, h245.Determination]
    return unit, connect.flow, unit.happens(Opened(H245, UNIT, ours, CALL))


def test_of_two_that_cross_ours_goes_where_our_address_is_the_smaller():
    unit, dialled, out = crossing(OURS)
    assert found(out, Close) == [Close(dialled)]
    assert kinds(out, H245) == [CapabilitySet, h245.Determination]
    assert unit.happens(Closed(dialled)) == []
    assert found(unit.settles(H245), CallConfirmed)


def test_of_two_that_cross_theirs_goes_where_our_address_is_the_larger():
    unit, dialled, out = crossing(Address("192.0.2.30", 22_000))
    assert out == [Close(H245)]
    unit.happens(Closed(H245))
    assert found(unit.settles(dialled), CallConfirmed)


def test_who_lets_our_connection_go_for_its_own_is_waited_for():
    unit = Ladder()
    unit.call()
    unit.accepted()
    (connect,) = found(
        unit.says(h225.Facility(IDENTIFIER, h225.Reason.START_H245, THEIRS)), Connect
    )
    assert unit.happens(Closed(connect.flow)) == []
    unit.happens(Opened(H245, UNIT, OURS, CALL))
    assert found(unit.settles(H245), CallConfirmed)


def test_nobody_has_us_knock_at_many_doors():
    unit = Ladder(routed=True)
    unit.call()
    unit.accepted()
    doors = []
    for port in range(5_000, 5_010):
        there = Address(BEHIND.host, port)
        out = unit.says(h225.Facility(IDENTIFIER, h225.Reason.START_H245, there))
        doors += found(out, Connect)
        for one in found(out, Connect):
            unit.happens(Closed(one.flow))
    assert [one.remote.port for one in doors] == [5_000]


def test_a_second_connection_is_closed_and_not_listened_to():
    unit = Ladder()
    talks = unit.talking()
    assert unit.happens(Opened(ANOTHER, UNIT, OURS, CALL)) == [Close(ANOTHER)]
    half = tpkt.write(h245_per.write(h245.RoundTrip(7)))[:5]
    assert unit.happens(Received(ANOTHER, half)) == []
    assert said(unit.speaks(talks, h245.RoundTrip(8))) == [h245.RoundTripResponse(8)]
    assert unit.happens(Closed(ANOTHER)) == []


# ---- through a gatekeeper


def test_a_call_through_our_gatekeeper_has_its_h245_from_who_stands_behind():
    unit = Ladder(routed=True)
    unit.call()
    (listen,) = found(unit.happens(Accept(CALL, offer(US.host, 30_000))), Listen)
    assert listen.anyone
    unit.happens(Listening(CALL, OURS))
    out = unit.happens(Opened(H245, BEHIND, OURS, CALL))
    assert kinds(out, H245) == [CapabilitySet, h245.Determination]


def test_a_call_of_nobodys_gatekeeper_has_its_h245_from_its_own_host():
    unit = Ladder()
    unit.call()
    (listen,) = found(unit.happens(Accept(CALL, offer(US.host, 30_000))), Listen)
    assert not listen.anyone
    unit.happens(Listening(CALL, OURS))
    assert unit.happens(Opened(H245, BEHIND, OURS, CALL)) == [Close(H245)]


@pytest.mark.parametrize(
    ("routed", "told", "dialled"),
    [
        (True, BEHIND, BEHIND),
        (False, BEHIND, Address(UNIT.host, BEHIND.port)),
        (True, Address("127.0.0.1", 5_555), Address(UNIT.host, 5_555)),
        (True, Address("169.254.1.1", 5_555), Address(UNIT.host, 5_555)),
        (True, Address(BEHIND.host, 25), Address(UNIT.host, 25)),
        (True, Address("239.1.1.1", 5_555), Address(UNIT.host, 5_555)),
    ],
)
def test_where_we_connect_for_h245(routed, told, dialled):
    unit = Ladder(routed=routed)
    unit.called()
    (connect,) = found(unit.says(h225.Connect(IDENTIFIER, CONFERENCE, h245_address=told)), Connect)
    assert connect.remote == dialled


# ---- half a call


def test_a_gatekeeper_that_closes_call_signalling_ends_no_call():
    unit = Ladder()
    talks = unit.talking()
    out = unit.happens(Closed(SIGNALLING))
    (asked,) = said(out, talks)
    assert isinstance(asked, h245.RoundTrip)
    unit.speaks(talks, h245.RoundTripResponse(asked.sequence))
    for _ in range(6):
        out = unit.waits(10.0)
        assert not found(out, CallEnded)
        unit.speaks(talks, h245.RoundTripResponse(1))
    (ended,) = found(unit.speaks(talks, h245.EndSession()), CallEnded)
    assert ended.cause is End.HUNG_UP
    assert len(unit.core) == 0


def test_who_closes_call_signalling_and_says_nothing_more_is_gone_soon():
    unit = Ladder()
    unit.talking()
    unit.happens(Closed(SIGNALLING))
    assert not found(unit.waits(4.9), CallEnded)
    (ended,) = found(unit.waits(0.2), CallEnded)
    assert ended.cause is End.VANISHED


@pytest.mark.parametrize("first", [SIGNALLING, H245])
def test_who_is_killed_is_gone_at_once(first):
    unit = Ladder()
    unit.talking()
    (second,) = {SIGNALLING, H245} - {first}
    out = unit.happens(Closed(first)) + unit.happens(Closed(second))
    (ended,) = found(out, CallEnded)
    assert ended.cause is End.VANISHED
    assert len(unit.core) == 0


def test_where_nobody_leads_the_call_failed_and_was_not_hung_up():
    unit = Ladder()
    unit.call()
    unit.accepted()
    unit.happens(Opened(H245, UNIT, OURS, CALL))
    (ended,) = found(unit.speaks(H245, *[h245.DeterminationReject()] * 5), CallEnded)
    assert (ended.cause, ended.text) == (End.PROTOCOL_ERROR, "nobody leads")


def test_a_unit_that_closes_its_sound_opens_it_again_in_another_codec():
    """As behind an exchange that puts it through: what we answered meanwhile was "no sound"."""
    unit = Ladder()
    talks = unit.talking()
    assert found(unit.speaks(talks, h245.CloseChannel(1)), MediaOffered)
    unit.speaks(talks, CapabilitySet(2, ()))
    head = offer(US.host, 30_000).decode().partition("m=audio")[0]
    nothing = f"{head}m=audio 0 RTP/AVP 8\r\nm=video 0 RTP/AVP 96\r\n".encode()
    assert CapabilitySet not in kinds(unit.happens(AnswerMedia(CALL, nothing)))
    others = CapabilitySet(3, (Ability(1, Sound(Codec.PCMU)),))
    out = unit.speaks(talks, others)
    ours = next(one for one in said(out) if isinstance(one, CapabilitySet))
    assert {Codec.PCMA, Codec.PCMU} <= {
        one.what.codec for one in ours.abilities if isinstance(one.what, Sound)
    }
    out += unit.speaks(
        talks, h245.SetAck(ours.sequence), LEAD, h245.DeterminationAck(master=True),
        h245.OpenChannel(2, Sound(Codec.PCMU), 1, RTCP),
    )  # fmt: skip
    (opened,) = (one for one in said(out) if isinstance(one, h245.OpenChannel))
    assert opened.data == Sound(Codec.PCMU)
    assert [one.number for one in said(out) if isinstance(one, h245.OpenAck)] == [2]

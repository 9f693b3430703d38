"""Our gatekeeper answers as H.225.0 says, and only whom it should."""

import hashlib
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from sfu.model import Address
from sfu.signalling.h323 import per, ras
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.gatekeeper import Gatekeeper
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.token import HMAC_SHA1_96, MD5, MessageHash, is_right, prove
from sfu.signalling.h323.zonefact import (
    Datagram,
    Enrolled,
    Heard,
    Left,
    Questions,
    Refused,
    WrongPassword,
)

US = Address("192.0.2.1", 1719)
UNIT = Address("192.0.2.21", 1719)
OTHER = Address("192.0.2.22", 1719)
FAR = Address("198.51.100.9", 1719)
NOON = 1_800_000_000.0
MOREZ = (Alias("h323-ID", "morez"), Alias("dialledDigits", "7001"))
SECRET = "a long one"
CALL, CONFERENCE = bytes(range(16)), bytes(range(16, 32))


class Scene:
    """A gatekeeper of one house: rooms 4xxx, one account, one listed network, one line."""

    def __init__(self, ttl_s=120):
        self.tries = True
        self.misses, self.places = 0, 9
        numbers = count(1)
        house = Questions(
            account_of=lambda name: "lajoux" if name.casefold() == "lajoux" else None,
            password_of={"lajoux": SECRET}.get,
            listed=lambda host: host.startswith("192.0.2."),
            may_try=lambda host, account: self.tries,
            takes=lambda number: number.startswith("4") or number == "sip-unit",
            is_room=lambda number: number.startswith("4"),
            neighbour=lambda host: host == "203.0.113.7",
            may_ask=lambda host: self.misses < 3,
            asked_wrong=self._missed,
            has_place=lambda names: len(list(names)) < self.places,
            budget_bps=lambda host, account: 4_000_000 if host == UNIT.host else None,
        )
        self.core = Gatekeeper("sfu", house, lambda n: next(numbers).to_bytes(n), ttl_s)
        self.numbers = count(1)
        self.facts = []

    def _missed(self, host):
        self.misses += 1

    def hear(self, message, remote=UNIT, now=0.0, proofs=(), password="", **more):
        data = write(message, proofs, password)
        return self.raw(data, remote, now, **more)

    def raw(self, data, remote=UNIT, now=0.0, **more):
        self.core.handle(Heard(remote, US, data, NOON + now, **more), now)
        self.sent = [one for one in self.drain() if isinstance(one, Datagram)]
        return read(self.sent[0].data)[0] if self.sent else None

    def drain(self):
        found = list(self.core.poll())
        self.facts += [one for one in found if not isinstance(one, Datagram)]
        return found

    def register(self, remote=UNIT, aliases=MOREZ, now=0.0, **more):
        return self.hear(rrq(next(self.numbers), remote, aliases), remote, now, **more)


def rrq(number=1, remote=UNIT, aliases=MOREZ, **more):
    signalling = (Address(remote.host, 1720),)
    return ras.RegistrationRequest(number, signalling, (remote,), aliases=aliases, **more)


def arq(identifier: Any, *names: str, number: int = 50, **more: Any) -> ras.AdmissionRequest:
    wanted = tuple(Alias("dialledDigits" if one.isdigit() else "h323-ID", one) for one in names)
    fields: dict[str, Any] = {"answering": False, "destination": wanted, "rate_bps": 1_536_000}
    return ras.AdmissionRequest(
        number, identifier, CALL, CONFERENCE, 7,
        **(fields | more),
    )  # fmt: skip


# ---- registering


def test_a_unit_of_a_listed_network_registers_and_can_be_called():
    scene = Scene()
    answer = scene.register()
    assert (answer.aliases, answer.gatekeeper, answer.ttl_s) == (MOREZ, "sfu", 120)
    assert answer.signalling == (Address(US.host, 1720),)
    (fact,) = scene.facts
    assert fact.names == ("morez", "7001")
    assert fact.signalling == Address(UNIT.host, 1720)
    assert scene.core.zone.find("MOREZ") is scene.core.zone.of(answer.identifier, UNIT.host)


def test_a_unit_that_spells_its_name_otherwise_is_the_same_unit():
    scene = Scene()
    first = scene.register(aliases=(Alias("h323-ID", "morez"),))
    again = scene.register(aliases=(Alias("h323-ID", "MOREZ"),))
    assert isinstance(again, ras.RegistrationConfirm)
    assert again.identifier == first.identifier


def with_more(message: ras.Ras, **fields: Any) -> bytes:
    """Write a message with fields that ours never have."""
    name, value = per.decode(per.Pdu.RAS, write(message))
    return per.encode(per.Pdu.RAS, (name, {**value, **fields}))


def test_a_unit_adds_a_name_and_keeps_those_it_has():
    scene = Scene()
    first = scene.register()
    more = rrq(9, aliases=(Alias("dialledDigits", "7002"),), identifier=first.identifier)
    answer = scene.raw(with_more(more, additiveRegistration=0))
    assert answer.identifier == first.identifier
    zone = scene.core.zone
    assert zone.find("7001") is zone.find("7002") is zone.of(first.identifier, UNIT.host)


@pytest.mark.parametrize(
    ("password", "off_s", "answer"),
    [
        (SECRET, 0, ras.RegistrationConfirm),
        ("another", 0, ras.Reject),
        (SECRET, 9_000, ras.Reject),
        ("", 0, ras.Reject),
    ],
)
def test_a_gateway_proves_its_password_by_ciscos_token(password, off_s, answer):
    scene, at = Scene(), int(NOON) + off_s
    said = bytes((57,)) + password.encode() + at.to_bytes(4)
    token = {
        "tokenOID": (1, 2, 840, 113548, 10, 1, 2, 1),
        "timeStamp": at,
        "challenge": hashlib.md5(said).digest(),
        "random": 57,
        "generalID": "lajoux",
    }
    octets = with_more(rrq(aliases=(Alias("h323-ID", "lajoux"),)), tokens=[token])
    assert isinstance(scene.raw(octets), answer)
    if answer is ras.RegistrationConfirm:
        assert isinstance(scene.raw(octets, now=60.0), ras.Reject), "each serves once"


@pytest.mark.parametrize(
    ("kind", "dialled", "signalling", "ours"),
    [
        ("h323-ID", f"4201@{US.host}", US.host, True),
        ("email-ID", f"4201@{US.host}", US.host, True),
        ("url-ID", f"h323:4201@{US.host}:1720;type=e164", US.host, True),
        ("h323-ID", "4201@visio.lajoux.fr", US.host, True),
        ("h323-ID", US.host, US.host, True),
        ("h323-ID", "203.0.113.9", "203.0.113.9", False),
        ("url-ID", "h323:salle@203.0.113.9", "203.0.113.9", False),
        ("h323-ID", "2001:db8::9", "2001:db8::9", False),
    ],
)
def test_a_registered_unit_dials_an_address_with_and_without_a_name(
    kind, dialled, signalling, ours
):
    scene = Scene()
    who = scene.register().identifier
    asked = replace(arq(who), destination=(Alias(kind, dialled),))
    answer = scene.hear(asked)
    assert isinstance(answer, ras.AdmissionConfirm)
    assert (answer.signalling, answer.routed) == (Address(signalling, 1720), ours)


@pytest.mark.parametrize("port", ["0", "65536", "000001999999", "9" * 400, "-1"])
def test_a_port_that_is_none_makes_no_address(port):
    scene = Scene()
    who = scene.register().identifier
    asked = replace(arq(who), destination=(Alias("url-ID", f"salle@203.0.113.9:{port}"),))
    assert isinstance(scene.hear(asked), ras.Reject)


def test_discovery_tells_our_address_and_how_passwords_are_proved():
    scene = Scene()
    ask = ras.GatekeeperRequest(9, UNIT)
    assert scene.hear(ask) == ras.GatekeeperConfirm(9, "sfu", US)
    named = replace(ask, aliases=(Alias("h323-ID", "lajoux"),), algorithms=(MD5, HMAC_SHA1_96))
    assert scene.hear(named, FAR).algorithm == HMAC_SHA1_96
    assert scene.hear(replace(named, algorithms=(MD5,)), FAR).algorithm == MD5


def test_a_stranger_finds_no_gatekeeper():
    scene = Scene()
    ask = ras.GatekeeperRequest(9, FAR)
    assert scene.hear(ask, FAR).reason == "securityDenial"
    assert scene.hear(replace(ask, number=10), FAR, multicast=True) is None
    assert scene.hear(ras.GatekeeperRequest(9, UNIT, gatekeeper="x"), multicast=True) is None


def test_no_name_is_told_from_another_to_a_stranger_who_asks_for_a_gatekeeper():
    scene = Scene()
    ask = ras.GatekeeperRequest(9, FAR, algorithms=(MD5, HMAC_SHA1_96))
    names = [(Alias("h323-ID", one),) for one in ("lajoux", "nobody", "4201")]
    answers = [scene.hear(replace(ask, aliases=one), FAR) for one in names]
    assert answers == [ras.GatekeeperConfirm(9, "sfu", US, HMAC_SHA1_96)] * 3
    for number, one in enumerate(names, 20):
        ask = replace(ask, number=number, aliases=one)
        assert scene.hear(ask, FAR, multicast=True) is None


def test_a_stranger_does_not_register():
    scene = Scene()
    answer = scene.register(FAR)
    assert (answer.name, answer.reason) == ("registrationReject", "securityDenial")
    assert scene.facts == [
        Refused(FAR.host, "registration", "neither an account's name nor a listed network")
    ]


def test_a_registration_lasts_while_it_is_kept_and_then_ends():
    scene = Scene()
    known = scene.register()
    light = ras.RegistrationRequest(2, (), (UNIT,), identifier=known.identifier, keep_alive=True)
    assert scene.hear(light, now=100).identifier == known.identifier
    assert scene.core.deadline == 250
    scene.core.tick(250)
    scene.drain()
    assert scene.facts[-1] == Left(known.identifier, ("morez", "7001"))
    answer = scene.hear(replace(light, number=3), now=260)
    assert answer.reason == "fullRegistrationRequired"


def test_a_name_belongs_to_whom_it_was_given_until_that_one_leaves():
    scene = Scene()
    first = scene.register()
    assert scene.register(OTHER).reason == "duplicateAlias"
    gone = ras.UnregistrationRequest(30, (), identifier=first.identifier)
    assert scene.hear(gone) == ras.Confirm("unregistrationConfirm", 30)
    assert scene.register(OTHER).aliases == MOREZ


def test_a_unit_that_forgot_its_identifier_registers_anew_in_its_own_place():
    scene = Scene()
    first = scene.register()
    again = scene.register(now=5)
    assert again.identifier == first.identifier
    assert [type(one) for one in scene.facts] == [Enrolled]


def test_a_unit_that_had_no_name_yet_and_gets_one_is_the_same_unit():
    scene = Scene()
    assert scene.register(aliases=()).aliases == ()
    known = scene.register()
    assert [one.identifier for one in scene.core.zone] == [known.identifier]
    assert scene.register().identifier == known.identifier, "as after it was switched off and on"


def test_a_short_request_to_go_on_needs_no_more_than_its_identifier():
    scene = Scene()
    known = scene.register()
    short = ras.RegistrationRequest(7, (), (), identifier=known.identifier, keep_alive=True)
    assert scene.hear(short, now=60.0).identifier == known.identifier
    stranger = replace(short, number=8, identifier="")
    assert scene.hear(stranger).reason == "fullRegistrationRequired"


def test_two_units_behind_one_nat_are_two():
    scene = Scene()
    first = scene.register()
    second = scene.register(aliases=(Alias("h323-ID", "mairie"),))
    assert first.identifier != second.identifier
    assert len(scene.core.zone) == 2


def test_a_new_name_is_told():
    scene = Scene()
    known = scene.register()
    scene.hear(rrq(7, aliases=(Alias("h323-ID", "mairie"),), identifier=known.identifier))
    assert [type(one) for one in scene.facts] == [Enrolled, Left, Enrolled]
    assert scene.core.zone.find("morez") is None


def test_answers_go_to_the_host_that_asked_whatever_it_says():
    scene = Scene()
    scene.hear(rrq(remote=UNIT), Address(UNIT.host, 40_000))
    assert scene.sent[0].remote == UNIT
    scene.hear(rrq(2, remote=FAR), Address(OTHER.host, 40_000))
    assert scene.sent[0].remote == Address(OTHER.host, 40_000)


def test_an_identifier_is_of_no_use_from_another_host():
    scene = Scene()
    known = scene.register()
    gone = ras.UnregistrationRequest(30, (), identifier=known.identifier)
    assert scene.hear(gone, OTHER).reason == "notCurrentlyRegistered"
    assert scene.hear(arq(known.identifier, "4201"), OTHER).reason == "callerNotRegistered"


def test_a_copy_is_answered_by_a_copy():
    scene = Scene()
    scene.register()
    data = write(rrq(1))
    first = scene.raw(data)
    assert scene.raw(data, now=1) == first
    assert scene.core.counts["rrq", "confirmed"] == 1


# ---- passwords


LAJOUX = (Alias("h323-ID", "lajoux"), Alias("dialledDigits", "7002"))


def signed(scene, message, password=SECRET, at=0.0, random=1, remote=FAR):
    proof = MessageHash("lajoux", "sfu", int(NOON + at), random)
    return scene.hear(message, remote, at, (proof,), password)


def old(scene, message, password=SECRET, at=0.0, remote=FAR, alias=LAJOUX[0]):
    return scene.hear(message, remote, at, (prove(alias, password, int(NOON + at)),))


@pytest.mark.parametrize("prove_by", [signed, old])
def test_an_account_registers_from_anywhere_by_its_password(prove_by):
    scene = Scene()
    answer = prove_by(scene, rrq(1, FAR, LAJOUX))
    assert answer.aliases == LAJOUX[:1]
    assert scene.facts[0].account == "lajoux"


@pytest.mark.parametrize("prove_by", [signed, old])
def test_a_wrong_password_is_refused_and_counted(prove_by):
    scene = Scene()
    assert prove_by(scene, rrq(1, FAR, LAJOUX), "wrong").reason == "securityDenial"
    assert scene.facts[0] == WrongPassword(FAR.host, "lajoux")


def test_whose_clock_is_far_off_is_refused_without_blame():
    scene = Scene()
    proof_at = 10_000.0
    data = write(rrq(1, FAR, LAJOUX), (prove(LAJOUX[0], SECRET, int(NOON + proof_at)),))
    assert scene.raw(data, FAR).reason == "securityDenial"
    assert [type(one) for one in scene.facts] == [Refused]
    assert "clock" in scene.facts[0].why


def test_who_has_an_accounts_name_needs_its_password_in_a_listed_network_too():
    scene = Scene()
    assert scene.register(UNIT, LAJOUX).reason == "securityDenial"


def test_who_tried_too_often_is_not_looked_at():
    scene = Scene()
    scene.tries = False
    assert signed(scene, rrq(1, FAR, LAJOUX)).reason == "securityDenial"
    assert scene.facts == [Refused(FAR.host, "registration", "too many wrong passwords")]


def test_a_message_taken_from_the_line_serves_nobody_twice():
    scene = Scene()
    proof = MessageHash("lajoux", "sfu", int(NOON), 1)
    data = write(rrq(1, FAR, LAJOUX), (proof,), SECRET)
    assert isinstance(scene.raw(data, FAR), ras.RegistrationConfirm)
    assert scene.raw(data, OTHER, 1).reason == "securityDenial"
    assert scene.raw(data, FAR, 60).reason == "securityDenial"


def test_who_signs_is_answered_signed_and_must_sign_on():
    scene = Scene()
    known = signed(scene, rrq(1, FAR, LAJOUX))
    octets = scene.sent[0].data
    (proof,) = read(octets)[1]
    assert isinstance(proof, MessageHash)
    assert (proof.sender, proof.receiver) == ("sfu", known.identifier)
    assert is_right(proof, SECRET, octets)
    assert not is_right(proof, SECRET, octets.replace(b"\x00\x78", b"\x00\x79"))
    gone = ras.UnregistrationRequest(30, (), identifier=known.identifier)
    assert scene.hear(gone, FAR).reason == "notCurrentlyRegistered"
    assert signed(scene, replace(gone, number=31), random=2).name == "unregistrationConfirm"
    assert read(scene.sent[0].data)[1]


def test_an_account_takes_its_name_along_to_another_address():
    scene = Scene()
    first = signed(scene, rrq(1, FAR, LAJOUX))
    moved = signed(scene, rrq(2, OTHER, LAJOUX), random=2, remote=OTHER)
    assert moved.identifier != first.identifier
    (known,) = scene.core.zone
    assert (known.names, known.signalling.host) == (("lajoux", "7002"), OTHER.host)


@pytest.mark.parametrize("name", ["LAJOUX", "Lajoux"])
def test_an_accounts_name_needs_its_password_however_it_is_written(name):
    scene = Scene()
    assert scene.register(UNIT, (Alias("h323-ID", name),)).reason == "securityDenial"
    written = (Alias("h323-ID", name),)
    assert old(scene, rrq(2, FAR, written), alias=written[0]).aliases == written
    assert scene.facts[-1].account == "lajoux"
    found = scene.hear(ras.GatekeeperRequest(9, FAR, aliases=written, algorithms=(MD5,)), FAR)
    assert found.algorithm == MD5


def test_a_name_without_password_is_given_in_listed_networks_alone():
    scene = Scene()
    assert signed(scene, rrq(1, FAR, LAJOUX)).aliases == LAJOUX[:1]
    assert scene.core.zone.find("7002") is None
    assert signed(scene, rrq(2, OTHER, LAJOUX), random=2, remote=OTHER).aliases == LAJOUX


def test_a_gateway_of_no_listed_network_has_no_prefix():
    scene = Scene()
    gateway = Endpoint("gateway", prefixes=("0",))
    signed(scene, rrq(1, FAR, LAJOUX, endpoint=gateway))
    assert scene.core.zone.find("0384330000") is None


def test_a_gateway_does_not_get_the_calls_of_who_has_a_password():
    scene = Scene()
    accounts = {"0900": "0900"}
    questions = replace(scene.core._questions, account_of=accounts.get)
    scene.core = Gatekeeper("sfu", questions, bytes)
    gateway = Endpoint("gateway", prefixes=("0",) * 20)
    scene.hear(rrq(1, UNIT, (Alias("h323-ID", "gw"),), endpoint=gateway))
    known = scene.core.zone.find("0901")
    assert known is not None
    assert len(known.endpoint.prefixes) == 16
    assert scene.core.zone.find("0900") is None


def test_who_signed_is_not_replaced_by_a_weaker_proof():
    scene = Scene()
    first = signed(scene, rrq(1, OTHER, LAJOUX), remote=OTHER)
    assert old(scene, rrq(2, OTHER, LAJOUX), at=1, remote=OTHER).reason == "securityDenial"
    assert old(scene, rrq(3, FAR, LAJOUX), at=1).reason == "securityDenial"
    (known,) = scene.core.zone
    assert known.identifier == first.identifier


def test_two_accounts_in_one_old_message_are_proved_each():
    questions = replace(
        Scene().core._questions,
        account_of=lambda name: name if name in ("a", "b") else None,
        password_of={"a": "x", "b": "y"}.get,
    )
    scene = Scene()
    scene.core = Gatekeeper("sfu", questions, bytes)
    names = (Alias("h323-ID", "a"), Alias("h323-ID", "b"))
    proofs = (prove(names[0], "x", int(NOON)), prove(names[1], "y", int(NOON)))
    assert scene.hear(rrq(1, FAR, names), FAR, proofs=proofs).aliases == names


def test_a_signed_message_that_names_no_sender_is_answered():
    scene = Scene()
    proof = MessageHash("", "sfu", int(NOON), 1)
    answer = scene.hear(rrq(1, OTHER, LAJOUX[:1]), OTHER, 0.0, (proof,), SECRET)
    assert answer.aliases == LAJOUX[:1]


def test_what_cannot_be_said_back_costs_that_message_alone():
    scene = Scene()
    scene.core = Gatekeeper("sfu", scene.core._questions, lambda n: b"")  # a name of no letters
    assert scene.register() is None
    assert scene.core.counts["unreadable", "ignored"] == 1


def test_who_leaves_without_its_identifier_is_at_its_own_port_and_proved_nothing():
    scene = Scene()
    scene.register()
    there = (Address(UNIT.host, 1720),)
    stranger = Address(UNIT.host, 40_000)
    assert scene.hear(ras.UnregistrationRequest(30, there), stranger).name == "unregistrationReject"
    assert scene.hear(ras.UnregistrationRequest(31, there)).name == "unregistrationConfirm"
    old(scene, rrq(2, FAR, LAJOUX))
    at_far = (Address(FAR.host, 1720),)
    assert scene.hear(ras.UnregistrationRequest(32, at_far), FAR).name == "unregistrationReject"


# ---- calls


def test_a_call_to_a_room_goes_by_us():
    scene = Scene()
    known = scene.register()
    answer = scene.hear(arq(known.identifier, "4201##2580"))
    assert answer == ras.AdmissionConfirm(50, 1_536_000, Address(US.host, 1720), routed=True)


def test_a_call_to_somebody_by_another_protocol_goes_by_us():
    scene = Scene()
    known = scene.register()
    assert scene.hear(arq(known.identifier, "sip-unit")).routed


def test_a_call_between_two_units_goes_directly_and_both_are_admitted():
    scene = Scene()
    first, second = scene.register(), scene.register(OTHER, (Alias("h323-ID", "champagnole"),))
    answer = scene.hear(arq(first.identifier, "champagnole"))
    assert (answer.signalling, answer.routed) == (Address(OTHER.host, 1720), False)
    taken = scene.hear(arq(second.identifier, answering=True), OTHER)
    assert (taken.signalling, taken.routed) == (Address(OTHER.host, 1720), False)


def test_a_call_of_ours_is_taken_by_us():
    scene = Scene()
    known = scene.register()
    answer = scene.hear(arq(known.identifier, answering=True))
    assert (answer.signalling, answer.routed) == (Address(US.host, 1720), True)


def test_a_gateway_takes_what_begins_with_its_prefix():
    scene = Scene()
    unit = scene.register()
    gateway = Endpoint("gateway", prefixes=("0",))
    scene.hear(rrq(2, OTHER, (Alias("h323-ID", "gw"),), endpoint=gateway), OTHER)
    answer = scene.hear(arq(unit.identifier, "0384330000"))
    assert answer.signalling == Address(OTHER.host, 1720)


def test_an_address_is_called_directly_and_ours_by_us():
    scene = Scene()
    known = scene.register()
    there = Address("203.0.113.7", 1720)
    answer = scene.hear(arq(known.identifier, destination_address=there))
    assert (answer.signalling, answer.routed) == (there, False)
    ours = Address(US.host, 1720)
    assert scene.hear(arq(known.identifier, number=51, destination_address=ours)).routed


def test_a_number_nobody_has_is_told_so():
    scene = Scene()
    known = scene.register()
    assert scene.hear(arq(known.identifier, "9999")).reason == "calledPartyNotRegistered"


def test_a_call_gets_what_its_line_has():
    scene = Scene()
    known = scene.register()
    answer = scene.hear(arq(known.identifier, "4201", rate_bps=10_000_000))
    assert answer.rate_bps == 4_000_000
    more = ras.BandwidthRequest(60, known.identifier, CALL, CONFERENCE, 7, 8_000_000)
    assert scene.hear(more) == ras.Reject("bandwidthReject", 60, "insufficientResources", 4_000_000)
    less = replace(more, number=61, rate_bps=768_000)
    assert scene.hear(less) == ras.BandwidthConfirm(61, 768_000)
    over = ras.DisengageRequest(62, known.identifier, CALL, CONFERENCE, 7)
    assert scene.hear(over) == ras.Confirm("disengageConfirm", 62)
    assert scene.hear(replace(less, number=63)).reason == "invalidConferenceID"


def test_a_neighbour_learns_where_a_room_is_and_only_ours_where_a_unit_is():
    scene = Scene()
    scene.register()
    room = ras.LocationRequest(70, (Alias("dialledDigits", "4201"),), FAR)
    assert scene.hear(room, FAR) == ras.LocationConfirm(70, Address(US.host, 1720), US)
    unit = ras.LocationRequest(71, (Alias("dialledDigits", "7001"),), FAR)
    assert scene.hear(unit, FAR).reason == "notRegistered"
    found = scene.hear(replace(unit, reply=OTHER), OTHER)
    assert found.signalling == Address(UNIT.host, 1720)


def test_a_neighbour_that_is_listed_as_such_learns_where_units_are():
    scene = Scene()
    scene.register()
    neighbour = Address("203.0.113.7", 1719)
    unit = ras.LocationRequest(71, (Alias("dialledDigits", "7001"),), neighbour)
    assert scene.hear(unit, neighbour).signalling == Address(UNIT.host, 1720)


def test_a_stranger_has_one_number_a_question_looked_up_and_may_miss_some():
    scene = Scene()
    scene.register()

    def ask(number, *wanted):
        names = tuple(Alias("dialledDigits", one) for one in wanted)
        return scene.hear(ras.LocationRequest(number, names, FAR), FAR)

    assert ask(1, "7001", "4201").reason == "notRegistered"
    assert ask(2, "4201", "7001").signalling == Address(US.host, 1720)
    assert [ask(number, "sip-unit").reason for number in (3, 4)] == ["notRegistered"] * 2
    assert ask(5, "4201") is None  # not looked up any more
    refused = [fact for fact in scene.facts if isinstance(fact, Refused)]
    assert [(one.request, one.why) for one in refused] == [("location", "notRegistered")] * 3


def test_names_for_which_the_house_has_no_place_are_refused():
    scene = Scene()
    scene.places = 2
    answer = scene.register()
    assert (answer.name, answer.reason) == ("registrationReject", "resourceUnavailable")
    assert len(scene.core.zone) == 0


def test_an_answer_leaves_from_the_address_that_was_asked_and_a_copy_too():
    scene = Scene()
    data = write(ras.GatekeeperRequest(9, UNIT))
    for one in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        scene.raw(data, at=one)
        assert [sent.source for sent in scene.sent] == [one]


def test_news_of_a_call_is_acknowledged_where_that_is_wished():
    scene = Scene()
    known = scene.register()
    news = ras.InfoResponse(80, known.identifier, UNIT, wants_answer=True)
    assert scene.hear(news) == ras.Confirm("infoRequestAck", 80)
    assert scene.hear(replace(news, number=81, wants_answer=False)) is None
    assert scene.hear(replace(news, identifier="x", number=82)).name == "infoRequestNak"


def test_what_is_no_request_is_not_answered():
    scene = Scene()
    assert scene.hear(ras.Confirm("disengageConfirm", 5)) is None
    assert scene.hear(ras.Confirm("unknownMessageResponse", 5)) is None
    assert scene.raw(b"\xff\xff") is None
    assert scene.core.counts["unreadable", "ignored"] == 1


# ---- how much one may have


def test_an_address_has_so_many_endpoints_and_no_more():
    scene = Scene()
    answers = [
        scene.hear(
            ras.RegistrationRequest(
                n, (Address(UNIT.host, 2000 + n),), (UNIT,), aliases=(Alias("h323-ID", f"u{n}"),)
            )
        )
        for n in range(1, 34)
    ]
    assert [one.reason for one in answers if isinstance(one, ras.Reject)] == ["resourceUnavailable"]
    assert isinstance(scene.register(OTHER), ras.RegistrationConfirm)


def test_a_message_serves_once_while_it_would_be_in_time():
    scene = Scene()
    ahead = 7000.0  # its clock
    proof = MessageHash("lajoux", "sfu", int(NOON + ahead), 1)
    data = write(rrq(1, FAR, LAJOUX), (proof,), SECRET)
    assert isinstance(scene.raw(data, FAR), ras.RegistrationConfirm)
    for n in range(2, 6):
        at = n * 2000.0
        assert isinstance(
            signed(scene, rrq(n, FAR, LAJOUX), at=at, random=n), ras.RegistrationConfirm
        )
        assert scene.raw(data, FAR, at + 100).reason == "securityDenial"
    assert scene.facts[-1].why == "a message sent before"


def test_a_proof_for_another_gatekeeper_is_none():
    scene = Scene()
    proof = MessageHash("lajoux", "neighbour", int(NOON), 1)
    assert scene.hear(rrq(1, FAR, LAJOUX), FAR, 0, (proof,), SECRET).reason == "securityDenial"
    assert scene.facts[-1].why == "it was made for another gatekeeper"


def test_wrong_passwords_in_its_name_do_not_lock_out_who_is_registered():
    scene = Scene()
    known = signed(scene, rrq(1, FAR, LAJOUX))
    scene.tries = False
    forged = signed(scene, rrq(2, FAR, LAJOUX), "wrong", random=2)
    assert forged.reason == "securityDenial"
    assert scene.facts[-1].why == "too many wrong passwords"
    again = signed(scene, rrq(3, FAR, LAJOUX, identifier=known.identifier), random=3)
    assert again.identifier == known.identifier
    assert signed(scene, rrq(4, OTHER, LAJOUX), random=4, remote=OTHER).reason == "securityDenial"

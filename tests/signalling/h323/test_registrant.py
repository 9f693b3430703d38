"""We register at a gatekeeper (our own, played beside), ask before calls, and come back."""

from itertools import count

import pytest

from sfu.model import Address, CallId
from sfu.signalling.h323 import ras
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.asking import Admitted, Ask, Denied, Dropped, Over
from sfu.signalling.h323.gatekeeper import Gatekeeper
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.registrant import Membership, Registrant, Standing
from sfu.signalling.h323.token import HMAC_SHA1_96, MD5, MessageHash
from sfu.signalling.h323.zonefact import Datagram, Heard, Questions

GATEKEEPER = Address("192.0.2.1", 1719)
US, OUR_CALLS = Address("198.51.100.5", 40_000), Address("198.51.100.5", 1720)
THEM = Address("192.0.2.1", 1720)
NOON = 1_800_000_000.0
NAME = Alias("h323-ID", "lajoux")
SECRET = "a long one"
ASK = Ask(CallId(7), bytes(range(16)), bytes(16), 9, answering=False,
          destination=(Alias("dialledDigits", "4201"),))  # fmt: skip
TAKEN = Ask(CallId(8), bytes(range(1, 17)), bytes(16), 10, answering=True)


class Scene:
    """The two of them, and the wire between."""

    def __init__(self, password=SECRET, known=SECRET):
        numbers = count(1)
        house = Questions(
            account_of=lambda name: name if name == "lajoux" and known else None,
            password_of={"lajoux": known}.get if known else lambda account: None,
            listed=lambda host: True,
            may_try=lambda host, account: True,
            takes=lambda number: number == "4201",
            budget_bps=lambda host, account: None,
        )

        def entropy(size):
            return next(numbers).to_bytes(size)

        self.gatekeeper = Gatekeeper("theirs", house, entropy)
        us = Endpoint("mcu", True, "sfu", "0", ("42",))
        membership = Membership(GATEKEEPER, OUR_CALLS, US, (NAME,), us, password)
        self.core = Registrant(membership, entropy, lambda now: NOON + now)
        self.alive = True
        self.told, self.said = [], []

    def run(self, now):
        """Pass datagrams until nobody says more."""
        while outputs := list(self.core.poll()):
            for one in outputs:
                if not isinstance(one, Datagram):
                    self.told.append(one)
                    continue
                self.last = read(one.data)[0]
                self.said.append(type(self.last))
                if self.alive:
                    self.gatekeeper.handle(Heard(US, GATEKEEPER, one.data, NOON + now), now)
            for answer in self.gatekeeper.poll():
                if isinstance(answer, Datagram):
                    self.core.handle(Heard(GATEKEEPER, US, answer.data, NOON + now), now)

    def start(self):
        self.core.start(0.0)
        self.run(0.0)
        return self

    def do(self, event, now):
        self.core.handle(event, now)
        self.run(now)

    def hear(self, message, now, *, signed=False):
        proofs = (MessageHash("theirs", "us", int(NOON + now), 1),) if signed else ()
        data = write(message, proofs, SECRET if signed else "")
        self.do(Heard(GATEKEEPER, US, data, NOON + now), now)

    def until(self, end):
        """Let time pass."""
        while self.core.deadline is not None and self.core.deadline <= end:
            now = self.core.deadline
            self.core.tick(now)
            self.run(now)


def reports(scene, asked, now):
    """Ask what calls there are; return what kinds of message answered."""
    scene.said.clear()
    scene.hear(asked, now)
    return scene.said


def test_we_register_by_our_password_and_are_found_by_prefix():
    scene = Scene().start()
    assert scene.core.registered
    assert scene.told == [Standing(registered=True)]
    (one,) = scene.gatekeeper.zone
    assert scene.gatekeeper.zone.find("4277") is one
    assert one.signalling == OUR_CALLS
    assert (one.account, one.signs, one.endpoint.kind) == ("lajoux", True, "mcu")


def test_without_a_password_a_listed_network_is_enough():
    scene = Scene(password="", known="").start()
    assert scene.core.registered


def test_a_registration_is_kept_for_as_long_as_we_live():
    scene = Scene().start()
    scene.until(1000)
    scene.gatekeeper.tick(1000)
    assert len(scene.gatekeeper.zone) == 1
    assert scene.said.count(ras.RegistrationRequest) == 1 + 1000 // 60
    assert scene.told == [Standing(registered=True)]


def test_a_gatekeeper_that_was_started_anew_is_told_everything_again():
    scene = Scene().start()
    scene.gatekeeper.zone.remove(scene.core.identifier)
    scene.until(60)
    assert scene.core.registered
    assert len(scene.gatekeeper.zone) == 1


def test_a_wrong_password_is_tried_again_more_and_more_rarely():
    scene = Scene(password="wrong").start()
    scene.until(600)
    reasons = [(one.reason, one.again_in_s) for one in scene.told]
    assert reasons == [("securityDenial", 30 * 2**n) for n in range(len(reasons))]
    assert len(reasons) == 5


def test_silence_is_asked_thrice_and_then_a_pause():
    scene = Scene()
    scene.alive = False
    scene.start().until(20)
    assert scene.said == [ras.GatekeeperRequest] * 3
    assert scene.told == [Standing(registered=False, reason="no answer", again_in_s=30)]
    scene.alive = True
    scene.until(60)
    assert scene.core.registered


def test_a_call_is_asked_for_and_told_when_it_is_over():
    scene = Scene().start()
    scene.do(ASK, 1)
    assert scene.told[1:] == [Admitted(CallId(7), THEM)]
    (one,) = scene.gatekeeper.zone
    assert list(one.calls) == [ASK.identifier]
    scene.do(Over(CallId(7)), 9)
    assert not one.calls
    scene.do(Over(CallId(7)), 10)
    assert scene.said.count(ras.DisengageRequest) == 1


def test_a_call_to_nobody_is_denied():
    scene = Scene().start()
    wrong = Ask(CallId(7), bytes(16), bytes(16), 9, False, (Alias("dialledDigits", "9"),))
    scene.do(wrong, 1)
    assert scene.told[1:] == [Denied(CallId(7), "calledPartyNotRegistered")]


def test_a_call_to_us_is_asked_about_and_taken_though_the_gatekeeper_is_silent():
    scene = Scene().start()
    scene.do(TAKEN, 1)
    assert scene.told[1:] == [Admitted(CallId(8), THEM)]
    scene.do(Over(CallId(8)), 2)
    scene.alive = False
    scene.do(TAKEN, 3)
    scene.do(ASK, 3)
    scene.until(13)
    assert scene.told[2:] == [Admitted(CallId(8), None), Denied(CallId(7), "no answer")]


def test_who_is_not_registered_takes_calls_and_makes_none():
    scene = Scene(password="wrong").start()
    scene.do(TAKEN, 1)
    scene.do(ASK, 1)
    assert scene.told[1:] == [Admitted(CallId(8), None), Denied(CallId(7), "not registered")]


def test_sent_away_we_come_back():
    scene = Scene().start()
    scene.hear(ras.UnregistrationRequest(77, (THEM,)), 5, signed=True)
    assert not scene.core.registered
    scene.until(7)
    assert scene.core.registered
    assert [one.registered for one in scene.told] == [True, False, True]


def test_who_asks_what_we_do_is_told():
    scene = Scene().start()
    assert reports(scene, ras.InfoRequest(78), 5) == [ras.InfoResponse]
    scene.do(ASK, 6)
    scene.do(TAKEN, 6)
    ours = ras.Report(ASK.identifier, ASK.conference, ASK.reference, True, 4_000_000)
    theirs = ras.Report(TAKEN.identifier, TAKEN.conference, TAKEN.reference, False, 4_000_000)
    for asked, told in (
        (ras.InfoRequest(79), (ours, theirs)),
        (ras.InfoRequest(80, call=TAKEN.identifier, reference=TAKEN.reference), (theirs,)),
        (ras.InfoRequest(81, reference=ASK.reference), (ours,)),
        (ras.InfoRequest(82, reference=99), ()),
    ):
        reports(scene, asked, 7)
        assert (scene.last.number, scene.last.calls) == (asked.number, told)
        assert scene.last.unknown_call == (not told)
        assert not scene.last.unsolicited


def test_a_gatekeeper_that_wants_to_hear_of_a_call_hears_of_it():
    """It would take a call that nobody reports for over."""
    scene = Scene(password="", known="").start()
    scene.alive = False
    scene.do(ASK, 1)
    (number,) = scene.core._requests
    scene.hear(ras.AdmissionConfirm(number, 768_000, THEM, report_s=1), 1)
    scene.said.clear()
    scene.until(16.5)
    assert scene.said == [ras.InfoResponse] * 3, "each 5 s, whatever it asks for"
    assert scene.last.unsolicited
    assert [one.rate_bps for one in scene.last.calls] == [768_000]
    scene.do(Over(ASK.call), 17)
    scene.said.clear()
    scene.until(19)
    assert ras.InfoResponse not in scene.said


@pytest.mark.parametrize("reason", ["callerNotRegistered", "invalidEndpointIdentifier"])
def test_a_gatekeeper_that_does_not_know_us_any_more_is_told_everything_again(reason):
    scene = Scene(password="", known="").start()
    scene.alive = False
    scene.do(ASK, 1)
    (number,) = scene.core._requests
    scene.alive = True
    scene.gatekeeper.zone.remove(scene.core.identifier)
    scene.hear(ras.Reject("admissionReject", number, reason), 1)
    assert scene.told[-2:] == [Denied(ASK.call, reason), Standing(registered=True)]
    assert len(scene.gatekeeper.zone) == 1


@pytest.mark.parametrize("reason", ["fullRegistrationRequired", "discoveryRequired"])
def test_a_gatekeeper_that_wants_a_full_registration_gets_one_at_once(reason):
    scene = Scene(password="", known="").start()
    scene.alive = False
    scene.until(60)
    number = max(scene.core._requests)
    scene.alive = True
    scene.hear(ras.Reject("registrationReject", number, reason), 61)
    assert scene.core.registered
    assert scene.said[-2:] == [ras.GatekeeperRequest, ras.RegistrationRequest]


def test_a_call_that_the_gatekeeper_ends_is_dropped_and_not_given_back():
    scene = Scene(password="", known="").start()
    scene.do(ASK, 1)
    scene.do(TAKEN, 1)
    scene.hear(ras.DisengageRequest(9, "x", bytes(15) + b"x", bytes(16), 9), 2)
    assert Dropped(ASK.call) not in scene.told
    scene.hear(ras.DisengageRequest(10, "x", ASK.identifier, bytes(16), 9), 2)
    assert [one for one in scene.told if isinstance(one, Dropped)] == [Dropped(ASK.call)]
    scene.do(Over(ASK.call), 3)
    scene.do(Over(TAKEN.call), 3)
    assert scene.said.count(ras.DisengageRequest) == 1


def test_nobody_else_is_heard():
    scene = Scene().start()
    away = write(ras.UnregistrationRequest(77, (THEM,)))
    scene.do(Heard(Address("203.0.113.9", 1719), US, away, NOON), 5)
    scene.do(Heard(GATEKEEPER, US, b"\xff", NOON), 5)
    assert scene.core.registered


def test_we_leave_when_we_stop():
    scene = Scene().start()
    scene.core.stop(9)
    scene.run(9)
    assert len(scene.gatekeeper.zone) == 0
    assert scene.core.deadline is None


def test_what_would_send_us_away_must_be_signed_where_hmac_was_agreed():
    scene = Scene().start()
    scene.hear(ras.UnregistrationRequest(9, ()), 1)
    assert scene.core.registered
    scene.do(ASK, 2)
    forged = Address("203.0.113.66", 1720)
    scene.alive = False
    scene.do(TAKEN, 3)
    number = max(scene.core._requests)
    scene.hear(ras.AdmissionConfirm(number, 1, forged, routed=False), 3)
    assert number in scene.core._requests


def test_a_gatekeeper_that_signs_nothing_is_believed_until_it_signs():
    scene = Scene()
    octets = write(ras.UnregistrationRequest(9, ()))
    scene.core._algorithm = HMAC_SHA1_96
    message = ras.UnregistrationRequest(9, ())
    assert scene.core._believes(message, (), octets)
    wrong = MessageHash("theirs", "us", int(NOON), 1, bytes(12))
    assert not scene.core._believes(message, (wrong,), octets)
    data = write(message, (MessageHash("theirs", "us", int(NOON), 1),), SECRET)
    assert scene.core._believes(message, read(data)[1], data)
    assert not scene.core._believes(message, (), octets)


def test_another_port_of_the_gatekeepers_host_is_not_heard():
    scene = Scene(password="", known="").start()
    other = Address(GATEKEEPER.host, 5555)
    scene.do(Heard(other, US, write(ras.UnregistrationRequest(9, ())), NOON), 1)
    assert scene.core.registered


def test_a_gatekeeper_sends_us_to_no_third_host():
    scene = Scene(password="", known="")
    scene.alive = False
    scene.start()
    (number,) = scene.core._requests
    away = Address("203.0.113.66", 1719)
    scene.hear(ras.GatekeeperConfirm(number, "x", away), 0)
    assert scene.core._where() == GATEKEEPER


def test_hmac_that_was_agreed_stays():
    scene = Scene().start()
    scene.core.start(1)
    scene.alive = False
    scene.run(1)
    number = max(scene.core._requests)
    scene.hear(ras.GatekeeperConfirm(number, "sfu", GATEKEEPER, MD5), 1)
    assert scene.core._algorithm == HMAC_SHA1_96


def test_a_call_whose_question_is_not_understood_is_denied():
    scene = Scene(password="", known="").start()
    scene.alive = False
    scene.do(ASK, 1)
    (number,) = scene.core._requests
    scene.hear(ras.Confirm("unknownMessageResponse", number), 1)
    assert scene.told[-1] == Denied(ASK.call, "no answer")


def test_numbers_of_requests_begin_anywhere():
    me = Scene().core.membership
    one = Registrant(me, lambda size: b"\x12\x34"[:size], lambda now: now)
    one.start(0)
    assert list(one._requests) == [0x1235]

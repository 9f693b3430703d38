"""The gate: what the core learns of an address counts for it, and what is refused is told."""

import asyncio
from ipaddress import ip_network

from structlog.testing import capture_logs

from sfu.model import Address, CallId, Protocol
from sfu.shell.gate import RETRY_AFTER_S, Gate
from sfu.signalling.call import CallConfirmed, CallEnded, CallOffered, End, Reject
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.flow import Carrier, Flow, Received, TurnedAway
from sfu.signalling.sip.guard import WrongPassword
from sfu.signalling.sip.limit import Admission, Rates
from sfu.signalling.sip.registrar import Registered, Unregistered
from sfu.signalling.sip.trunk import TrunkChanged

HERE, PEER = Address("198.51.100.5", 5060), Address("203.0.113.9", 5060)
FLOW = Flow(0, Carrier.UDP, HERE, PEER)
INVITE = b"INVITE sip:4201@x SIP/2.0\r\n\r\n"
LOGIN = b'REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username="morez"\r\n\r\n'
SOURCE = Received(FLOW, LOGIN)


class Door:
    def __init__(self, **rates) -> None:
        self.arrived: list[Received | TurnedAway] = []
        self.now = 100.0
        listed = (ip_network("198.51.100.0/24"),)
        self.gate = Gate(
            Rates(listed=listed, **rates), lambda seen: False, self.arrived.append, lambda: self.now
        )

    def judge(self, data: bytes = INVITE, host: str = PEER.host) -> Admission:
        return self.gate.judge(host, data)


def test_what_is_taken_arrives_and_what_is_refused_is_answered_503():
    async def story():
        door = Door()
        door.gate.let_in(FLOW, INVITE, Admission.TAKE)
        door.gate.let_in(FLOW, INVITE, Admission.REFUSE)
        assert door.arrived == [
            Received(FLOW, INVITE),
            TurnedAway(FLOW, INVITE, 503, RETRY_AFTER_S),
        ]
        door.gate.close()

    asyncio.run(story())


def test_a_refusal_is_logged_with_address_reason_and_count():
    door = Door()
    with capture_logs() as lines:
        while door.judge(b"X") is not Admission.DROP:
            pass
        door.judge(b"X")
    assert lines == [
        {
            "event": "sip_abuse",
            "log_level": "warning",
            "remote": PEER.host,
            "reason": "messages",
            "count": 1,
        }
    ]
    assert door.gate.refused[Reason.MESSAGES] == 2


def test_nobody_is_named_where_all_are_too_many():
    door = Door(strangers_per_s=10)
    with capture_logs() as lines:
        for number in range(40):
            door.judge(b"X", f"203.0.113.{number}")
    assert [(line["event"], "remote" in line) for line in lines] == [("sip_crowded", False)]


def test_a_call_that_nobody_acknowledged_is_counted_for_its_address():
    door = Door()
    offered = CallOffered(CallId(7), Protocol.SIP, "4201", "x@y", "", "", PEER, None, b"v=0\r\n")
    for cause, confirmed in ((End.VANISHED, True), (End.CANCELLED, False), (End.VANISHED, False)):
        door.gate.learn(offered, SOURCE)
        if confirmed:
            door.gate.learn(CallConfirmed(CallId(7), None), SOURCE)
        door.gate.learn(CallEnded(CallId(7), cause, 0, ""), None)
    assert door.gate.refused == {Reason.UNCONFIRMED: 1}


def test_who_floods_is_left_to_the_kernel_unless_it_is_needed():
    door = Door()
    blocks: list[frozenset[str]] = []
    door.gate.on_block = blocks.append
    while not blocks:
        door.judge()
    assert blocks == [{PEER.host}]
    door.gate.asks(PEER.host)
    assert blocks[1:] == [frozenset()]
    while len(blocks) < 3:
        door.judge()
    assert door.gate.deadline is not None
    door.now = door.gate.deadline
    door.gate.tick()
    assert blocks[3:] == [frozenset()]
    door.gate.learn(CallConfirmed(CallId(7), None), SOURCE)
    for _ in range(1000):
        door.judge()
    assert len(blocks) == 4  # it has a call, which shall go on


def test_wrong_passwords_count_for_the_name_they_were_given_with():
    door = Door()
    for _ in range(10):
        door.gate.learn(WrongPassword(PEER), SOURCE)
    assert door.judge(LOGIN) is Admission.REFUSE
    assert door.judge(LOGIN.replace(b"morez", b"lajoux")) is Admission.TAKE


def test_numbers_that_are_no_rooms_count_for_who_dialled_them():
    door = Door()
    for _ in range(10):
        door.gate.learn(Reject(CallId(1), 486, "Busy Here", ""), SOURCE)
    assert door.judge() is Admission.TAKE
    for _ in range(10):
        door.gate.learn(Reject(CallId(1), 404, "Not Found", ""), SOURCE)
    assert door.judge() is Admission.REFUSE


def test_calls_and_registrations_make_an_address_known():
    door = Door()
    registered = Registered("morez", "sip:morez@203.0.113.9", FLOW, "", "", 900.0)
    for begin, end in (
        (CallConfirmed(CallId(1), None), CallEnded(CallId(1), End.HUNG_UP, 0, "")),
        (registered, Unregistered("morez", "sip:morez@203.0.113.9")),
    ):
        door.gate.learn(begin, SOURCE)
        door.gate.learn(begin, SOURCE)
        assert door.gate.has_guests(PEER.host)
        door.gate.learn(end, None)
        assert not door.gate.has_guests(PEER.host)


def test_listed_networks_are_known_without():
    door = Door()
    assert door.gate.listed("198.51.100.77")
    assert not door.gate.listed(PEER.host)


def test_connections_beyond_the_share_are_refused_and_told():
    door = Door()
    with capture_logs() as lines:
        while door.gate.connect(PEER.host):
            pass
    assert [line["reason"] for line in lines] == ["connections"]


def test_the_host_we_are_registered_at_is_known_while_we_are():
    door = Door()
    door.gate.learn(TrunkChanged("pbx", True, 200, "OK", FLOW.place, 60, 0), SOURCE)
    assert door.gate.has_guests(PEER.host)
    assert door.gate.listed(PEER.host)
    door.gate.learn(TrunkChanged("pbx", False, 408, "no answer", FLOW.place, 0, 0), None)
    assert not door.gate.has_guests(PEER.host)

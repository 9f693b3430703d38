"""DTLS of one m= line: who begins, where from, whose certificate, keys for which port."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from sfu.media.connect.dtls import Connected, DtlsSession, Fingerprint, Identity, Send
from sfu.media.engine.command import SetKeys, Transmit
from sfu.media.engine.event import DatagramReceived
from sfu.model import Address, Component, MemberId, SocketId, TransportId
from sfu.shell.dtlsline import ATTEMPTS, TRIES_MAX, TRY_S, DtlsLine, Place
from tests.shell.stage import IDENTITY, Stage, stage

THEIRS, STRANGERS = Identity(time.time()), Identity(time.time())
UNIT, UNIT_RTCP = Address("192.0.2.21", 5000), Address("192.0.2.21", 5001)
ELSEWHERE = Address("203.0.113.9", 31000)
RTP, RTCP = SocketId(71), SocketId(72)
MUXED = {Component.BOTH: Place(RTP, UNIT)}
APART = {Component.RTP: Place(RTP, UNIT), Component.RTCP: Place(RTCP, UNIT_RTCP)}


@dataclass
class End:
    """One port of a unit, and the port of ours it speaks with."""

    socket: SocketId = RTP
    address: Address = UNIT
    """Where it is reached."""
    identity: Identity = THEIRS
    active: bool = True
    speaks_from: Address | None = None
    """What a router makes of its address."""
    keys: Connected = field(init=False)

    def __post_init__(self) -> None:
        self.session = DtlsSession(self.identity, [IDENTITY.fingerprint], passive=not self.active)


@dataclass
class Line:
    """A `DtlsLine`, and what carries datagrams between it and the ends of units."""

    house: Stage
    line: DtlsLine
    connections: int = 0
    failures: list[str] = field(default_factory=list)

    def converse(self, *ends: End) -> None:
        """Let who is active begin, and carry datagrams until nobody speaks."""
        for end in ends:
            if end.active:
                end.session.start(self.house.now)
            self._said(end)
        self.carry(*ends)

    def carry(self, *ends: End) -> None:
        for _ in range(20):
            sent, self.house.engine.commands = self.house.engine.commands, []
            for one in sent:
                if not isinstance(one, Transmit):
                    self.house.engine.commands.append(one)
                for end in ends:
                    at = (end.speaks_from, end.address)
                    if isinstance(one, Transmit) and one.socket == end.socket and one.remote in at:
                        end.session.handle(one.payload, self.house.now)
                        self._said(end)

    def _said(self, end: End) -> None:
        for output in list(end.session.poll()):
            if isinstance(output, Send):
                self.hears(end.socket, end.speaks_from or end.address, output.payload)
            elif isinstance(output, Connected):
                end.keys = output

    def hears(self, socket: SocketId, remote: Address, payload: bytes) -> None:
        at_us = round(self.house.now * 1e6)
        self.line.handle(DatagramReceived(socket, remote, payload, at_us))

    def keys(self) -> dict[tuple[Component, bool], SetKeys]:
        return {(one.component, one.sending): one for one in self.house.engine.of(SetKeys)}


@pytest.fixture
def line() -> Iterator[Line]:
    with stage() as house:

        def connected() -> None:
            made.connections += 1

        bay = house.patchbay
        failures: list[str] = []
        made = Line(
            house,
            DtlsLine(
                bay, IDENTITY, TransportId(9), MemberId("m1"), connected, failures.append
            ),
            failures=failures,
        )  # fmt: skip
        yield made


def test_a_unit_that_begins_gives_one_pair_of_keys_where_rtcp_shares_the_port(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    unit = End()
    line.converse(unit)
    ours = line.keys()
    assert set(ours) == {(Component.BOTH, True), (Component.BOTH, False)}
    assert ours[Component.BOTH, True].keys == unit.keys.receiving
    assert ours[Component.BOTH, False].keys == unit.keys.sending
    assert line.line.connected
    assert line.connections == 1
    assert line.line.remote(Component.RTP) == UNIT


def test_without_mux_each_port_makes_keys_of_its_own(line):
    line.line.agree([THEIRS.fingerprint], APART, active=False)
    rtp, rtcp = End(), End(RTCP, UNIT_RTCP)
    line.converse(rtp)
    assert not line.line.connected
    line.converse(rtcp)
    assert line.line.connected
    ours = line.keys()
    assert ours[Component.RTP, True].keys == rtp.keys.receiving
    assert ours[Component.RTCP, True].keys == rtcp.keys.receiving
    assert ours[Component.RTP, True].keys != ours[Component.RTCP, True].keys
    assert line.line.remote(Component.RTCP) == UNIT_RTCP


def test_we_begin_where_the_unit_waits(line):
    line.line.agree([THEIRS.fingerprint], APART, active=True)
    assert line.house.engine.of(Transmit) == []  # the next tick does
    line.line.tick(line.house.now)
    rtp, rtcp = End(active=False), End(RTCP, UNIT_RTCP, active=False)
    line.carry(rtp, rtcp)
    ours = line.keys()
    assert ours[Component.RTP, False].keys == rtp.keys.sending
    assert ours[Component.RTCP, False].keys == rtcp.keys.sending


def test_a_unit_behind_a_router_is_answered_where_it_speaks_from(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    line.converse(End(speaks_from=ELSEWHERE))
    assert line.line.remote(Component.RTP) == ELSEWHERE


def test_a_unit_behind_a_router_that_waits_is_followed_once_it_answers(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=True)
    line.line.tick(line.house.now)
    line.carry(End(active=False, speaks_from=ELSEWHERE))
    assert line.line.remote(Component.RTP) == ELSEWHERE


@pytest.mark.parametrize("active", [True, False])
def test_another_certificate_than_the_signalled_one_gives_no_keys(line, active):
    line.line.agree([THEIRS.fingerprint], MUXED, active=active)
    for _ in range(ATTEMPTS + 2):
        line.line.tick(line.house.now)
        line.converse(End(identity=STRANGERS, active=not active))
    assert line.keys() == {}
    assert not line.line.connected
    told = [one["reason"] for one in line.house.said if one["event"] == "dtls_failed"]
    assert set(told) == {"the certificate is not the one the signalling named"}
    if active:
        assert len(told) == ATTEMPTS


def test_strangers_neither_spoil_nor_take_the_place_of_the_unit(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    crowd = [
        End(address=Address(f"203.0.113.{n}", 4000), identity=STRANGERS)
        for n in range(TRIES_MAX + 3)
    ]
    for end in crowd:
        end.session.start(0)
        line._said(end)
    answered = {one.remote for one in line.house.engine.of(Transmit)}
    assert len(answered) == TRIES_MAX
    unit = End()
    line.converse(*crowd, unit)
    assert line.line.remote(Component.RTP) == UNIT
    assert line.keys()[Component.BOTH, True].keys == unit.keys.receiving


def test_only_a_client_hello_makes_a_stranger_known(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    for payload in (bytes([20]), bytes([22]), bytes([22]) * 13, bytes([22] + [2] * 60), b"\0\1"):
        line.hears(RTP, ELSEWHERE, payload)
    assert line.house.engine.of(Transmit) == []


def test_the_same_agreement_again_leaves_the_association(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    line.converse(End())
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    assert line.line.connected


def test_a_new_certificate_needs_a_new_handshake_and_the_old_keys_stay_until_then(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    line.converse(End())
    first = line.keys()
    line.line.agree([STRANGERS.fingerprint], MUXED, active=False)
    assert not line.line.connected
    assert line.keys() == first
    line.converse(End(identity=STRANGERS))
    assert line.line.connected
    assert line.keys() != first


def test_a_unit_that_never_answers_is_given_up_and_said_so(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=True)
    line.line.tick(line.house.now)
    for n in range(1, 3 * ATTEMPTS):
        line.line.tick(line.house.now + n * (TRY_S + 1))
    assert [one["event"] for one in line.house.said].count("dtls_unanswered") == ATTEMPTS
    assert line.failures == ["unanswered"]


@pytest.mark.parametrize("places", [MUXED, APART])
def test_a_unit_that_never_begins_is_given_up_once(line, places):
    line.line.agree([THEIRS.fingerprint], places, active=False)
    for seconds in (0, TRY_S):
        line.line.tick(line.house.now + seconds)
    assert line.failures == []
    for seconds in (TRY_S + 1, 2 * TRY_S):
        line.line.tick(line.house.now + seconds)
    assert line.failures == ["unanswered"]


def test_keys_for_rtp_are_enough(line):
    line.line.agree([THEIRS.fingerprint], APART, active=False)
    line.converse(End())
    line.line.tick(line.house.now)
    line.line.tick(line.house.now + 2 * TRY_S)
    assert line.failures == []


def test_a_certificate_that_is_not_the_signalled_one_is_said_to_be_the_reason(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    line.line.tick(line.house.now)
    line.converse(End(identity=STRANGERS))
    line.line.tick(line.house.now + TRY_S + 1)
    assert line.failures == ["refused"]


def test_a_hash_of_the_past_matches_nothing(line):
    weak = Fingerprint("sha-1", THEIRS.certificate.fingerprint(SHA1()).hex(":").upper())
    line.line.agree([weak], MUXED, active=False)
    line.converse(End())
    assert line.keys() == {}


def test_it_says_goodbye_and_no_secret_is_ever_logged(line):
    line.line.agree([THEIRS.fingerprint], MUXED, active=False)
    unit = End()
    line.converse(unit)
    keys = line.keys()
    line.house.engine.commands.clear()
    line.line.close()
    assert [one.remote for one in line.house.engine.of(Transmit)] == [UNIT]
    said = repr(line.house.said)
    assert "dtls_connected" in said
    assert not any(
        one.keys.key.hex() in said or repr(one.keys.key) in said for one in keys.values()
    )

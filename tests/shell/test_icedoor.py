"""The one port of all browsers: from the first check over DTLS to keys in the engine."""

import time

import pytest

from sfu.media.connect import stun
from sfu.media.connect.dtls import Connected, DtlsSession, Fingerprint, Identity, Send
from sfu.media.connect.stun import Attribute, StunType
from sfu.media.engine.command import OpenTransport, SetKeys, Transmit
from sfu.media.engine.event import DatagramReceived
from sfu.model import Address
from tests.shell.stage import IDENTITY, stage

REMOTE = Address("192.0.2.50", 4000)
HANDSHAKE = 22
"""Content type of a DTLS record (RFC 6347 section 4.1)."""
ELSEWHERE = Address("192.0.2.51", 5000)
BROWSER = Identity(time.time())
PRINT = ("sha-256", BROWSER.fingerprint.value)


@pytest.fixture
def house():
    with stage() as made:
        yield made


@pytest.fixture
def path(house):
    return house.door.open(lambda event: None, [PRINT], gso=False, setup="passive")


def come(house, payload: bytes, remote: Address = REMOTE) -> None:
    at_us = round(house.now * 1e6)
    house.engine.tell(DatagramReceived(house.door.sockets[0], remote, payload, at_us))


def check(path, *, nominate: bool = True, password: str = "") -> bytes:
    attributes = [
        (Attribute.USERNAME, f"{path.ufrag}:theirs".encode()),
        (Attribute.PRIORITY, bytes(4)),
        (Attribute.ICE_CONTROLLING, bytes(8)),
    ]
    if nominate:
        attributes.append((Attribute.USE_CANDIDATE, b""))
    return stun.compose(StunType.REQUEST, b"transaction!", attributes, password or path.password)


def sent(house) -> list[tuple[Address, bytes]]:
    found = [(one.remote, one.payload) for one in house.engine.of(Transmit)]
    house.engine.commands.clear()
    return found


def shake(house, browser: DtlsSession) -> list[Connected]:
    """Let a browser's DTLS and ours talk until nothing more is said."""
    said: list[Connected] = []
    for _ in range(10):
        for output in browser.poll():
            if isinstance(output, Send):
                come(house, output.payload)
            elif isinstance(output, Connected):
                said.append(output)
        for command in house.engine.of(Transmit)[:]:
            house.engine.commands.remove(command)
            browser.handle(command.payload, house.now)
    return said


def test_a_check_is_answered_and_tells_where_the_browser_is(house, path):
    come(house, check(path))
    ((remote, payload),) = sent(house)
    assert (remote, stun.parse(payload).kind) == (REMOTE, StunType.SUCCESS)
    assert house.engine.transports[path.transport].remote == REMOTE


@pytest.mark.parametrize("payload", [b"", b"\x00" * 20, b"\x16garbage", b"\x80rtp", b"\x01\x01"])
def test_a_stranger_is_not_answered(house, path, payload):
    come(house, payload)
    assert sent(house) == []


def test_who_does_not_know_the_password_gets_no_path(house, path):
    come(house, check(path, password="wrongwrongwrongwrongwr"))
    assert house.engine.transports[path.transport].remote is None


def test_a_browser_that_roams_is_followed_when_it_nominates(house, path):
    come(house, check(path))
    come(house, check(path, nominate=False), ELSEWHERE)
    assert house.engine.transports[path.transport].remote == REMOTE
    come(house, check(path), ELSEWHERE)
    assert house.engine.transports[path.transport].remote == ELSEWHERE


def test_keys_reach_the_engine_and_are_those_of_the_browser(house, path):
    come(house, check(path))
    sent(house)
    browser = DtlsSession(
        BROWSER, [Fingerprint("sha-256", IDENTITY.fingerprint.value)], passive=False
    )
    browser.start(house.now)
    (connected,) = shake(house, browser)
    keys = {one.sending: one.keys for one in house.engine.of(SetKeys)}
    assert keys == {True: connected.receiving, False: connected.sending}
    assert not path.failed


def test_where_it_is_left_to_us_we_begin_as_soon_as_we_know_whereto(house):
    path = house.door.open(lambda event: None, [PRINT], gso=False)
    browser = DtlsSession(BROWSER, [Fingerprint("sha-256", IDENTITY.fingerprint.value)])
    come(house, check(path))
    (_, answer), (remote, hello) = sent(house)
    assert stun.parse(answer).kind == StunType.SUCCESS  # first: it may send from now on
    assert (remote, hello[0]) == (REMOTE, HANDSHAKE)
    come(house, check(path))
    assert len(sent(house)) == 1  # said once
    browser.handle(hello, house.now)
    (connected,) = shake(house, browser)
    keys = {one.sending: one.keys for one in house.engine.of(SetKeys)}
    assert keys == {True: connected.receiving, False: connected.sending}


def test_a_first_word_that_was_not_heard_is_said_again_before_a_second_is_over(house):
    path = house.door.open(lambda event: None, [PRINT], gso=False)
    come(house, check(path))
    hello = sent(house)[1]
    said = []
    for _ in range(10):
        house.engine.now += 0.05
        path.tick(house.engine.snapshot(), house.now)
        said += sent(house)
    assert said == [hello, hello]


def test_another_certificate_than_the_signalling_named_fails(house):
    wrong = ("sha-256", "00:" * 31 + "00")
    path = house.door.open(lambda event: None, [wrong], gso=False, setup="passive")
    come(house, check(path))
    browser = DtlsSession(BROWSER, [IDENTITY.fingerprint], passive=False)
    browser.start(house.now)
    shake(house, browser)
    assert path.failed
    assert house.engine.of(SetKeys) == []


def test_a_browser_that_checks_no_more_is_sent_nothing(house, path):
    come(house, check(path))
    house.engine.now += 31
    path.tick(house.engine.snapshot(), house.now)
    assert house.engine.transports[path.transport].remote is None


def test_each_check_and_each_packet_is_a_sign_of_life(house, path):
    come(house, check(path))
    assert path.alive_at == house.now
    house.engine.heard[path.transport] = house.now + 5
    path.tick(house.engine.snapshot(), house.now + 5)
    assert path.alive_at == house.now + 5


def test_a_restart_keeps_the_old_path_until_the_new_one_is_nominated(house, path):
    come(house, check(path))
    old = path.ufrag
    assert not path.restarts_with("theirs")
    path.expect("theirs")
    assert path.restarts_with("others")
    path.restart()
    assert path.ufrag != old
    assert house.engine.transports[path.transport].remote == REMOTE
    come(house, check(path), ELSEWHERE)
    assert house.engine.transports[path.transport].remote == ELSEWHERE


def test_restarts_without_end_leave_no_names_behind(house, path):
    for _ in range(50):
        path.restart()
    assert len(house.door.directory._by_ufrag) == 2


def test_a_path_that_is_closed_is_nobodys(house, path):
    come(house, check(path))
    late = check(path)
    path.close()
    sent(house)
    come(house, late)
    assert sent(house) == []
    assert path.transport not in house.engine.transports
    assert house.door.directory._by_path == {}


def test_the_same_path_is_stated_once(house, path):
    come(house, check(path))
    before = len(house.engine.of(OpenTransport))
    come(house, check(path))
    assert len(house.engine.of(OpenTransport)) == before

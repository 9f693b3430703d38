"""A lite agent, from the first check to lost consent, and the port it shares."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.connect import stun
from sfu.media.connect.directory import IceDirectory
from sfu.media.connect.ice import (
    CONSENT_S,
    CREDENTIAL_BYTES,
    MAX_PATHS,
    Answer,
    CheckReceived,
    ConsentLost,
    Credentials,
    IceAgent,
    Path,
    PathLost,
    Selected,
)
from sfu.media.connect.stun import Attribute, StunType
from sfu.model import Address, SocketId

OURS = Credentials("ourufrag", "ourpasswordourpassword12")
NEW = Credentials("newufrag", "newpasswordnewpassword12")
USE = (Attribute.USE_CANDIDATE, b"")
CONTROLLING = (Attribute.ICE_CONTROLLING, bytes(8))


def path(port: int = 4000, host: str = "192.0.2.7") -> Path:
    return Path(SocketId(1), Address(host, port))


def check(*more, credentials: Credentials = OURS, kind: int = StunType.REQUEST) -> bytes:
    username = (Attribute.USERNAME, f"{credentials.ufrag}:theirs".encode())
    attributes = [username, (Attribute.PRIORITY, bytes(4)), *more]
    return stun.compose(kind, b"transaction!", attributes, credentials.password)


def asked(agent: IceAgent, payload: bytes, now: float = 1.0, at: Path | None = None):
    agent.handle(CheckReceived(at or path(), payload), now)
    return list(agent.poll())


def code(answer) -> int:
    assert isinstance(answer, Answer)
    value = stun.parse(answer.payload).attributes[Attribute.ERROR_CODE]
    return value[2] * 100 + value[3]


@pytest.fixture
def agent() -> IceAgent:
    return IceAgent(OURS, 0.0)


def test_a_check_is_answered_with_the_address_it_came_from(agent):
    answer, selected = asked(agent, check(CONTROLLING))
    message = stun.parse(answer.payload)
    assert message.kind == StunType.SUCCESS
    assert message.transaction == b"transaction!"
    assert message.authentic(OURS.password)
    value = message.attributes[Attribute.XOR_MAPPED_ADDRESS]
    assert stun.parse_xor_address(value, message.transaction) == path().remote
    assert selected == Selected(path())  # DTLS may begin before anything is nominated


def test_the_latest_nomination_is_the_path(agent):
    asked(agent, check(USE))
    assert Selected(path(5000)) not in asked(agent, check(), at=path(5000))
    assert Selected(path(5000)) in asked(agent, check(USE), at=path(5000))
    assert Selected(path()) in asked(agent, check(USE))
    assert Selected(path()) not in asked(agent, check(USE))


def test_a_wrong_password_is_told_401_and_changes_nothing(agent):
    (answer,) = asked(agent, check(USE, credentials=Credentials("ourufrag", "guessed")))
    assert code(answer) == 401
    assert agent.selected is None
    assert not agent.paths


def test_a_check_without_integrity_is_told_400(agent):
    (answer,) = asked(agent, stun.compose(StunType.REQUEST, bytes(12), [USE]))
    assert code(answer) == 400


def test_a_peer_that_wants_to_be_controlled_is_told_487(agent):
    (answer,) = asked(agent, check((Attribute.ICE_CONTROLLED, bytes(8))))
    assert code(answer) == 487
    assert stun.parse(answer.payload).authentic(OURS.password)


def test_an_attribute_that_must_be_understood_is_told_420(agent):
    (answer,) = asked(agent, check((0x7ABC, b"")))
    assert code(answer) == 420
    assert stun.parse(answer.payload).attributes[Attribute.UNKNOWN_ATTRIBUTES] == b"\x7a\xbc"


def test_indications_and_answers_are_passed_over(agent):
    for kind in (StunType.INDICATION, StunType.SUCCESS, StunType.ERROR):
        assert asked(agent, check(kind=kind)) == []


def test_consent_lapses_after_thirty_silent_seconds(agent):
    asked(agent, check(USE), now=5.0)
    assert agent.deadline == 5.0 + CONSENT_S
    agent.tick(34.9)
    assert list(agent.poll()) == []
    agent.tick(35.0)
    assert list(agent.poll()) == [ConsentLost()]
    assert agent.deadline is None
    assert Selected(path()) in asked(agent, check(), now=40.0)


def test_consent_that_was_never_given_lapses_too(agent):
    agent.tick(CONSENT_S)
    assert list(agent.poll()) == [ConsentLost()]


def test_a_live_path_takes_over_from_a_silent_one(agent):
    asked(agent, check(USE), now=0.0)
    asked(agent, check(), now=20.0, at=path(5000))
    agent.tick(30.0)
    assert list(agent.poll()) == [Selected(path(5000))]
    assert agent.deadline == 50.0


def test_a_restart_keeps_the_old_path_until_the_new_is_nominated(agent):
    asked(agent, check(USE))
    agent.restart(NEW)
    assert agent.ufrags == (OURS.ufrag, NEW.ufrag)
    assert not any(isinstance(each, Selected) for each in asked(agent, check(USE), at=path(5)))
    asked(agent, check(credentials=NEW), at=path(5000))
    assert agent.selected == path()
    assert Selected(path(5000)) in asked(agent, check(USE, credentials=NEW), at=path(5000))
    assert agent.ufrags == (NEW.ufrag,)
    assert code(asked(agent, check())[0]) == 401


def test_paths_are_bounded_and_the_selected_one_stays(agent):
    asked(agent, check(USE), now=0.0)
    for port in range(5000, 5100):
        asked(agent, check(), now=port / 1000, at=path(port))
    assert len(agent.paths) == MAX_PATHS
    assert path() in agent.paths


def test_credentials_have_the_randomness_rfc_8445_wants():
    one = Credentials.of(bytes(range(CREDENTIAL_BYTES)))
    assert len(one.ufrag) * 6 >= 24
    assert len(one.password) * 6 >= 128
    assert one.password not in repr(one)


@given(st.binary(max_size=50) | st.just(check()).map(lambda data: data[:-9] + b"\0" + data[-8:]))
def test_a_stranger_raises_peer_error_and_nothing_else(payload):
    agent = IceAgent(OURS, 0.0)
    with contextlib.suppress(PeerError):
        agent.handle(CheckReceived(path(), payload), 0.0)
    assert agent.selected is None


# ---- the shared port

DTLS = bytes([22, 254, 253]) + bytes(20)


def test_a_session_is_found_by_ufrag_and_its_dtls_by_path(agent):
    directory: IceDirectory[str] = IceDirectory()
    directory.open("anna", agent)
    directory.open("bela", IceAgent(Credentials("belafrag", "p"), 0.0))
    assert directory.receive(path(), DTLS, 0.0) is None
    assert directory.receive(path(), check(), 0.0) == "anna"
    assert directory.receive(path(), DTLS, 0.0) == "anna"
    assert directory.receive(path(9), DTLS, 0.0) is None
    assert agent.selected == path()


def test_strangers_get_no_answer(agent):
    directory: IceDirectory[str] = IceDirectory()
    directory.open("anna", agent)
    for payload in (b"", check(credentials=NEW), b"\0" * 30, b"\x80" * 30, check(kind=0x101)):
        assert directory.receive(path(), payload, 0.0) is None
    assert list(agent.poll()) == []


def test_both_names_lead_there_during_a_restart_and_none_after_the_end(agent):
    directory: IceDirectory[str] = IceDirectory()
    directory.open("anna", agent)
    directory.receive(path(), check(USE), 0.0)
    directory.restart(agent, NEW)
    assert directory.receive(path(), check(), 1.0) == "anna"
    assert directory.receive(path(2), check(USE, credentials=NEW), 1.0) == "anna"
    assert directory.receive(path(), check(), 1.0) is None
    directory.close(agent)
    assert directory.receive(path(2), check(credentials=NEW), 1.0) is None
    assert directory.receive(path(2), DTLS, 1.0) is None


def test_nobody_takes_over_anothers_path(agent):
    directory: IceDirectory[str] = IceDirectory()
    directory.open("anna", agent)
    directory.receive(path(), check(), 0.0)
    mallory = IceAgent(NEW, 0.0)
    directory.open("mallory", mallory)
    assert directory.receive(path(), check(credentials=NEW), 0.0) is None
    assert not mallory.paths
    assert directory.receive(path(), DTLS, 0.0) == "anna"


def test_a_connection_that_ended_gives_way_to_a_live_path_or_to_none(agent):
    asked(agent, check(USE), now=1.0, at=path(1))
    asked(agent, check(), now=2.0, at=path(2))
    agent.handle(PathLost(path(1)), 3.0)
    assert list(agent.poll()) == [Selected(path(2))]
    agent.handle(PathLost(path(1)), 3.5)
    assert list(agent.poll()) == []
    agent.handle(PathLost(path(2)), 4.0)
    assert list(agent.poll()) == [ConsentLost()]
    assert asked(agent, check(), now=5.0, at=path(3))[-1] == Selected(path(3))


def test_the_port_knows_which_connections_somebody_stands_on():
    directory: IceDirectory[str] = IceDirectory()
    agent = IceAgent(OURS, 0.0)
    directory.open("anne", agent)
    over_tcp = Path(SocketId(9), Address("192.0.2.7", 4000))
    directory.receive(over_tcp, check(), 1.0)
    assert directory.sockets() == {SocketId(9)}
    assert directory.lose(SocketId(9), 2.0) == ["anne"]
    assert directory.sockets() == frozenset()
    assert directory.lose(SocketId(9), 3.0) == []

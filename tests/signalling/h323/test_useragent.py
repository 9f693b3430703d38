"""Captured calls played against our core, in either part, to their end; and two cores together."""

from collections.abc import Iterator

import pytest

from sfu.errors import PeerError
from sfu.model import CallId
from sfu.signalling.call import (
    Accept,
    AskPicture,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallOffered,
    CallRinging,
    Dial,
    DigitPressed,
    End,
    HangUp,
    MediaOffered,
    OfferMedia,
    PictureWanted,
    Probe,
    ProbeAnswered,
    Reject,
)
from sfu.signalling.h323.asking import Admitted, Ask
from sfu.signalling.h323.flow import Close, Closed, FlowId, Opened, Received, Send
from sfu.signalling.h323.useragent import read_uri
from sfu.signalling.sdp.local import Policy
from sfu.signalling.sdp.session import parse
from tests.h323_script import THEM, US, Script, calls, words
from tests.signalling.h323.test_captures import CAPTURES
from tests.unitstack import Stack, Wire, offer

FAST = "its media was opened by fastStart, which we decline and never offer: no channels follow"
EXPECTED = {
    ("callgen-faststart-sepH245", "answer"): ((CallOffered, CallEnded), FAST),
    ("callgen-faststart-sepH245", "call"): ((CallEnded,), FAST),
    ("callgen-faststart-tunnel", "answer"): ((CallOffered, CallEnded), FAST),
    ("callgen-faststart-tunnel", "call"): ((CallEnded,), FAST),
    ("ooh323c-faststart-tunnel", "answer"): ((CallOffered, CallEnded), FAST),
    ("ooh323c-faststart-tunnel", "call"): ((CallEnded,), FAST),
    ("ooh323c-gk-ras", "answer"): ((CallOffered, CallEnded), FAST),
    ("ooh323c-gk-ras", "call"): ((CallEnded,), FAST),
    ("x-ooh323c-to-callgen-fast-tunnel", "answer"): ((CallOffered, CallEnded), FAST),
    ("x-ooh323c-to-callgen-fast-tunnel", "call"): ((CallEnded,), FAST),
}
"""Captures that do not come to a whole call, by the part we play, and why."""
ANSWERED = (CallOffered, CallConfirmed, CallEnded)
CALLED = (CallAnswered, CallEnded)
MID_CALL = (MediaOffered, PictureWanted, CallRinging, ProbeAnswered)


def parts() -> Iterator[object]:
    for path in CAPTURES:
        for at, (caller, called) in enumerate(calls(path)):
            for part in ("answer", "call"):
                name = f"{path.stem}-{at}-{part}"
                yield pytest.param(path, caller, called, part, id=name)


@pytest.mark.parametrize(("path", "caller", "called", "part"), list(parts()))
def test_a_captured_call_plays_to_its_end(path, caller, called, part):
    answering = part == "answer"
    said = words(path, caller, called, of_caller=answering)
    script = Script().answer(said) if answering else Script().call(said)
    usual = ANSWERED if answering else CALLED
    wanted, _ = EXPECTED.get((path.stem, part), (usual, ""))
    assert tuple(type(one) for one in script.events if not isinstance(one, MID_CALL)) == wanted
    assert len(script.core) == 0
    for event in script.events:
        if isinstance(event, (CallConfirmed, CallAnswered)):
            answer = event.answer if isinstance(event, CallConfirmed) else event.description
            assert answer is not None
            sound = parse(answer).media[0]
            assert sound.port
            assert sound.formats[0] in ("0", "8", "9")


def test_a_capture_with_h264_is_described_as_its_channels_say():
    path = next(one for one in CAPTURES if one.stem == "callgen-flowcontrol-h264")
    (caller, called), *_ = calls(path)
    script = Script().answer(words(path, caller, called, of_caller=True))
    confirmed = next(one for one in script.events if isinstance(one, CallConfirmed))
    lines = (confirmed.answer or b"").decode().splitlines()
    assert any(line.startswith("m=audio 5000 RTP/AVP") for line in lines)
    assert any(line.startswith("m=video 5002 RTP/AVP") for line in lines)
    later = [one for one in script.events if isinstance(one, MediaOffered)]
    assert "b=TIAS:192000" in (later[-1].offer or b"").decode()


# ---- two of ours


@pytest.fixture(params=[(False, False), (True, True), (True, False), (False, True)], ids=str)
def wire(request):
    ours, theirs = request.param
    return Wire(Stack("192.0.2.1", 1, tunnelling=ours), Stack("192.0.2.2", 1000, tunnelling=theirs))


def called(wire: Wire) -> tuple[Stack, Stack]:
    one, other = wire.stacks.values()
    wire.order(one, Dial(OURS, "h323:4201@192.0.2.2", offer(one.host, 30_000), "Lajoux", "4300"))
    return one, other


OURS, THEIRS = CallId(99), CallId(1)


def test_two_cores_meet_and_part(wire):
    one, other = called(wire)
    (offered,) = other.told(CallOffered)
    assert (offered.target, offered.display_name) == ("4201", "Lajoux")
    assert offered.caller == "4300@192.0.2.1"
    (answered,), (confirmed,) = one.told(CallAnswered), other.told(CallConfirmed)
    for description, host in (
        (answered.description, "192.0.2.2"),
        (confirmed.answer, "192.0.2.1"),
    ):
        assert description is not None
        assert f"c=IN IP4 {host}" in description.decode()
        assert [media.port > 0 for media in parse(description).media] == [True, True]
        assert "H264/90000" in description.decode()
    wire.order(one, HangUp(OURS))
    assert one.told(CallEnded)[0].cause is End.ENDED_BY_SERVER
    assert other.told(CallEnded)[0].cause is End.HUNG_UP
    assert (len(one.core), len(other.core)) == (0, 0)


def test_wishes_keys_and_signs_of_life(wire):
    one, other = called(wire)
    wire.order(one, AskPicture(OURS))
    assert other.told(PictureWanted)
    wire.order(other, Probe(THEIRS))
    assert other.told(ProbeAnswered)
    wire.wait(300)
    assert not one.told(CallEnded)
    assert not one.told(DigitPressed)


def test_a_lower_rate_is_said_by_flow_control(wire):
    one, other = called(wire)
    lower = offer(one.host, 30_000, Policy().limited(bps=300_000))
    wire.order(one, OfferMedia(OURS, lower))
    (changed,) = other.told(MediaOffered)[-1:]
    assert changed.offer is not None
    rates = [line for line in changed.offer.decode().splitlines() if line.startswith("b=TIAS")]
    assert rates
    assert int(rates[0].removeprefix("b=TIAS:")) <= 320_000


def test_who_is_refused_hears_why():
    one, other = Stack("192.0.2.1", 1), Stack("192.0.2.2", 1000)
    wire = Wire(one, other)
    other.answers = False
    called(wire)
    (offered,) = other.told(CallOffered)
    wire.order(other, Reject(offered.call, 486, "busy"))
    assert one.told(CallEnded)[0].cause is End.BUSY


def test_whoever_calls_too_often_is_refused_before_a_gatekeeper_is_asked():
    one, other = Stack("192.0.2.1", 1), Stack("192.0.2.2", 1000)
    wire = Wire(one, other)
    asked: list[str] = []

    def refuses(host: str) -> bool:
        asked.append(host)
        return False

    other.core.may_call = refuses
    other.core.asks = lambda host: pytest.fail("nobody is asked about it")
    called(wire)
    assert (asked, other.told(CallOffered)) == ([one.host], [])
    assert one.told(CallEnded)[0].cause is End.REFUSED
    assert (len(one.core), len(other.core)) == (0, 0)


def test_nobody_there():
    one = Stack("192.0.2.1", 1)
    wire = Wire(one, Stack("192.0.2.2", 1000))
    wire.deaf = True
    called(wire)
    wire.wait(11)
    assert one.told(CallEnded)[0].cause is End.UNREACHABLE


def test_a_peer_that_falls_silent_is_given_up():
    one, other = Stack("192.0.2.1", 1), Stack("192.0.2.2", 1000)
    wire = Wire(one, other)
    called(wire)
    wire.deaf = True
    wire.wait(60)
    assert one.told(CallEnded)[0].cause is End.VANISHED
    assert other.told(CallEnded)[0].cause is End.VANISHED


def test_an_address_that_is_none():
    one = Stack("192.0.2.1", 1)
    wire = Wire(one, Stack("192.0.2.2", 2))
    wire.order(one, Dial(OURS, "h323:nobody", offer(one.host, 30_000), "", ""))
    assert one.told(CallEnded)[0].status == 484


@pytest.mark.parametrize(
    ("uri", "address", "alias"),
    [
        ("h323:4201@192.0.2.2", "192.0.2.2:1720", "4201"),
        ("h323:192.0.2.2:1730", "192.0.2.2:1730", None),
        ("192.0.2.2##4201", "192.0.2.2:1720", "4201"),
        ("h323:morez@[2001:db8::1]:1721", "[2001:db8::1]:1721", "morez"),
    ],
)
def test_addresses_are_read(uri, address, alias):
    found, aliases = read_uri(uri)
    assert str(found) == address
    assert [one.text for one in aliases] == ([alias] if alias else [])


@pytest.mark.parametrize("uri", ["h323:", "h323:a@b", "192.0.2.2:²", "192.0.2.2:" + "1" * 5000])
def test_what_is_no_address_is_refused(uri):
    with pytest.raises(PeerError):
        read_uri(uri)


def test_a_connection_that_says_nothing_is_closed():
    script = Script()
    script.core.handle(Opened(FlowId(0), THEM, US), 0.0)
    script.core.tick(10.0)
    assert list(script.core.poll()) == [Close(FlowId(0))]


def test_noise_is_turned_away():
    script = Script()
    script.core.handle(Opened(FlowId(0), THEM, US), 0.0)
    script.core.handle(Received(FlowId(0), b"GET / HTTP/1.1\r\n\r\n"), 0.0)
    assert list(script.core.poll()) == [Close(FlowId(0))]
    script.core.handle(Closed(FlowId(0)), 0.0)
    assert not [one for one in script.core.poll() if isinstance(one, Send)]


def test_an_acceptance_for_nobody_is_nothing():
    script = Script()
    script.core.handle(Accept(CallId(5), b""), 0.0)
    assert list(script.core.poll()) == []


def test_a_call_that_is_admitted_to_no_address_ends():
    one = Stack("192.0.2.1", 1)
    one.core.dials_numbers = True
    one.core.asks = lambda host: True
    one.core.handle(Dial(OURS, "h323:4201", offer(one.host, 30_000), "Lajoux", "4300"), 0.0)
    assert [type(each) for each in one.core.poll()] == [Ask]
    one.core.handle(Admitted(OURS, None), 1.0)
    assert any(isinstance(each, CallEnded) for each in one.core.poll())

"""One m= line of a codec whose keys do not come: it is taken back, and the call with the last."""

from dataclasses import replace

import pytest

from sfu.media.engine.snapshot import TransportRow
from sfu.model import CallId, Codec, Kind
from sfu.shell.codecline import UNHEARD
from sfu.shell.dtlsline import TRY_S
from sfu.signalling.call import CallEnded, End, HangUp, MediaAnswered, OfferMedia
from sfu.signalling.sdp.session import parse
from tests.shell.stage import stage

KEYS = "a=setup:active\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
SOUND = "m=audio 5000 UDP/TLS/RTP/SAVP 9\r\n" + KEYS
PICTURE = (
    "m=video 5002 UDP/TLS/RTP/SAVP 97\r\na=rtpmap:97 H264/90000\r\n"
    "a=fmtp:97 profile-level-id=42801f;packetization-mode=1\r\n"
)
SDES = PICTURE.replace("UDP/TLS/", "") + (
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"
)
HEAD = "v=0\r\no=u 1 1 IN IP4 192.0.2.21\r\ns=-\r\nc=IN IP4 192.0.2.21\r\nt=0 0\r\n"


def offer(*lines: str) -> bytes:
    return (HEAD + "".join(lines)).encode()


@pytest.fixture
def house():
    with stage() as made:
        yield made


def ports(description: bytes) -> list[bool]:
    return [media.port != 0 for media in parse(description).media]


def test_a_line_without_keys_is_taken_back_and_the_others_go_on(house):
    house.ring(1, offer=offer(SOUND, SDES))
    leg = house.leg(1)
    house.flow(leg.streams.picture, Codec.H264)
    assert ports(house.orders[-1].description) == [True, True]
    house.tick(TRY_S + 2)
    (change,) = house.of(OfferMedia)
    assert ports(change.description) == [False, True]
    assert (leg.streams.sound, leg.streams.mix) == (None, None)
    assert leg.streams.picture is not None
    answer = change.description.replace(b"a=crypto:1", b"a=crypto:1")
    house.calls.handle(MediaAnswered(CallId(1), answer))
    assert leg.streams.sound is None
    assert not leg.capability.audio_receive
    assert house.patchbay.lines_refused == {"dtls_unanswered": 1}
    assert [one["kind"] for one in house.said if one["event"] == "line_ended"] == ["audio"]
    assert house.of(HangUp) == []


def test_the_call_ends_with_its_last_line(house):
    house.ring(1, offer=offer(SOUND, PICTURE + KEYS))
    house.tick(TRY_S + 2)
    assert house.of(HangUp)[0] == HangUp(CallId(1), End.PROTOCOL_ERROR)
    assert house.patchbay.lines_refused == {"dtls_unanswered": 2}
    house.calls.handle(CallEnded(CallId(1), End.PROTOCOL_ERROR, 0, ""))
    assert len(house.engine.sockets) == 2


def test_what_failed_is_not_answered_again(house):
    house.ring(1, offer=offer(SOUND, SDES))
    leg = house.leg(1)
    house.flow(leg.streams.picture, Codec.H264)
    house.tick(TRY_S + 2)
    again = leg.answer(offer(SOUND, SDES).replace(b"o=u 1 1", b"o=u 1 2"))
    assert ports(again) == [False, True]
    assert leg.media.lines[Kind.AUDIO].failed


def test_media_that_comes_from_where_no_call_named_is_told_of_once(house):
    house.ring(1, offer=offer("m=audio 5000 RTP/AVP 9\r\n"))
    leg, now = house.leg(1), 1.0
    line = leg.media.lines[Kind.AUDIO]
    for refused, taken in ((UNHEARD - 1, 0), (UNHEARD, 0), (2 * UNHEARD, 0)):
        row = TransportRow(line.transport, taken, 0, 0, 0, 0, 0, 0, 0, refused, 0)
        leg.tick(replace(house.engine.snapshot(), transports={line.transport: row}), now)
    told = [one for one in house.said if one["event"] == "media_refused"]
    assert [(one["kind"], one["expected"]) for one in told] == [("audio", "192.0.2.21")]


def test_some_packets_from_elsewhere_beside_its_own_are_nothing(house):
    house.ring(1, offer=offer("m=audio 5000 RTP/AVP 9\r\n"))
    leg = house.leg(1)
    line = leg.media.lines[Kind.AUDIO]
    row = TransportRow(line.transport, 1, 0, 0, 0, 0, 0, 0, 0, 9 * UNHEARD, 0)
    leg.tick(replace(house.engine.snapshot(), transports={line.transport: row}), 1.0)
    assert [one for one in house.said if one["event"] == "media_refused"] == []

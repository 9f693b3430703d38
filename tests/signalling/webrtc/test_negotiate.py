import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.errors import PeerError, UseError
from sfu.model import Address, Codec, Kind
from sfu.signalling.sdp.session import SessionDescription, parse
from sfu.signalling.webrtc.negotiate import BrowserPolicy, answer_browser
from sfu.signalling.webrtc.offer import Role, read_browser_offer
from tests.signalling.webrtc.browsers import NAMES, answered, local, offered, session

CAMERA = """\
m=video 9 UDP/TLS/RTP/SAVPF 98 99 100 101 104 105
c=IN IP4 0.0.0.0
b=AS:1448
b=TIAS:1400000
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:FINGERPRINT
a=setup:active
a=mid:1
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=recvonly
a=rtcp-mux
"""


def media(answer: SessionDescription, mid: str):
    return next(one for one in answer.media if one.value("mid") == mid)


def test_a_camera_is_answered_line_by_line():
    answer, _ = answered(session("safari_like"))
    text = "".join(f"{line}\n" for line in answer.media[1].lines)
    expected = CAMERA.replace("FINGERPRINT", "sha-256 " + ":".join(["AB"] * 32))
    assert text.startswith(expected)
    assert (
        "a=fmtp:98 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1" in text
    )
    assert not list(answer.media[1].values("ssrc"))


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_answered_in_its_place(name):
    offer = session(name)
    answer, agreement = answered(offer)
    assert [one.media for one in answer.media] == [one.media for one in offer.media]
    assert [one.value("mid") for one in answer.media] == [one.value("mid") for one in offer.media]
    bundle = (answer.value("group") or "").split()[1:]
    assert bundle == [one.value("mid") for one in answer.media if one.port]
    assert {stream.mid for stream in agreement.streams} <= set(bundle)
    for ours, theirs in zip(answer.media, offer.media, strict=True):
        assert set(ours.formats) <= set(theirs.formats)


def test_we_only_receive_from_devices_and_only_send_on_places():
    answer, agreement = answered(session("chromium_page"))
    for stream in agreement.streams:
        way = "recvonly" if stream.role.sends else "sendonly"
        assert media(answer, stream.mid).has(way)
        assert media(answer, stream.mid).has("ssrc") is stream.role.receives


def test_lines_that_go_both_ways_are_a_device_alone():
    answer, agreement = answered(session("chromium_simple"))
    assert [stream.role for stream in agreement.streams] == [Role.MICROPHONE, Role.CAMERA]
    assert all(one.has("recvonly") for one in answer.media)


def test_a_place_of_pictures_carries_our_stream_and_its_repair():
    answer, agreement = answered(session("chromium_page"))
    tile = agreement.of(Role.TILE)[1]
    assert (tile.ssrc, tile.rtx_ssrc) == (1020, 1021)
    assert media(answer, tile.mid).value("ssrc-group") == "FID 1020 1021"
    assert tile.send_payloads == ((Codec.H264, 108), (Codec.VP8, 96))
    assert tile.rtx_payloads == ((109, 108), (115, 114), (97, 96))
    assert not tile.single_nal


def test_candidates_stand_once_and_end():
    answer, _ = answered(session("chromium_page"))
    assert list(answer.media[0].values("candidate")) == [
        "1 1 udp 2130706431 192.0.2.5 10000 typ host",
        "2 1 udp 2130706175 2001:db8::5 10000 typ host",
    ]
    assert answer.media[0].has("end-of-candidates")
    assert not any(one.has("candidate") for one in answer.media[1:])
    assert answer.has("ice-lite")


def test_candidates_over_tcp_are_passive_and_stand_behind_all_others():
    there = (Address("192.0.2.5", 8443), Address("2001:db8::5", 443))
    made = session("chromium_page")
    offer = read_browser_offer(made, None)
    answer, _ = answer_browser(made, offer, replace(local(offer), tcp=there), BrowserPolicy())
    assert list(answer.media[0].values("candidate"))[2:] == [
        "3 1 tcp 1520435199 192.0.2.5 8443 typ host tcptype passive",
        "4 1 tcp 1520434943 2001:db8::5 443 typ host tcptype passive",
    ]


def test_what_a_chromium_can_is_known():
    can = answered(session("chromium_page"))[1].capability
    assert can.audio_send == {Codec.OPUS}
    assert can.audio_receive == {Codec.OPUS, Codec.G722, Codec.PCMA, Codec.PCMU}
    assert can.video_send == can.video_receive == {Codec.H264, Codec.VP8}
    assert (can.pictures, can.forwarded_sounds) == (2, True)
    assert (can.single_nal, can.can_send_single_nal) == (False, True)
    assert can.h264 is not None
    assert can.h264.modes == {0, 1}


def test_a_camera_at_rest_and_a_stopped_tile_are_gone_from_the_capability():
    _, before = answered(session("chromium_page"))
    answer, after = answered(session("chromium_reoffer"), dict(before.parts))
    assert after.capability.video_send == frozenset()
    assert after.capability.pictures == 2
    assert after.of(Role.CAMERA)[0].active is False
    assert media(answer, "1").has("inactive")
    assert media(answer, "9").port == 0


def test_simulcast_is_answered_only_on_request():
    plain, _ = answered(session("chromium_simulcast"))
    assert not plain.media[1].has("simulcast")
    answer, agreement = answered(session("chromium_simulcast"), simulcast=True)
    assert answer.media[1].value("simulcast") == "recv l;m;h"
    assert list(answer.media[1].values("rid")) == ["l recv", "m recv", "h recv"]
    assert agreement.of(Role.CAMERA)[0].rids == ("l", "m", "h")


def test_rates_follow_the_policy():
    answer, _ = answered(session("chromium_page"), video_bps=500_000, audio_bps=24_000)
    assert list(answer.media[1].fields("b")) == ["AS:517", "TIAS:500000"]
    assert "maxaveragebitrate=24000" in (answer.media[0].value("fmtp") or "")


def test_a_camera_is_told_where_to_begin_and_a_place_is_not():
    answer, _ = answered(session("chromium_page"))
    for number, one in enumerate(answer.media):
        told = [value for value in one.values("fmtp") if "x-google-start-bitrate=800" in value]
        assert len(told) == (3 if number == 1 else 0)  # VP8 and both modes of H.264
    thin, _ = answered(session("chromium_page"), video_bps=500_000)
    assert any("start-bitrate=500" in value for value in thin.media[1].values("fmtp"))


def test_an_extension_with_a_direction_is_answered_with_the_other():
    data = offered("firefox_like").replace(b"a=extmap:7 ", b"a=extmap:7/sendonly ")
    answer, _ = answered(parse(data))
    assert any(one.startswith("7/recvonly ") for one in answer.media[1].values("extmap"))


def test_a_place_without_streams_of_ours_is_our_callers_mistake():
    made = session("chromium_page")
    offer = read_browser_offer(made)
    ours = local(offer)
    with pytest.raises(UseError):
        answer_browser(made, offer, type(ours)(
            ours.session_id, ours.ice_ufrag, ours.ice_pwd, ours.fingerprint,
            ours.candidates, ours.cname, {},
        ), BrowserPolicy())  # fmt: skip


def test_aiortc_offers_and_takes_our_answer():
    aiortc = pytest.importorskip("aiortc")

    async def exchange():
        connection = aiortc.RTCPeerConnection()
        slots = [("audio", "recvonly")] * 4 + [("video", "recvonly")]
        for kind, way in [("audio", "sendrecv"), ("video", "sendrecv"), *slots]:
            connection.addTransceiver(kind, way)
        try:
            await connection.setLocalDescription(await connection.createOffer())
            made = parse(connection.localDescription.sdp)
            answer, agreement = answered(made)
            taken = aiortc.RTCSessionDescription(answer.text, "answer")
            await connection.setRemoteDescription(taken)
            ways = [one.currentDirection for one in connection.getTransceivers()]
            return connection.signalingState, ways, agreement
        finally:
            await connection.close()

    state, ways, agreement = asyncio.run(exchange())
    assert state == "stable"
    assert ways == ["sendonly"] * 2 + ["recvonly"] * 5
    assert [stream.role for stream in agreement.streams][5] is Role.NARROW
    assert agreement.streams[1].rtx_ssrc is not None


edits = st.lists(st.tuples(st.integers(0, 40_000), st.binary(max_size=4)), max_size=8)


@settings(max_examples=30)
@given(st.sampled_from(NAMES), edits)
def test_a_garbled_offer_is_answered_or_is_the_peers_error(name, some):
    data = offered(name)
    for at, piece in some:
        where = at % (len(data) + 1)
        data = data[:where] + piece + data[where + len(piece) % 3 :]
    try:
        made = parse(data)
        answer, agreement = answered(made, simulcast=True)
    except PeerError:
        return
    assert len(parse(bytes(answer)).media) == len(made.media)
    assert all(stream.kind in Kind for stream in agreement.streams)


def lines_of(answer: SessionDescription, mid: str, *words: str) -> list[str]:
    return [line for line in media(answer, mid).lines if line.startswith(words)]


def test_opus_that_may_be_sent_twice_is_agreed_for_microphone_voices_and_mix():
    answer, agreement = answered(session("chromium_page"))
    for role, mid in ((Role.MICROPHONE, "0"), (Role.WIDE, "2"), (Role.MIX, "8")):
        assert lines_of(answer, mid, "m=", "a=rtpmap", "a=fmtp") == [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 minptime=10;useinbandfec=1",
            "a=rtpmap:63 red/48000/2",
            "a=fmtp:63 111/111",
        ]
        stream = agreement.of(role)[0]
        assert stream.red == 63
        assert ((63, Codec.RED) in stream.payloads) is role.sends
        assert role.sends or stream.send_payloads == ((Codec.OPUS, 111),)
    assert "63" not in media(answer, "5").formats
    assert agreement.of(Role.NARROW)[0].red is None
    assert Codec.RED not in agreement.capability.audio_send | agreement.capability.audio_receive


def test_a_browser_is_had_to_send_twice_by_the_order_of_the_microphone_alone():
    answer, _ = answered(session("chromium_page"), red_first=True)
    assert media(answer, "0").formats == ("63", "111")
    assert media(answer, "2").formats == ("111", "63")


def test_nothing_is_sent_twice_where_that_is_not_wanted_or_not_offered():
    answer, agreement = answered(session("chromium_page"), red=False, red_first=True)
    assert all(one.red is None for one in agreement.streams)
    assert media(answer, "0").formats == ("111",)
    _, agreement = answered(session("firefox_like"), red_first=True)
    assert all(one.red is None for one in agreement.streams)


@pytest.mark.parametrize(
    ("name", "fmtp"), [("red/8000", "111/111"), ("red/48000/2", "111/9"), ("red/48000/2", "")]
)
def test_red_of_anything_but_this_opus_is_not_taken(name, fmtp):
    text = offered("chromium_page").decode()
    text = text.replace("red/48000/2", name).replace("a=fmtp:63 111/111", f"a=fmtp:63 {fmtp}")
    _, agreement = answered(parse(text))
    assert all(one.red is None for one in agreement.streams)

"""What each room codec's offer promises: the expected values were reckoned by hand."""

import pytest

from sfu.model import Address, Codec
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp import h264
from sfu.signalling.sdp.bandwidth import stated
from sfu.signalling.sdp.peer import read_offer
from sfu.signalling.sdp.session import parse
from tests.signalling.sdp.shapes import description, offered, session

PLI, FIR, TMMBR = Feedback.PLI, Feedback.FIR, Feedback.TMMBR

EXPECTED = {
    "polycom_hdx": ({0}, (1280, 720, 30), 1600, {FIR, TMMBR}, None, 1_600_000),
    "polycom_group": ({0, 1}, (1280, 720, 30), 20010, {PLI, FIR, TMMBR}, 101, 1_900_000),
    "tandberg_c20": ({0, 1}, (1920, 1080, 30), 5000, {PLI}, None, 1_900_000),
    "tandberg_mxp": ({0}, (768, 448, 30), 768, {PLI}, None, 665_806),
    "sony_xg77": ({0}, (1280, 720, 30), 14000, set(), None, 913_548),
    "huawei_hd9030": ({0}, (1280, 720, 30), 1856, {FIR, TMMBR}, None, 1_780_645),
    "aver_evc130": ({0}, (1920, 1080, 30), 20000, set(), 101, 1_904_516),
    "yealink_vc400": ({0, 1}, (1920, 1080, 30), 20000, {FIR}, None, 1_904_516),
    "baresip_1_0_0": ({0, 1}, (1280, 720, 30), 14000, {PLI}, 101, 14_000_000),
}
"""modes, best 16:9 picture, kbit/s, feedback, telephone-event, video payload it takes.

The last is the least of TIAS, AS and CT (less 80 kbit/s of sound where of the session, times
1200/1240) and max-br."""


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_each_unit_promises_what_its_offer_means(name, expected):
    peer = read_offer(session(name))
    can = peer.capability
    assert peer.audio is not None
    assert peer.video is not None
    assert can.h264 is not None
    assert expected == (
        can.h264.modes,
        h264.best_size(can.h264),
        can.h264.br_kbps,
        peer.lines[peer.video].feedback,
        peer.lines[peer.audio].telephone_event,
        can.video_bps,
    )
    assert Codec.G722 in can.audio_receive & can.audio_send
    assert can.pictures == 1
    assert not can.forwarded_sounds
    assert can.single_nal is (can.h264.modes == {0})
    assert can.can_send_single_nal


@pytest.mark.parametrize(
    ("name", "kind", "value", "at"),
    [
        ("polycom_group", "AS", 2048, None),
        ("tandberg_c20", "TIAS", 1_900_000, 1),
        ("tandberg_mxp", "TIAS", 704_000, 1),
        ("sony_xg77", "AS", 960, 1),
        ("aver_evc130", "AS", 2048, None),
        ("yealink_vc400", "AS", 2048, None),
    ],
)
def test_each_unit_states_its_bandwidth(name, kind, value, at):
    made = session(name)
    assert stated(made if at is None else made.media[at], kind) == value


def test_the_slides_of_a_c20_are_told_from_its_main_picture():
    peer = read_offer(session("tandberg_c20"))
    assert (peer.audio, peer.video, peer.slides) == (0, 1, 3)
    slides = h264.limits_of(peer.lines[3].formats[1])
    assert slides is not None
    assert h264.best_size(slides) == (1280, 720, 30)
    assert slides.br_kbps == 2000
    assert [line.label for line in peer.lines] == ["", "11", "", "12", ""]


def test_the_floor_of_a_yealink_names_its_slides():
    line = read_offer(session("yealink_vc400")).lines[2]
    assert line.floors[0].labels == ("2",)
    assert line.floor_roles == ("c-s",)


def test_rtcp_goes_to_the_next_port_unless_told():
    made = description(
        "m=audio 5000 RTP/AVP 0\n",
        "m=audio 5000 RTP/AVP 0\na=rtcp:6001\n",
        "m=audio 5000 RTP/AVP 0\na=rtcp:6001 IN IP4 192.0.2.8\n",
        "m=audio 65535 RTP/AVP 0\n",
    )
    assert [line.rtcp for line in read_offer(made).lines] == [
        Address("192.0.2.9", 5001), Address("192.0.2.9", 6001), Address("192.0.2.8", 6001), None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "sends", "receives"),
    [
        (b"t=0 0", b"t=0 0\r\na=sendonly", True, False),
        (b"t=0 0", b"t=0 0\r\na=inactive", False, False),
        (b"c=IN IP4 192.0.2.24", b"c=IN IP4 0.0.0.0", True, False),
        (b"c=IN IP4 192.0.2.24", b"c=IN IP6 ::", True, False),
    ],
)
def test_a_hold_is_heard_in_every_spelling(old, new, sends, receives):
    peer = read_offer(parse(offered("tandberg_mxp").replace(old, new)))
    assert all(line.on_hold is not receives and line.sends is sends for line in peer.lines)
    assert bool(peer.capability.audio_send) is sends
    assert bool(peer.capability.video_receive) is receives
    assert peer.capability.pictures == int(receives)


def test_a_refused_line_carries_nothing():
    peer = read_offer(description("m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"))
    assert peer.video is None
    assert peer.lines[0].rtp is None
    assert not peer.lines[0].sends


def test_a_unit_without_a_codec_of_ours_has_no_sound():
    made = description("m=audio 1 RTP/AVP 97\na=rtpmap:97 G7221/32000\n")
    assert read_offer(made).audio is None


def test_dtls_is_told_with_its_fingerprint_and_setup():
    made = description(
        "m=audio 1 UDP/TLS/RTP/SAVP 0\na=fingerprint:sha-256 AA\n", head="a=setup:actpass\n"
    )
    (line,) = read_offer(made).lines
    assert line.dtls
    assert line.secure
    assert (line.setup, line.fingerprints[0].value) == ("actpass", "AA")

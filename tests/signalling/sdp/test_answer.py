from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.model import Address, Codec
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp.answer import compose_answer
from sfu.signalling.sdp.h263 import OLD_PICTURES
from sfu.signalling.sdp.local import LocalMedia, Policy
from sfu.signalling.sdp.peer import read_offer
from sfu.signalling.sdp.session import SessionDescription, parse
from tests.signalling.sdp.shapes import (
    CRYPTO,
    LOCAL,
    NAMES,
    SECURE,
    description,
    offered,
    session,
)

HDX_ANSWER = """\
v=0
o=sfu 7 1 IN IP4 198.51.100.5
s=-
c=IN IP4 198.51.100.5
b=AS:1536
t=0 0
m=audio 20000 RTP/AVP 9 8 0
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=ptime:20
a=rtcp:20001
a=sendrecv
m=video 20002 RTP/AVP 109
b=AS:1400
b=TIAS:1350000
a=rtpmap:109 H264/90000
a=fmtp:109 profile-level-id=42800d;max-mbps=108000;max-fs=3600;max-br=1350
a=rtcp:20003
a=rtcp-fb:* ccm fir tmmbr
a=sendrecv
m=application 0 TCP/BFCP *
"""


def answer(offer: SessionDescription, local: LocalMedia = LOCAL, **policy):
    return compose_answer(offer, read_offer(offer), local, Policy(**policy))


def video_numbers(offer: SessionDescription, **policy) -> tuple[str, ...]:
    written, _ = answer(offer, **policy)
    return written.media[1].formats if written.media[1].port else ()


def test_a_polycom_hdx_is_answered_word_for_word():
    written, _ = answer(session("polycom_hdx"))
    assert written.text == HDX_ANSWER.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("name", "audio", "video"),
    [
        ("polycom_hdx", "9 8 0", "109"),
        ("polycom_group", "9 8 0 101", "111"),
        ("tandberg_c20", "9 8 0", "126"),
        ("tandberg_mxp", "9 8 0", "97"),
        ("sony_xg77", "9 8 0", "96"),
        ("huawei_hd9030", "9 8 0", "106"),
        ("aver_evc130", "9 8 0 101", "111"),
        ("yealink_vc400", "9 8 0", "107"),
        ("baresip_1_0_0", "9 8 0 101", "97"),
    ],
)
def test_each_unit_gets_the_codecs_it_shares_with_us(name, audio, video):
    written, agreement = answer(session(name), SECURE)
    assert " ".join(written.media[0].formats) == audio
    assert " ".join(written.media[1].formats) == video
    assert agreement.audio is not None
    assert agreement.audio.send[0] == (9, Codec.G722)


@pytest.mark.parametrize("name", NAMES)
def test_number_order_profile_and_refused_formats_are_those_of_the_offer(name):
    offer = session(name)
    written, agreement = answer(offer, SECURE)
    assert [(one.media, one.protocol) for one in written.media] == [
        (one.media, one.protocol) for one in offer.media
    ]
    taken = {line.index for line in agreement.lines}
    for at, (ours, theirs) in enumerate(zip(written.media, offer.media, strict=True)):
        assert bool(ours.port) is (at in taken)
        if at not in taken:
            assert ours.formats == theirs.formats


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_reads_back_as_what_was_agreed(name):
    written, agreement = answer(session(name), SECURE)
    back = read_offer(parse(bytes(written)))
    assert agreement.video is not None
    assert agreement.capability.h264 is not None
    limits = back.capability.h264
    assert limits is not None
    assert limits.fs == agreement.capability.h264.fs
    assert limits.br_kbps == min(1350, agreement.capability.h264.br_kbps)


@pytest.mark.parametrize(
    ("name", "pt"),
    [("polycom_group", "110"), ("tandberg_c20", "97"), ("yealink_vc400", "108")],
)
def test_a_unit_with_both_modes_is_put_into_mode_0_for_a_receiver_of_nothing_else(name, pt):
    written, agreement = answer(session(name), SECURE, single_nal_receivers=True)
    assert written.media[1].formats == (pt,)
    assert agreement.video is not None
    assert agreement.video.single_nal
    assert "packetization-mode" not in (written.media[1].value("fmtp") or "")


def test_high_profile_is_not_answered_for_somebody_may_come_who_cannot_show_it():
    only_high = description(
        "m=audio 1 RTP/AVP 9\n",
        "m=video 1 RTP/AVP 99\na=rtpmap:99 H264/90000\na=fmtp:99 profile-level-id=640028\n",
    )
    assert video_numbers(only_high) == ()


def test_vp8_is_answered_where_h264_is_missing_and_h263_only_on_request():
    offer = description(
        "m=audio 1 RTP/AVP 9\n", "m=video 1 RTP/AVP 34 96\na=rtpmap:96 VP8/90000\na=fmtp:34 CIF=1\n"
    )
    assert video_numbers(offer) == ("96",)
    assert video_numbers(offer, vp8=False) == ()
    assert video_numbers(offer, vp8=False, old_pictures=OLD_PICTURES) == ("34",)


VSX = description(
    "m=audio 1 RTP/AVP 9\n",
    "m=video 5000 RTP/AVP 96 34 31\n"
    "a=rtpmap:96 H263-1998/90000\na=fmtp:96 CIF4=1;CIF=1;QCIF=1;J;T\n"
    "a=rtpmap:34 H263/90000\na=fmtp:34 CIF4=2;CIF=1;QCIF=1;MAXBR=7680\n"
    "a=rtpmap:31 H261/90000\na=fmtp:31 CIF=1;QCIF=1\n",
)
"""What a Polycom VSX has: no H.264."""


@pytest.mark.parametrize(
    ("known", "rtpmap", "fmtp"),
    [
        (OLD_PICTURES, "34 H263/90000", "34 CIF=1;MAXBR=7680"),
        ((Codec.H263_1998,), "96 H263-1998/90000", "96 CIF=1"),
        ((Codec.H261,), "31 H261/90000", "31 CIF=1"),
    ],
)
def test_one_old_codec_is_answered_in_one_size_where_all_others_know_it(known, rtpmap, fmtp):
    written, agreement = answer(VSX, old_pictures=known)
    assert (written.media[1].value("rtpmap"), written.media[1].value("fmtp")) == (rtpmap, fmtp)
    assert written.media[1].formats == (rtpmap.split()[0],)
    assert agreement.capability.video_receive == {known[0]}
    assert agreement.capability.old_size == (352, 288, 1)
    assert agreement.capability.h264 is None


def test_an_old_codec_is_refused_where_not_all_know_it_and_never_beside_h264():
    written, agreement = answer(VSX)
    assert (written.media[1].port, written.media[1].formats) == (0, ("96", "34", "31"))
    assert agreement.capability.old_size is None
    assert video_numbers(session("tandberg_mxp"), old_pictures=OLD_PICTURES) == ("97",)


def test_h263_2000_is_spelled_as_it_came():
    offer = parse(bytes(VSX).replace(b"H263-1998", b"H263-2000"))
    written, agreement = answer(offer, old_pictures=(Codec.H263_1998,))
    assert written.media[1].value("rtpmap") == "96 H263-2000/90000"
    assert agreement.video is not None
    assert agreement.video.send == ((96, Codec.H263_1998),)


def test_maxbr_bounds_what_is_sent():
    assert answer(VSX, old_pictures=OLD_PICTURES)[1].capability.video_bps == 768_000


def test_opus_is_answered_where_wanted_or_alone_and_never_beside_another_clock():
    both = description(
        "m=audio 1 RTP/AVP 96 9 101 110\na=rtpmap:96 opus/48000/2\n"
        "a=rtpmap:101 telephone-event/8000\na=rtpmap:110 telephone-event/48000\n"
    )
    assert answer(both)[0].media[0].formats == ("9", "101")
    preferred = answer(both, audio=(Codec.OPUS, Codec.G722))
    assert preferred[0].media[0].formats == ("96", "110")
    assert preferred[1].audio is not None
    assert (preferred[1].audio.clock_hz, preferred[1].audio.telephone_event) == (48_000, 110)
    alone = description("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n")
    assert answer(alone)[0].media[0].formats == ("96",)


def test_no_common_sound_refuses_sound_and_keeps_the_picture():
    offer = parse(offered("tandberg_mxp").replace(b" 104 9 8 0", b" 104"))
    written, agreement = answer(offer)
    assert (written.media[0].port, written.media[1].port) == (0, 20002)
    assert agreement.audio is None
    assert agreement.capability.audio_send == frozenset()


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        (b"t=0 0", b"t=0 0\r\na=sendonly", "recvonly"),
        (b"t=0 0", b"t=0 0\r\na=recvonly", "sendonly"),
        (b"t=0 0", b"t=0 0\r\na=inactive", "inactive"),
        (b"c=IN IP4 192.0.2.24", b"c=IN IP4 0.0.0.0", "recvonly"),
    ],
)
def test_a_hold_is_mirrored(old, new, direction):
    written, agreement = answer(parse(offered("tandberg_mxp").replace(old, new)))
    assert all(one.has(direction) for one in written.media)
    assert agreement.audio is not None
    assert agreement.audio.may_send is (direction == "sendonly")
    assert agreement.capability.pictures == int(direction == "sendonly")


def test_keys_are_answered_on_each_accepted_line_of_a_secure_profile():
    written, agreement = answer(session("polycom_group"), SECURE)
    assert [one.value("crypto") for one in written.media] == [CRYPTO[0], CRYPTO[0], None, None]
    assert agreement.video is not None
    assert agreement.video.crypto == CRYPTO[0]
    assert agreement.video.remote_crypto.endswith("|2^31")


def test_a_secure_profile_without_keys_is_refused():
    written, agreement = answer(session("polycom_group"), LOCAL)
    assert [one.port for one in written.media] == [0, 0, 0, 0]
    assert agreement.lines == ()


def test_keys_of_a_tag_that_was_not_offered_are_not_answered():
    other = (CRYPTO[0].replace("1 ", "2 ", 1),)
    assert LOCAL.audio is not None
    local = replace(LOCAL, audio=replace(LOCAL.audio, crypto=other))
    assert answer(session("polycom_group"), local)[0].media[0].port == 0


def test_keys_under_rtp_avp_are_answered_under_rtp_avp():
    written, agreement = answer(session("baresip_1_0_0"), SECURE)
    assert written.media[0].protocol == "RTP/AVP"
    assert written.media[0].value("crypto") == CRYPTO[0]
    plain, without = answer(session("baresip_1_0_0"))
    assert not plain.media[0].has("crypto")
    assert without.audio is not None
    assert without.audio.remote_crypto == ""
    assert agreement.audio is not None
    assert agreement.audio.remote_crypto


def test_dtls_is_answered_passive_where_we_have_a_certificate():
    offer = description(
        "m=audio 9000 UDP/TLS/RTP/SAVP 9\na=fingerprint:sha-256 AA\na=setup:actpass\n"
    )
    assert answer(offer)[0].media[0].port == 0
    written, agreement = answer(offer, replace(LOCAL, fingerprint="sha-256 BB"))
    assert written.media[0].value("setup") == "passive"
    assert written.media[0].value("fingerprint") == "sha-256 BB"
    assert agreement.audio is not None
    assert agreement.audio.fingerprints[0].value == "AA"


def test_only_feedback_we_know_is_mirrored():
    offer = description(
        "m=video 1 RTP/AVPF 96\na=rtpmap:96 VP8/90000\na=rtcp-fb:96 nack\na=rtcp-fb:96 ccm tstr\n"
        "a=rtcp-fb:97 nack pli\na=rtcp-fb:* goog-remb\na=rtcp-fb:96 CCM fir\n"
    )
    written, agreement = answer(offer)
    assert list(written.media[0].values("rtcp-fb")) == ["96 nack", "96 ccm fir"]
    assert written.media[0].protocol == "RTP/AVPF"
    assert agreement.video is not None
    assert agreement.video.feedback == {Feedback.NACK, Feedback.FIR}


def test_rtcp_is_multiplexed_only_where_both_want_it():
    offer = description("m=audio 5000 RTP/AVP 9\na=rtcp-mux\n")
    _, apart = answer(offer)
    assert apart.audio is not None
    assert apart.audio.rtcp_remote == Address("192.0.2.9", 5001)
    written, shared = answer(offer, rtcp_mux=True)
    assert shared.audio is not None
    assert shared.audio.rtcp_remote == Address("192.0.2.9", 5000)
    assert written.media[0].has("rtcp-mux")


def test_our_limits_follow_the_policy():
    written, _ = answer(session("tandberg_c20"), video_as_kbps=620, session_as_kbps=700, max_fs=920)
    video = written.media[1]
    assert list(written.fields("b")) == ["AS:700", "CT:700"]
    assert list(video.fields("b")) == ["AS:620", "TIAS:600000"]
    assert (video.value("fmtp") or "").endswith("max-mbps=245000;max-fs=920;max-br=600")


def test_a_line_we_cannot_serve_is_refused():
    written, agreement = answer(session("tandberg_mxp"), replace(LOCAL, video=None))
    assert [one.port for one in written.media] == [20000, 0]
    assert agreement.video is None


def test_an_ipv6_host_is_written_as_one():
    written, _ = answer(session("tandberg_mxp"), replace(LOCAL, host="2001:db8::5"))
    assert next(written.fields("c")) == "IN IP6 2001:db8::5"


def mutated(data: bytes, edits: list[tuple[int, bytes]]) -> bytes:
    for at, piece in edits:
        where = at % (len(data) + 1)
        data = data[:where] + piece + data[where + len(piece) % 3 :]
    return data


edits = st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=4)), max_size=8)


@settings(max_examples=80)
@given(st.sampled_from(NAMES), edits)
def test_a_garbled_offer_is_answered_or_is_the_peers_error(name, some):
    try:
        offer = parse(mutated(offered(name), some))
    except PeerError:
        return
    written, _ = answer(offer, SECURE)
    assert len(parse(bytes(written)).media) == len(offer.media)

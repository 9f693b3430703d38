from dataclasses import replace

import pytest

from sfu.model import Address, Codec, Kind
from sfu.signalling.sdp.answer import compose_answer
from sfu.signalling.sdp.h263 import OLD_PICTURES
from sfu.signalling.sdp.local import LocalLine, LocalMedia, Policy
from sfu.signalling.sdp.offer import compose_offer, compose_reoffer, read_answer
from sfu.signalling.sdp.peer import read_offer
from sfu.signalling.sdp.session import parse
from tests.signalling.sdp.shapes import CRYPTO, LOCAL, NAMES, SECURE, description, session

OFFER = """\
v=0
o=sfu 7 1 IN IP4 198.51.100.5
s=-
c=IN IP4 198.51.100.5
b=AS:1536
t=0 0
m=audio 20000 RTP/AVP 9 8 0 111 101
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:111 opus/48000/2
a=fmtp:111 useinbandfec=1
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=rtcp:20001
a=sendrecv
m=video 20002 RTP/AVP 97 98 99
b=AS:1400
b=TIAS:1350000
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42801f;packetization-mode=1;max-br=1350
a=rtpmap:98 H264/90000
a=fmtp:98 profile-level-id=42801f;max-br=1350
a=rtpmap:99 VP8/90000
a=rtcp:20003
a=rtcp-fb:* nack pli
a=rtcp-fb:* ccm fir
a=rtcp-fb:* ccm tmmbr
a=sendrecv
"""

PEER = LocalMedia("192.0.2.1", 9, LocalLine(30000, 30001, CRYPTO), LocalLine(30002, 30003, CRYPTO))


def reoffered(name: str, **policy):
    offer = session(name)
    return compose_reoffer(offer, read_offer(offer), SECURE, Policy(**policy))


def test_an_offer_to_somebody_unknown_is_written_word_for_word():
    assert compose_offer(LOCAL, Policy()).text == OFFER.replace("\n", "\r\n")


def test_old_codecs_are_offered_where_all_is_said_at_once_and_everybody_knows_them():
    known = Policy(old_pictures=(Codec.H263_1998, Codec.H261), offers_old=True)
    (picture,) = compose_offer(LOCAL, known).media[1:]
    assert picture.formats == ("97", "98", "99", "31")
    assert "a=fmtp:31 CIF=1;QCIF=1" in picture.lines
    for unsaid in (Policy(offers_old=True), Policy(old_pictures=OLD_PICTURES)):
        assert compose_offer(LOCAL, unsaid) == compose_offer(LOCAL, Policy())


def test_our_own_answer_settles_our_own_offer():
    offer = compose_offer(LOCAL, Policy())
    answer, theirs = compose_answer(offer, read_offer(offer), PEER, Policy())
    ours = read_answer(offer, answer)
    assert ours.audio is not None
    assert ours.video is not None
    assert theirs.video is not None
    assert ours.audio.remote == Address("192.0.2.1", 30000)
    assert ours.audio.send == ((9, Codec.G722), (8, Codec.PCMA), (0, Codec.PCMU))
    assert ours.audio.telephone_event == 101
    assert ours.video.send == theirs.video.send == ((97, Codec.H264),)
    assert ours.video.receive == ((97, Codec.H264), (98, Codec.H264))
    assert ours.video.feedback == theirs.video.feedback
    assert ours.video.max_bps == 1_350_000


def test_keys_offered_are_settled_by_tag():
    offer = compose_offer(SECURE, Policy())
    assert [one.protocol for one in offer.media] == ["RTP/SAVP", "RTP/SAVP"]
    answer, _ = compose_answer(offer, read_offer(offer), PEER, Policy())
    ours = read_answer(offer, answer)
    assert ours.audio is not None
    assert (ours.audio.crypto, ours.audio.remote_crypto) == (CRYPTO[0], CRYPTO[0])


def test_a_secure_answer_without_our_keys_settles_nothing():
    answer = description("m=audio 30000 RTP/SAVP 9\n", "m=video 30002 RTP/SAVP 97\n")
    assert read_answer(compose_offer(SECURE, Policy()), answer).lines == ()


def test_an_answer_in_mode_0_alone_is_sent_mode_0():
    answer = description(
        "m=audio 30000 RTP/AVP 8\n",
        "m=video 30002 RTP/AVP 98\na=rtpmap:98 H264/90000\na=fmtp:98 profile-level-id=42800d\n",
    )
    settled = read_answer(compose_offer(LOCAL, Policy()), answer)
    assert settled.video is not None
    assert settled.video.single_nal
    assert settled.capability.single_nal
    assert settled.capability.can_send_single_nal
    assert settled.video.send == ((98, Codec.H264),)


def test_a_peer_may_answer_under_its_own_numbers():
    answer = description(
        "m=audio 30000 RTP/AVP 9\n",
        "m=video 30002 RTP/AVP 120\na=rtpmap:120 H264/90000\na=fmtp:120 profile-level-id=42801f\n",
    )
    settled = read_answer(compose_offer(LOCAL, Policy()), answer)
    assert settled.video is not None
    assert settled.video.send == ((120, Codec.H264),)
    assert dict(settled.video.receive) == dict.fromkeys((97, 98, 120), Codec.H264)


def test_of_an_answer_with_two_clocks_the_first_counts():
    answer = description("m=audio 30000 RTP/AVP 111 9\na=rtpmap:111 opus/48000/2\n")
    settled = read_answer(compose_offer(LOCAL, Policy()), answer)
    assert settled.audio is not None
    assert settled.audio.send == ((111, Codec.OPUS),)
    assert settled.audio.clock_hz == 48_000


@pytest.mark.parametrize(
    "answer",
    [
        description(),
        description("m=audio 0 RTP/AVP 9\n", "m=video 0 RTP/AVP 97\n"),
        description("m=video 30000 RTP/AVP 97\na=rtpmap:97 H264/90000\n"),
        description("m=audio 30000 RTP/AVP 18\n"),
    ],
)
def test_lines_refused_left_out_or_without_our_codecs_are_not_used(answer):
    settled = read_answer(compose_offer(LOCAL, Policy()), answer)
    assert settled.lines == ()
    assert settled.capability.pictures == 0


def test_a_unit_that_takes_no_sound_of_ours_is_seen_all_the_same():
    """A Huawei MC850 answers so."""
    answer = description(
        "m=audio 0 RTP/AVP 9\n",
        "m=video 30002 RTP/AVP 98\na=rtpmap:98 H264/90000\na=fmtp:98 profile-level-id=420816\n",
    )
    settled = read_answer(compose_offer(LOCAL, Policy()), answer)
    assert settled.audio is None
    assert settled.video is not None
    assert settled.video.send == ((98, Codec.H264),)
    assert settled.capability.h264 is not None
    assert settled.capability.h264.modes == {0}


def test_while_a_mode_0_receiver_watches_nothing_else_is_offered():
    offer = compose_offer(LOCAL, Policy(single_nal_receivers=True))
    assert offer.media[1].formats == ("98",)


def test_what_we_cannot_serve_is_not_offered():
    assert len(compose_offer(replace(LOCAL, video=None), Policy()).media) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_new_offer_keeps_lines_and_numbers(name):
    former, offer = session(name), reoffered(name)
    assert [one.media for one in offer.media] == [one.media for one in former.media]
    assert set(offer.media[0].formats) <= set(former.media[0].formats)
    assert offer.media[0].has("sendrecv")


@pytest.mark.parametrize(
    ("name", "both", "zero"),
    [
        ("tandberg_c20", ("126", "97"), ("97",)),
        ("polycom_group", ("111", "110"), ("110",)),
        ("polycom_hdx", ("97", "109"), ("109",)),
    ],
)
def test_a_new_offer_brings_both_modes_or_mode_0_alone(name, both, zero):
    assert reoffered(name).media[1].formats == both
    assert reoffered(name, single_nal_receivers=True).media[1].formats == zero


def test_mode_0_gets_a_number_of_its_own_where_the_peer_named_none():
    former = description(
        "m=audio 1 RTP/AVP 9\n",
        "m=video 1 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
        "a=fmtp:96 profile-level-id=42801f;packetization-mode=1\n",
    )
    offer = compose_reoffer(former, read_offer(former), LOCAL, Policy(single_nal_receivers=True))
    assert offer.media[1].formats == ("97",)
    assert read_offer(parse(bytes(offer))).capability.single_nal


def test_a_new_offer_keeps_keys_under_the_profile_they_came_with():
    offer = reoffered("baresip_1_0_0")
    assert offer.media[0].protocol == "RTP/AVP"
    assert offer.media[0].value("crypto") == CRYPTO[0]


def ways(session):
    """Return the direction of each line that is in use."""
    found = ("sendrecv", "sendonly", "recvonly", "inactive")
    return [
        next(one for one in found if f"a={one}" in media.lines)
        for media in session.media
        if media.port
    ]


@pytest.mark.parametrize("name", NAMES)
def test_where_no_picture_is_taken_only_the_pictures_line_says_so(name):
    offer = session(name)
    peer = read_offer(offer)
    kinds = [line.kind for line in peer.lines if line.index in (peer.audio, peer.video)]
    again = reoffered(name, pictures_stopped=True)
    expected = ["sendonly" if kind is Kind.VIDEO else "sendrecv" for kind in kinds]
    assert ways(again) == expected
    answer, agreement = compose_answer(offer, peer, SECURE, Policy(pictures_stopped=True))
    assert ways(answer) == expected
    if agreement.video is not None:
        assert (agreement.video.may_send, agreement.video.may_receive) == (True, False)
        assert not agreement.capability.video_send
        assert agreement.capability.video_receive


def test_who_answers_that_it_sends_all_the_same_sends_nothing_we_take():
    offer = compose_offer(LOCAL, Policy(pictures_stopped=True))
    answer, _ = compose_answer(offer, read_offer(offer), LOCAL, Policy())
    assert ways(answer) == ["sendrecv", "recvonly"]
    agreement = read_answer(offer, parse(bytes(answer).replace(b"a=recvonly", b"a=sendrecv")))
    assert agreement.video is not None
    assert agreement.video.may_receive is False
    assert agreement.video.may_send

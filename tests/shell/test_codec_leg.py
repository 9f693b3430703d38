"""A room codec's leg: descriptions in, commands and answers out, and what stays over a call."""

import re

import pytest

from sfu.errors import PeerError
from sfu.media.engine.command import OpenTransport, SetKeys, SetSink, SetSource
from sfu.media.engine.event import TelephoneEventReceived
from sfu.model import Address, CallId, Codec, Kind, Latch, MemberId, Protocol
from sfu.room.output import SendPicture
from sfu.shell.codec_leg import CodecLeg
from sfu.signalling.call import AskPicture, OfferMedia
from tests.shell.stage import HDX_HOST, codec_offer, stage

HDX, GROUP, C20 = map(codec_offer, ("polycom_hdx", "polycom_group", "tandberg_c20"))
KEY = re.compile(rb"a=crypto:(\S+ \S+ inline:\S+)")


@pytest.fixture
def house():
    with stage() as made:
        yield made


@pytest.fixture
def leg(house):
    return CodecLeg(
        MemberId("m1"), CallId(1), "Lajoux", house.around, host="198.51.100.5",
        peer_host=HDX_HOST, model="HDX", now=house.now,
    )  # fmt: skip


def held(offer: bytes) -> bytes:
    return offer.replace(b"t=0 0\r\n", b"t=0 0\r\na=sendonly\r\n")


def test_an_hdx_is_answered_and_its_streams_stand_in_the_engine(house, leg):
    answer = leg.answer(HDX)
    assert b"m=application 0 TCP/BFCP *" in answer
    audio, video = house.engine.of(SetSource)
    assert audio.payloads == ((9, Codec.G722), (8, Codec.PCMA), (0, Codec.PCMU), (13, Codec.CN))
    assert (video.payloads, video.ssrc) == (((109, Codec.H264),), None)
    sound, picture = house.engine.of(SetSink)
    assert dict(sound.payloads) == {Codec.G722: 9, Codec.PCMA: 8, Codec.PCMU: 0}
    assert leg.streams.mix.codec is Codec.G722
    assert (picture.payloads, picture.single_nal) == (((Codec.H264, 109),), True)
    paths = [house.engine.transports[one] for one in leg.transports()]
    assert [one.remote for one in paths] == [Address(HDX_HOST, 49170), Address(HDX_HOST, 49172)]
    assert {one.latch for one in paths} == {Latch.SAME_HOST}


def test_a_unit_behind_a_router_is_found_by_its_first_packet(house):
    leg = CodecLeg(
        MemberId("m1"), CallId(1), "Lajoux", house.around, host="198.51.100.5",
        peer_host="203.0.113.9", model="HDX", now=house.now,
    )  # fmt: skip
    leg.answer(HDX)
    paths = [house.engine.transports[one] for one in leg.transports()]
    assert {one.latch for one in paths} == {Latch.FIRST_VALID}


def test_the_same_offer_again_is_answered_the_same_and_touches_nothing(house, leg):
    first = leg.answer(HDX)
    house.engine.commands.clear()
    assert leg.answer(HDX) == first
    assert house.engine.commands == []


def test_a_change_keeps_ports_ssrcs_and_paths(house, leg):
    first = leg.answer(HDX)
    sinks = {one.sink: one.ssrc for one in house.engine.of(SetSink)}
    house.engine.commands.clear()
    second = leg.answer(HDX.replace(b"RTP/AVP 115 102 9 15 0 8 18", b"RTP/AVP 0 8"))
    assert _ports(second) == _ports(first)
    assert {one.sink: one.ssrc for one in house.engine.of(SetSink)} == sinks
    assert house.engine.of(OpenTransport) == []  # a latch lasts


def test_hold_takes_the_places_away_and_resume_gives_the_same_back(house, leg):
    leg.answer(HDX)
    place, pictures = leg.streams.mix, leg.streams.pictures
    leg.answer(held(HDX))
    assert (leg.streams.mix, leg.streams.pictures) == (None, [])
    assert leg.holding
    assert (leg.wants_sound(), leg.wants_picture()) == (False, False)
    leg.answer(HDX)
    assert (leg.streams.mix, leg.streams.pictures) == (place, pictures)
    assert not leg.holding


def test_hold_by_the_null_address_forgets_no_address(house, leg):
    leg.answer(HDX)
    house.engine.commands.clear()
    leg.answer(HDX.replace(b"c=IN IP4 192.0.2.21", b"c=IN IP4 0.0.0.0"))
    leg.answer(HDX)
    assert house.engine.of(OpenTransport) == []


def test_a_unit_that_moves_is_followed(house, leg):
    leg.answer(HDX)
    house.engine.commands.clear()
    leg.answer(HDX.replace(b"m=video 49172", b"m=video 50172"))
    assert [one.remote for one in house.engine.of(OpenTransport)] == [Address(HDX_HOST, 50172)]


def test_keys_are_answered_and_kept_over_a_change(house, leg):
    first = leg.answer(GROUP)
    assert len(KEY.findall(first)) == 2
    sent = [one for one in house.engine.of(SetKeys) if one.sending]
    assert sent[0].keys.key != sent[1].keys.key
    assert all(house.engine.transports[one].secure for one in leg.transports())
    second = leg.answer(held(GROUP))
    assert KEY.findall(second) == KEY.findall(first)
    again = [one for one in house.engine.of(SetKeys) if one.sending]
    assert again[2:] == again[:2]


def test_the_peers_key_is_the_one_it_offered(house, leg):
    leg.answer(GROUP)
    theirs = [one.keys for one in house.engine.of(SetKeys) if not one.sending]
    assert {one.key for one in theirs} == {bytes(range(16))}


def test_a_call_that_becomes_secure_at_the_same_address_is_protected(house, leg):
    plain = re.sub(rb"a=crypto:[^\r]*\r\n", b"", GROUP).replace(b"RTP/SAVP", b"RTP/AVP")
    leg.answer(plain)
    assert not any(one.secure for one in house.engine.transports.values())
    leg.answer(GROUP)
    paths = [house.engine.transports[one] for one in leg.transports()]
    assert all(one.secure for one in paths)


def test_a_second_line_of_sound_is_refused(leg):
    twice = HDX + b"m=audio 49180 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\n"
    assert re.findall(rb"m=audio (\d+)", leg.answer(twice))[1] == b"0"


def test_an_offer_of_nothing_is_refused_and_changes_nothing(house, leg):
    leg.answer(HDX)
    before = leg.capability
    nothing = HDX.replace(b"m=audio 49170", b"m=audio 0").replace(b"m=video 49172", b"m=video 0")
    for body in (nothing, b""):
        with pytest.raises(PeerError):
            leg.answer(body)
    assert leg.capability == before


def test_a_picture_given_up_and_taken_up_again_is_the_same_stream(house, leg):
    leg.answer(HDX)
    source = leg.streams.picture
    leg.answer(HDX.replace(b"m=video 49172", b"m=video 0"))
    assert (leg.streams.picture, leg.streams.pictures) == (None, [])
    leg.answer(HDX)
    assert leg.streams.picture == source


@pytest.mark.parametrize(("asked", "given"), [(b"40", 40), (b"25", 20), (b"1000", 20), (b"5", 20)])
def test_the_packet_time_is_one_the_mixer_can_do(leg, asked, given):
    leg.answer(HDX.replace(b"annexb=no\r\n", b"annexb=no\r\na=ptime:" + asked + b"\r\n"))
    assert leg.streams.mix.ptime_ms == given


def test_our_own_offer_is_put_into_effect_by_its_answer(house, leg):
    offer = leg.offer(secure=True)
    assert len(KEY.findall(offer)) == 2
    assert house.engine.of(SetSink) == []
    leg.take_answer(offer.replace(b"o=sfu", b"o=far"))
    assert leg.capability.pictures == 1
    assert len(house.engine.of(SetKeys)) == 4


@pytest.mark.parametrize("body", [b"rubbish", b"v=0\r\n", HDX.replace(b" 491", b" 0 491")])
def test_an_answer_that_takes_nothing_is_the_peers_fault(leg, body):
    leg.offer()
    with pytest.raises(PeerError):
        leg.take_answer(body)


def test_an_answer_to_no_offer_is_the_peers_fault(leg):
    with pytest.raises(PeerError, match="no offer"):
        leg.take_answer(HDX)


def order(*, single_nal: bool, wanted: bool = True) -> SendPicture:
    return SendPicture(
        MemberId("m1"), Codec.H264, single_nal=single_nal, wanted=wanted, max_fs=3600,
        max_bps=1_000_000,
    )  # fmt: skip


def test_a_unit_that_knows_both_modes_is_moved_once_and_moved_back(house, leg):
    leg.answer(C20)
    leg.send_picture(order(single_nal=True))
    leg.send_picture(order(single_nal=True))
    (moved,) = house.of(OfferMedia)
    assert b"packetization-mode=1" not in moved.description
    leg.take_answer(moved.description.replace(b"o=sfu", b"o=far"))
    leg.send_picture(order(single_nal=False))
    assert b"packetization-mode=1" in house.of(OfferMedia)[1].description


def test_a_unit_nobody_watches_or_that_knows_one_mode_is_left_alone(house, leg):
    leg.answer(C20)
    leg.send_picture(order(single_nal=True, wanted=False))
    other = CodecLeg(
        MemberId("m2"), CallId(2), "Morez", house.around, host="198.51.100.5",
        peer_host=HDX_HOST, model="HDX", now=house.now,
    )  # fmt: skip
    other.answer(HDX)
    other.send_picture(order(single_nal=True))
    assert house.of(OfferMedia) == []


def test_a_key_is_counted_once_however_often_it_is_said(leg):
    leg.answer(GROUP)
    pressed: list[str] = []
    leg.media.on_digit = pressed.append
    for event, at in ((5, 100), (5, 100), (5, 900), (11, 1700), (200, 2500)):
        leg.media._heard(TelephoneEventReceived(leg.streams.sound, event, False, 160, at))
    assert pressed == ["5", "5", "#"]


@pytest.mark.parametrize(
    ("name", "by_rtcp", "by_signalling"),
    [("polycom_hdx", True, 0), ("polycom_group", True, 0), ("sony_xg77", False, 1)],
)
def test_a_key_frame_is_asked_for_as_the_unit_knows(house, leg, name, by_rtcp, by_signalling):
    leg.answer(codec_offer(name))
    house.flow(leg.streams.picture, Codec.H264)
    house.patchbay.tick(house.now)
    house.engine.commands.clear()
    house.patchbay.keyframes.started(leg.streams.picture, house.now)
    assert bool(house.engine.commands) == by_rtcp
    assert len(house.of(AskPicture)) == by_signalling


def test_the_end_gives_everything_back_once(house, leg):
    before = len(house.engine.sockets)
    leg.answer(HDX)
    leg.close()
    leg.close()
    assert len(house.engine.sockets) == before
    assert [one for one in house.engine.sinks.values() if one.kind is Kind.VIDEO] == []


def test_a_room_codec_says_what_it_is(leg):
    assert (leg.protocol, leg.model, leg.capability.pictures) == (Protocol.SIP, "HDX", 0)


def _ports(body: bytes) -> list[bytes]:
    return re.findall(rb"m=\w+ (\d+)", body)

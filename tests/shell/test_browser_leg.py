"""A browser's leg: what its page is told, and what its offers become in the engine."""

import itertools
import re

import pytest

from sfu.errors import PeerError
from sfu.media.engine.command import CloseSink, SetSink, SetSource
from sfu.media.engine.event import SourceAppeared
from sfu.model import Address, Codec, Kind, MemberId, Protocol, Ssrc
from sfu.room.output import NoticeCode, Notify, SendPicture
from sfu.shell.browser_leg import BrowserLeg
from sfu.shell.leg import Hearing, Row
from sfu.signalling.webrtc.message import Answer, Layout, Members, Notice, Send, Slots
from tests.shell.stage import page_offer, stage

ANNE, BRUNO = MemberId("m1"), MemberId("m2")


@pytest.fixture
def house():
    with stage() as made:
        yield made


@pytest.fixture
def heard():
    return []


@pytest.fixture
def leg(house, heard):
    made = BrowserLeg(ANNE, "Anne", house.page_around, heard.append, "Chromium")
    made.begin(house.now)
    return made


def last(heard, kind):
    return next((one for one in reversed(heard) if isinstance(one, kind)), None)


def rows(count: int) -> tuple[Row, ...]:
    return tuple(
        Row(MemberId(f"m{n}"), f"N{n}", Protocol.WEBRTC, True, n % 2 == 0, True)
        for n in range(1, count + 1)
    )


@pytest.mark.parametrize(
    ("remote", "first"), [("192.0.2.7", "192.0.2.1"), ("2001:db8::7", "2001:db8::1")]
)
def test_the_family_the_page_came_by_is_offered_first(house, heard, remote, first):
    house.page_around.door.candidates = (
        Address("192.0.2.1", 10000), Address("2001:db8::1", 10000),
    )  # fmt: skip
    made = BrowserLeg(ANNE, "Anne", house.page_around, heard.append, "Chromium", remote)
    assert made._in_order(house.page_around.door.candidates)[0].host == first


@pytest.mark.parametrize(
    ("theirs", "ours"), [("actpass", "active"), ("passive", "active"), ("active", "passive")]
)
def test_we_begin_dtls_where_we_may_and_keep_our_part(leg, heard, theirs, ours):
    offer = page_offer().replace("a=setup:actpass", f"a=setup:{theirs}")
    for sdp in (offer, page_offer()):
        leg.answer(sdp, restart=False)
        assert set(re.findall(r"a=setup:(\w+)", last(heard, Answer).sdp)) == {ours}


def renamed(sdp: str, old: str, new: str) -> str:
    """Give an m-line another mid."""
    sdp = sdp.replace(f"a=mid:{old}\n", f"a=mid:{new}\n").replace(
        f"a=mid:{old}\r\n", f"a=mid:{new}\r\n"
    )
    group = re.search(r"a=group:BUNDLE (.*)", sdp)
    assert group is not None
    mids = " ".join(new if one == old else one for one in group[1].split())
    return sdp.replace(group[0].rstrip("\r"), f"a=group:BUNDLE {mids}")


def order(codec: Codec = Codec.H264, **more) -> SendPicture:
    fields = {"single_nal": False, "max_bps": 0, "max_fs": 0, "wanted": True} | more
    return SendPicture(ANNE, codec, **fields)


# ---- told to the page


def test_the_layout_grows_with_the_room_and_never_shrinks(leg, heard):
    assert last(heard, Layout).pictures == 3
    leg.members_changed(rows(6))
    assert last(heard, Layout).pictures == 6
    leg.members_changed(rows(2))
    assert len([one for one in heard if isinstance(one, Layout)]) == 2


def test_more_places_than_a_page_can_have_are_not_asked_for(leg, heard):
    leg.members_changed(rows(80))
    assert last(heard, Layout).pictures == 49


def test_members_are_told_with_what_they_send(leg, heard):
    leg.members_changed((*rows(2), Row(MemberId("m9"), "Morez", Protocol.SIP, False, False, True)))
    assert [one.picture for one in last(heard, Members).members] == ["off", "ok", "none"]


def test_slots_are_told_by_the_mids_of_the_offer_and_only_when_they_change(leg, heard):
    leg.show([BRUNO])
    assert last(heard, Slots) is None  # no mids are known yet
    leg.answer(page_offer(), restart=False)
    leg.show([None, BRUNO])
    leg.hear(Hearing((BRUNO, None, None), (None, None, None), True))
    slots = last(heard, Slots)
    assert slots.pictures == {"9": None, "10": "m2"}
    assert slots.sounds["2"] == "m2"
    assert slots.mix
    told = len(heard)
    leg.show([None, BRUNO])
    leg.hear(Hearing((BRUNO, None, None), (None, None, None), True))
    assert len(heard) == told


@pytest.mark.parametrize(
    ("asked", "bps", "height"),
    [
        ({}, 1_350_000, 720),
        ({"max_bps": 400_000, "max_fs": 920}, 400_000, 360),
        ({"max_bps": 9_000_000, "max_fs": 8160}, 1_350_000, 720),
        ({"max_fs": 396}, 1_350_000, 288),
    ],
)
def test_what_to_send_obeys_the_viewers_and_the_settings(leg, heard, asked, bps, height):
    leg.send_picture(order(**asked))
    camera = last(heard, Send).camera
    assert (camera.codec, camera.mode) == ("H264", 1)
    assert (camera.max_bps, camera.max_height) == (bps, height)


def test_a_mode_a_codec_and_a_rest_are_told(leg, heard):
    leg.send_picture(order(single_nal=True))
    assert last(heard, Send).camera.mode == 0
    leg.send_picture(order(Codec.VP8, wanted=False))
    camera = last(heard, Send).camera
    assert (camera.codec, camera.active) == ("VP8", False)
    leg.send_picture(order(Codec.H263))
    assert last(heard, Send).camera.codec == "VP8"


def test_notices_go_with_whom_they_are_about(leg, heard):
    for about in (BRUNO, MemberId("m7")):
        leg.notify(Notify(ANNE, NoticeCode.NO_COMMON_PICTURE_CODEC, about, active=True))
    leg.members_changed(rows(3))
    again: list[object] = []
    leg.come_back(again.append)
    assert [one.about for one in again if isinstance(one, Notice)] == ["m2"]
    leg.notify(Notify(ANNE, NoticeCode.NO_COMMON_PICTURE_CODEC, BRUNO, active=False))
    assert not last(again, Notice).active
    leg.come_back(heard.append)
    assert len([one for one in heard if isinstance(one, Notice)]) == 2  # the first two, no more


@pytest.mark.parametrize("code", NoticeCode)
def test_there_are_words_for_each_notice(leg, heard, code):
    leg.notify(Notify(ANNE, code, BRUNO, active=True))
    assert last(heard, Notice).text


# ---- offers


def test_an_offer_becomes_two_sources_and_a_sink_for_each_place(house, leg):
    leg.answer(page_offer(), restart=False)
    assert len(house.engine.sources) == 2
    kinds = [one.kind for one in house.engine.of(SetSink)]
    assert (kinds.count(Kind.AUDIO), kinds.count(Kind.VIDEO)) == (7, 2)
    assert {len(leg.streams.wide), len(leg.streams.narrow)} == {3}
    assert leg.streams.header_levels
    assert leg.streams.mix.codec is Codec.OPUS
    assert house.engine.transports[leg._path.transport].secure


def test_an_offer_again_keeps_every_stream(house, leg):
    leg.answer(page_offer(), restart=False)
    sinks, sources = dict(house.engine.sinks), dict(house.engine.sources)
    leg.answer(page_offer(), restart=False)
    assert (house.engine.sinks, house.engine.sources) == (sinks, sources)


def test_new_credentials_restart_ice_and_nothing_else(house, leg):
    leg.answer(page_offer(), restart=False)
    before, transports = leg._path.ufrag, set(house.engine.transports)
    leg.answer(page_offer().replace("a=ice-ufrag:tLQ0", "a=ice-ufrag:tLQ1"), restart=False)
    assert leg._path.ufrag != before
    assert set(house.engine.transports) == transports


def test_m_lines_that_are_gone_give_their_sinks_back(house, leg):
    sdp = page_offer()
    leg.answer(sdp, restart=False)
    open_sinks, names = len(house.engine.sinks), ["9", *(f"x{n}" for n in range(20))]
    for old, new in itertools.pairwise(names):
        sdp = renamed(sdp, old, new)
        leg.answer(sdp, restart=False)
    assert len(house.engine.sinks) == open_sinks
    assert len(house.engine.of(CloseSink)) == 20


def test_a_place_that_rests_carries_nobody_and_does_not_count(house, leg, heard):
    sdp = page_offer()
    leg.answer(sdp, restart=False)
    resting = leg.streams.pictures[0]
    head, tail = sdp.split("a=mid:9", 1)
    leg.answer(head + "a=mid:9" + tail.replace("a=recvonly", "a=inactive", 1), restart=False)
    assert resting not in leg.streams.pictures
    assert len(leg.streams.pictures) == leg.capability.pictures == 1
    leg.show([BRUNO])
    assert last(heard, Slots).pictures == {"10": "m2"}


@pytest.mark.parametrize("sdp", ["", "rubbish", "v=0\r\nm=audio 9 RTP/AVP 0\r\n"])
def test_an_offer_we_cannot_take_is_the_pages_fault_and_changes_nothing(house, leg, sdp):
    leg.answer(page_offer(), restart=False)
    before = list(house.engine.commands)
    with pytest.raises(PeerError):
        leg.answer(sdp, restart=False)
    assert house.engine.commands == before


def test_another_certificate_in_mid_call_is_refused(leg):
    leg.answer(page_offer(), restart=False)
    with pytest.raises(PeerError, match="join anew"):
        leg.answer(page_offer().replace("69:58:4C", "70:58:4C"), restart=False)


def test_a_stream_without_a_name_is_known_by_its_mid(house, leg):
    sdp = re.sub(r"a=ssrc[^\r\n]*\r?\n", "", page_offer())
    leg.answer(sdp, restart=False)
    assert leg.streams.picture is None
    transport = leg._path.transport
    camera = next(one for one in leg._engine.agreement.streams if one.mid == "1")
    number = camera.payloads[0][0]
    for ssrc, payload, mid in ((11, number, "0"), (12, 1, "1"), (13, 111, "0"), (14, number, "")):
        house.engine.tell(SourceAppeared(transport, Ssrc(ssrc), payload, mid, "", ""))
    sources = {one.kind: one.ssrc for one in house.engine.of(SetSource)}
    assert sources == {Kind.AUDIO: 13, Kind.VIDEO: 14}
    assert leg.streams.picture is not None
    house.engine.tell(SourceAppeared(transport, Ssrc(15), number, "1", "", "hi"))
    assert sources == {one.kind: one.ssrc for one in house.engine.of(SetSource)}


def test_the_end_gives_the_path_back_once(house, leg):
    transports = set(house.engine.transports)
    leg.answer(page_offer(), restart=False)
    leg.close()
    leg.close()
    assert set(house.engine.transports) == transports
    assert house.engine.sinks == {}

"""A page's layers in the engine: how they show themselves, and which of them is shown."""

import pytest

from sfu.media.allocation.output import Cap
from sfu.media.engine.command import SetSource, TransmitRtcp
from sfu.media.engine.event import SourceAppeared
from sfu.media.keyframe import Ask
from sfu.media.rtp.rtcp import Pli, parse
from sfu.model import Codec, Kind, MemberId, Ssrc
from sfu.room.output import SendPicture
from sfu.shell.browser_camera import DUE_S
from sfu.shell.browser_leg import BrowserLeg
from sfu.shell.leg import Given, PictureLayer
from sfu.signalling.webrtc.message import LayerState, Pictures, Send
from tests.shell.stage import page_offer, stage

ANNE = MemberId("m1")
LOW, HIGH = Ssrc(501), Ssrc(503)


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
    made.answer(page_offer("chromium_layers"), restart=False)
    return made


def show(house, leg, ssrc: int, rid: str = "", repaired: str = "", mid: str = "1") -> None:
    """Have a stream of the camera show itself, as its first packets name it."""
    camera = next(one for one in leg._engine.agreement.streams if one.rids)
    number = camera.rtx_payloads[0][0] if repaired else camera.payloads[0][0]
    house.engine.tell(SourceAppeared(leg._path.transport, Ssrc(ssrc), number, mid, rid, repaired))


def sources(house):
    return {one.source: one for one in house.engine.of(SetSource) if one.kind is Kind.VIDEO}


def test_each_layer_has_a_source_before_it_is_sent(house, leg):
    assert [one.rid for one in leg.streams.layers] == ["l", "h"]
    assert [one.source for one in leg.streams.layers] == list(sources(house))
    assert leg.streams.picture == leg.streams.layers[-1].source


def test_a_layer_and_its_repairs_show_themselves_by_their_rids(house, leg):
    low, high = (one.source for one in leg.streams.layers)
    show(house, leg, HIGH, "h")
    show(house, leg, 504, repaired="h")
    show(house, leg, LOW, "l")
    at = sources(house)
    assert (at[high].ssrc, at[high].rtx_ssrc) == (HIGH, 504)
    assert (at[low].ssrc, at[low].rtx_ssrc) == (LOW, None)
    assert [one.source for one in leg.streams.layers] == list(at)


def test_the_house_is_hurried_once_for_an_answer_and_once_for_each_layer_that_comes(house, heard):
    hurried = []
    house.patchbay.on_hurry = lambda: hurried.append(1)
    leg = BrowserLeg(ANNE, "Anne", house.page_around, heard.append, "Chromium")
    leg.answer(page_offer("chromium_layers"), restart=False)
    leg.answer(page_offer("chromium_layers"), restart=False)
    assert hurried == [1]
    hurried.clear()
    show(house, leg, 504, repaired="h")
    assert hurried == []
    for ssrc in (HIGH, 505, 506):
        show(house, leg, ssrc, "h")
    show(house, leg, LOW, "l")
    assert len(hurried) == 2


def test_what_is_no_layer_of_ours_is_left_alone(house, leg):
    before = list(house.engine.commands)
    show(house, leg, 600, "x")
    show(house, leg, 601)
    show(house, leg, 602, repaired="x")
    show(house, leg, 603, "l", mid="0")
    assert house.engine.commands == before


def test_a_key_frame_is_asked_of_the_layer_that_is_watched(house, leg):
    low, high = (one.source for one in leg.streams.layers)
    show(house, leg, LOW, "l")
    house.engine.commands.clear()
    leg._engine._ask_picture(low, Ask())
    leg._engine._ask_picture(high, Ask())  # it never showed itself: nobody to ask
    (said,) = house.engine.of(TransmitRtcp)
    (pli,) = (one for one in parse(said.payload) if isinstance(one, Pli))
    assert pli.media == LOW


def test_the_highest_layer_that_arrives_is_the_picture(house, leg):
    low, high = (one.source for one in leg.streams.layers)
    for ssrc, rid, source in ((LOW, "l", low), (HIGH, "h", high)):
        show(house, leg, ssrc, rid)
        house.flow(source, Codec.VP8)
    leg.tick(house.engine.snapshot(), house.now)
    assert leg.streams.picture == high
    del house.engine.flowing[high]
    leg.tick(house.engine.snapshot(), house.now)
    assert leg.streams.picture == low
    house.flow(high, Codec.VP8)
    leg.set_caps([Cap("l", 150_000, True), Cap("h", 0, False)])
    leg.tick(house.engine.snapshot(), house.now)
    assert leg.streams.picture == low  # switched off: what still comes of it is the last of it


def due(house, leg, seconds: float = 0.0) -> Codec | None:
    house.tick(seconds)
    leg.tick(house.engine.snapshot(), house.now)
    codec: Codec | None = leg.picture_due(house.now)
    return codec


def test_a_picture_is_due_for_a_while_since_it_may_be_sent(house, leg):
    assert due(house, leg) is None  # the room has not said how
    leg.send_picture(SendPicture(ANNE, Codec.VP8, False, 0, 0, False))
    assert due(house, leg, 60) is None  # nobody watches
    leg.send_picture(SendPicture(ANNE, Codec.VP8, False, 0, 0, True))
    leg.set_caps([Cap("l", 0, False), Cap("h", 0, False)])
    assert due(house, leg, 60) is Codec.VP8  # nobody's line bears it yet
    leg.set_caps([Cap("l", 0, False), Cap("h", 700_000, True)])
    assert due(house, leg) is due(house, leg, DUE_S / 2) is Codec.VP8
    leg.set_state(microphone=True, camera=False)
    assert due(house, leg) is None
    leg.set_state(microphone=True, camera=True)
    assert due(house, leg, DUE_S) is None  # its camera gives nothing


def test_the_layers_are_told_at_once_where_the_room_had_spoken_before_the_offer(house, heard):
    leg = BrowserLeg(ANNE, "Anne", house.page_around, heard.append, "Chromium")
    leg.send_picture(SendPicture(ANNE, Codec.VP8, False, 0, 0, True))
    leg.answer(page_offer("chromium_layers"), restart=False)
    said = [one.camera for one in heard if isinstance(one, Send)]
    assert [[layer.rid for layer in one.layers] for one in said] == [[], ["l", "h"]]


def test_the_page_says_how_large_its_layers_are(leg):
    said = LayerState(rid="l", height=360, fps=30, temporals=3)
    leg.set_state(microphone=True, camera=True, layers=[said])
    (low,) = leg.streams.layers
    assert low == PictureLayer(low.source, "l", 360, 30, 3)


def test_layers_the_camera_is_too_small_for_are_neither_shown_nor_asked_for(leg, heard):
    leg.send_picture(SendPicture(ANNE, Codec.VP8, False, 0, 0, True))
    leg.set_state(microphone=True, camera=True, layers=[LayerState(rid="l", height=180)])
    (low,) = leg.streams.layers
    assert leg.streams.picture == low.source
    said = [one.camera.layers for one in heard if isinstance(one, Send)]
    assert [[one.rid for one in layers] for layers in said] == [["l", "h"], ["l"]]
    leg.set_state(microphone=True, camera=False)
    assert [one.rid for one in leg.streams.layers] == ["l", "h"]


def test_one_stream_is_one_layer_of_no_name(house, heard):
    leg = BrowserLeg(ANNE, "Anne", house.page_around, heard.append, "Firefox")
    assert leg.streams.layers == []
    leg.answer(page_offer(), restart=False)
    leg.set_state(microphone=True, camera=True, layers=[LayerState(rid="", height=720)])
    (only,) = leg.streams.layers
    assert only == PictureLayer(only.source, "", 720, 25)
    assert only.source == leg.streams.picture


def test_how_a_picture_fares_is_told_by_its_mid_and_only_when_it_changes(leg, heard):
    place = leg.streams.pictures[0]
    small = Given("small", 640_000, 410_000, "line_down")
    for given in ({place: small}, {place: small}, {}):
        leg.tell_given(given)
    said = [one.pictures for one in heard if isinstance(one, Pictures)]
    assert [list(one) for one in said] == [[leg._engine.mid_of(place)], []]
    (state,) = said[0].values()
    assert (state.rung, state.required_bps, state.why) == ("small", 640_000, "line_down")


def test_a_page_that_comes_back_hears_how_its_pictures_fare(leg):
    leg.tell_given({leg.streams.pictures[0]: Given("still", 1, 0, "line_up")})
    again: list[object] = []
    leg.come_back(again.append)
    assert [len(one.pictures) for one in again if isinstance(one, Pictures)] == [1]

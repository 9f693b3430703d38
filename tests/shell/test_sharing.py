"""Lines, driven: paths stand behind theirs, speech is reserved, orders reach whom they are for."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from sfu.config import Account, Endpoint, Line, Room, Settings
from sfu.media.allocation.event import Demand, Hearing, LineState, Picture
from sfu.media.allocation.output import (
    Cap,
    Give,
    Pace,
    Reason,
    SetCaps,
    SoundStep,
    StopPicture,
    Wants,
)
from sfu.media.allocation.rung import Rung, Steer, Why
from sfu.media.engine.command import CloseLine, OpenTransport, SetLine, SetSink
from sfu.media.engine.event import TransportLatched
from sfu.media.engine.pacer import PictureClass
from sfu.media.showing import VideoState
from sfu.model import Address, CallId, Framing, LineId, Protocol, RoomId
from sfu.shell import needs
from sfu.shell.browser_camera import DUE_S
from sfu.shell.codec_leg import CodecLeg
from sfu.signalling.call import CallOffered, MediaAnswered, MediaOffered, MediaRefused, OfferMedia
from sfu.signalling.webrtc import message as m
from tests.shell.stage import HDX_HOST, Stage, codec_offer, page_offer, stage

REASON = Reason(700_000, 500_000, Why.LINE_DOWN)
TOWN = Line(
    site="town", up_bps=1_000_000, down_bps=2_000_000, networks=(ip_network("192.0.2.0/24"),)
)
HALL = Line(
    site="hall", up_bps=2_000_000, down_bps=2_000_000, framing=Framing.EFM, overhead_bytes=30,
    networks=(ip_network("198.51.100.0/24"),), accounts=("hall",),
)  # fmt: skip
SETTINGS = Settings(line=(TOWN, HALL), account=(Account(user="hall", password="x"),))


@pytest.fixture
def house():
    with stage(SETTINGS) as made:
        yield made


def inside(house: Stage, *calls: int) -> None:
    for call in calls:
        house.ring(call)
        house.send(call)
    house.tick(0.1)


class Page:
    def __init__(
        self, house: Stage, remote: str = "203.0.113.5", offer: str = "chromium_reoffer"
    ) -> None:
        self.said: list[m.ServerMessage] = []
        self.session = house.browsers.open(self.said.append, remote, "Chromium")
        self.session.receive(m.Join(room="4201", name="Anne"))
        self.session.receive(m.Offer(sdp=page_offer(offer)))
        assert self.session.leg is not None
        self.leg = self.session.leg
        for path in house.patchbay._paths.values():  # as after the handshake
            path.locked = False


def told(house: Stage, kind: type) -> list[Any]:
    return [event for (one, _), event in house.house.sharing._told.items() if one is kind]


def line(house: Stage, site: str) -> LineId:
    return next(one.line for one in house.house.lines if one.site == site)


def paths(house: Stage) -> set[LineId]:
    return {one.line for one in house.engine.transports.values() if one.line is not None}


def obey(house: Stage, *orders) -> None:
    """Have orders carried out after what the allocator itself had to say."""
    house.tick()
    house.house.sharing.allocator._outputs.extend(orders)
    house.tick()


# ---- which line


def test_each_line_is_stated_once_below_its_rate_and_as_it_wraps_packets(house):
    stated = house.engine.of(SetLine)
    assert [(one.rate_bps, one.framing, one.overhead_bytes) for one in stated] == [
        (1_900_000, Framing.ATM, 40),
        (1_900_000, Framing.EFM, 30),
    ]
    house.tick(1)
    assert house.engine.of(SetLine) == stated


def test_all_paths_of_a_codec_name_the_line_of_its_address(house):
    inside(house, 1)
    leg = house.leg(1)
    assert leg.line is not None
    assert leg.line.site == "town"
    assert [house.engine.transports[one].line for one in leg.transports()] == [leg.line.line] * len(
        leg.transports()
    )


def test_an_account_tells_its_line_wherever_it_calls_from(house):
    event = CallOffered(
        CallId(1), Protocol.SIP, "4201", "hall@example", "Hall", "HDX",
        Address("203.0.113.1", 5060), "hall", codec_offer("polycom_hdx"),
    )  # fmt: skip
    house.calls.handle(event)
    assert {house.engine.transports[one].line for one in house.engine.transports} - {None} == {
        line(house, "hall")
    }


def test_a_codec_without_a_line_is_not_reckoned_with(house):
    house.ring(1, host="203.0.113.9", offer=_at("203.0.113.9"))
    assert house.leg(1).line is None
    assert paths(house) == set()


def test_media_that_comes_from_elsewhere_moves_the_call_to_the_line_there(house):
    house.ring(1, host="203.0.113.9", offer=_at("10.0.0.5"))
    leg = house.leg(1)
    assert leg.line is None
    before = {one: house.engine.transports[one] for one in leg.transports()}
    house.engine.tell(
        TransportLatched(leg.transports()[0], Address("198.51.100.7", 4000), rtcp=False)
    )
    assert leg.line is not None
    assert leg.line.site == "hall"
    for path, stated in before.items():
        assert house.engine.transports[path] == replace(stated, line=leg.line.line)


def test_a_browser_is_a_line_of_its_own_until_its_address_is_known_to_be_behind_one(house):
    page = Page(house)
    own = page.leg.line
    assert own is not None
    assert (own.known, own.send_bps) == (False, None)
    assert house.engine.of(SetLine)[-1].rate_bps == 0
    page.session.receive(m.Leave())
    assert house.engine.of(CloseLine) == [CloseLine(own.line)]
    commands = [type(one).__name__ for one in house.engine.commands]
    assert commands.index("CloseTransport") < commands.index("CloseLine")


def test_a_browser_behind_a_line_has_none_of_its_own(house):
    page = Page(house, "192.0.2.7")
    assert page.leg.line is not None
    assert page.leg.line.site == "town"
    assert {one.line for one in house.engine.of(OpenTransport)} >= {line(house, "town")}


# ---- what is wanted


def test_speech_of_a_line_is_told_with_its_packets_on_the_wire(house):
    inside(house, 1, 2)
    state = next(one for one in told(house, LineState) if one.line == line(house, "town"))
    assert len(state.sounds_down) == len(state.sounds_up) == 2
    assert state.sounds_down[0].ip_bytes == 200
    assert (state.down.bps, state.up.bps, state.browsers_down) == (2_000_000, 1_000_000, 0)


def test_who_is_shown_where_is_told_and_taken_back(house):
    inside(house, 1, 2)
    one, two = house.leg(1), house.leg(2)
    wants = {demand.viewer: demand for demand in told(house, Demand)}
    assert wants[one.member].member == two.member
    assert wants[one.member].picture_class is PictureClass.MAIN
    assert wants[one.member].headers_bytes == 40
    pictures = {picture.member: picture for picture in told(house, Picture)}
    assert pictures[one.member].steerable is Steer.RATE
    assert pictures[one.member].line == line(house, "town")
    house.engine.flowing.pop(two.streams.picture)
    house.tick(3)
    assert one.member not in {demand.viewer for demand in told(house, Demand)}


def test_a_rooms_priority_floor_and_ceiling_are_told():
    room = Room(number="4201", priority=8, picture_floor_bps=200_000, picture_max_bps=400_000)
    with stage(replace(SETTINGS, room=(room,))) as house:
        inside(house, 1, 2)
        demand = told(house, Demand)[0]
        assert (demand.priority, demand.floor_bps, demand.max_bps) == (8, 200_000, 400_000)


def of(house: Stage, call: int) -> tuple[int, int, int]:
    """Return priority, floor and most of what a codec's first place wants."""
    member = house.leg(call).member
    demand = next(one for one in told(house, Demand) if one.viewer == member)
    return demand.priority, demand.floor_bps, demand.max_bps


def test_a_units_word_and_an_accounts_go_before_their_rooms():
    room = Room(number="4201", priority=8, picture_floor_bps=200_000, picture_max_bps=400_000)
    unit = Endpoint(number="1", uri=f"sip:room1@{HDX_HOST}", picture_max_bps=300_000)
    twin = Endpoint(number="2", uri=f"sip:room2@{HDX_HOST}", priority=2)
    hall = Account(user="hall", password="x", priority=9, picture_floor_bps=0)
    settings = replace(SETTINGS, room=(room,), endpoint=(unit, twin), account=(hall,))
    with stage(settings) as house:
        event = CallOffered(
            CallId(3), Protocol.SIP, "4201", "hall@example", "Hall", "HDX",
            Address("203.0.113.1", 5060), "hall", codec_offer("polycom_hdx"),
        )  # fmt: skip
        house.calls.handle(event)
        inside(house, 1, 2)
        house.send(3)
        house.tick(0.1)
        assert of(house, 1) == (8, 200_000, 300_000)
        assert of(house, 2) == (2, 200_000, 400_000)
        assert of(house, 3) == (9, 0, 400_000)
        # the console changes a unit: it counts at once
        changed = replace(settings, endpoint=(replace(unit, picture_max_bps=250_000), twin))
        house.house.configure(changed)
        house.tick(0.2)
        assert of(house, 1) == (8, 200_000, 250_000)


def test_a_unit_that_is_called_is_known_by_what_was_called(house):
    unit = Endpoint(number="7001", uri="sip:salle@192.0.2.77", priority=9)
    house.house.configure(replace(SETTINGS, endpoint=(unit,)))
    leg = CodecLeg(
        house.house.new_member(), CallId(9), "Salle", house.calls._around,
        host="192.0.2.1", peer_host="192.0.2.77", model="", now=0.0, address=unit.uri,
    )  # fmt: skip
    assert house.house.sharing.terms_of(leg).priority == 9


def test_a_ceiling_counts_where_no_line_binds_anybody():
    unit = Endpoint(number="1", uri=f"sip:room1@{HDX_HOST}", picture_max_bps=300_000)
    with stage(Settings(endpoint=(unit,))) as house:
        inside(house, 1, 2)
        house.tick(1)
        assert of(house, 1)[2] == 300_000
        room = house.house.meetings[RoomId("4201")]._room
        assert room.members[house.leg(2).member].sends_bps <= 300_000


def test_a_browsers_forwarded_voices_are_told_one_by_one(house):
    page = Page(house, "192.0.2.7")
    inside(house, 1, 2)
    heard = told(house, Hearing)[0]
    assert (heard.viewer, heard.voices, heard.mixed) == (page.leg.member, 2, True)
    page.session.receive(m.Sound(forwarded=0))
    house.tick()
    assert told(house, Hearing) == []


def test_rooms_that_no_line_binds_are_left_alone():
    with stage() as house:
        inside(house, 1, 2)
        assert told(house, Demand) == told(house, Picture) == []
        assert house.shown(house.leg(1)) == house.leg(2).streams.picture


# ---- what is ordered


def test_a_place_carries_the_layer_it_is_given_and_the_page_is_told_why(house):
    page = Page(house, "192.0.2.7")
    inside(house, 1)
    sink = page.leg.streams.pictures[0]
    picture = house.leg(1).streams.picture
    obey(house, Give(sink, picture, 1, Rung.HALF_RATE, REASON))
    assert house.patchbay.routes._told_layers[sink] == 1
    obey(house, Give(sink, None, 7, Rung.SOUND_ONLY, REASON))
    assert house.engine.carries[sink] is None
    step = [one for one in house.said if one["event"] == "picture_step"][-1]
    assert (step["rung"], step["before"], step["site"]) == ("sound_only", "half_rate", "town")
    assert (step["required_bps"], step["available_bps"], step["why"]) == (
        700_000, 500_000, "line_down",
    )  # fmt: skip
    # the room says again what it shows: the line's word holds
    house.house.meetings["4201"].changed(page.leg, house.now)
    assert house.engine.carries[sink] is None
    assert page.leg.member in house.house.sharing._legs


def test_thumbnails_wait_behind_the_main_picture(house, monkeypatch):
    monkeypatch.setattr(needs, "EQUAL_PICTURES", 1)
    page = Page(house, "192.0.2.7")
    inside(house, 1, 2, 3)
    house.house.meetings["4201"].speaker = house.leg(1).member
    house.tick()
    demand = next(
        one for one in told(house, Demand)
        if one.viewer == page.leg.member and one.member == house.leg(2).member
    )  # fmt: skip
    obey(house, Give(demand.sink, house.leg(2).streams.picture, 7, Rung.FULL, REASON))
    stated = [one for one in house.engine.of(SetSink) if one.sink == demand.sink]
    assert stated[-1].picture_class is PictureClass.THUMBNAIL


def test_a_pace_is_a_rate_for_the_engine(house):
    house.tick()
    before = len(house.engine.of(SetLine))
    obey(house, Pace(line(house, "town"), 900_000))
    obey(house, Pace(line(house, "town"), 900_000))
    stated = house.engine.of(SetLine)[before:]
    assert [(one.line, one.rate_bps) for one in stated] == [(line(house, "town"), 900_000)]


def test_a_codec_is_limited_in_whatever_it_speaks(house):
    inside(house, 1, 2)
    member = house.leg(1).member
    obey(house, SetCaps(member, (Cap("", 300_000, True),), REASON))
    room = house.house.meetings["4201"]._room
    assert room.members[member].sends_bps == 300_000


def test_fewer_voices_are_forwarded_where_the_line_is_thin_and_never_more_than_wished(house):
    page = Page(house, "192.0.2.7")
    inside(house, 1, 2)
    member, room = page.leg.member, house.house.meetings["4201"]._room
    obey(house, SoundStep(member, 1, 20, 0, REASON))
    assert room.members[member].forwarded == 1
    page.session.receive(m.Sound(forwarded=3))
    assert room.members[member].forwarded == 1
    obey(house, SoundStep(member, 3, 20, 0, REASON))
    assert room.members[member].forwarded == 3
    page.session.receive(m.Sound(forwarded=0))
    obey(house, SoundStep(member, 1, 20, 0, REASON))
    assert room.members[member].forwarded == 0


def test_the_mix_of_a_thin_line_comes_in_longer_packets(house):
    page = Page(house, "192.0.2.7")
    inside(house, 1)
    page.session.receive(m.Sound(forwarded=0))
    house.tick()
    output = house.desk._outputs[page.leg.member]
    assert house.mixer.legs[output.leg][3] == 20
    before = page.leg.voices().down
    obey(house, SoundStep(page.leg.member, 0, 60, 0, REASON))
    assert house.mixer.legs[output.leg][3] == 60
    assert page.leg.voices().down[0].packets_per_s < before[0].packets_per_s


def test_the_mix_of_a_thin_line_takes_less_and_stays_so_over_an_offer(house):
    page = Page(house, "192.0.2.7")
    inside(house, 1)
    obey(house, SoundStep(page.leg.member, 0, 40, 0, REASON))
    long_packets = page.leg.voices().down[0]
    obey(house, SoundStep(page.leg.member, 0, 40, 16_000, REASON))
    output = house.desk._outputs[page.leg.member]
    assert (house.mixer.legs[output.leg][3], house.mixer.bounds[output.leg]) == (40, 16_000)
    thin = page.leg.voices().down[0]
    assert long_packets.ip_bytes - thin.ip_bytes == (24_000 - 16_000) * 40 // 8_000
    page.session.receive(m.Offer(sdp=page_offer("chromium_reoffer")))
    house.tick()
    assert house.mixer.bounds[output.leg] == 16_000
    step = [one for one in house.said if one["event"] == "sound_step"][-1]
    assert (step["ptime_ms"], step["max_bps"]) == (40, 16_000)


def test_a_mix_in_place_of_voices_is_reserved_once(house):
    page = Page(house, "192.0.2.7")
    inside(house, 1)
    town = line(house, "town")

    def down() -> int:
        state = next(one for one in told(house, LineState) if one.line == town)
        return len(state.sounds_down)

    assert down() == 1  # the codec's; the page's voices are told one by one
    obey(house, SoundStep(page.leg.member, 0, 40, 16_000, REASON))
    house.tick(0.2)
    assert page.leg.voices().down
    assert down() == 1
    page.session.receive(m.Sound(forwarded=0))  # now by its own wish
    house.tick(0.2)
    assert down() == 2


def test_what_is_wanted_reaches_the_estimator(house):
    number = line(house, "town")
    obey(house, Wants(number, 1_234_000))
    assert house.house.sharing.estimates._watched[number].wants_bps == 1_234_000


# ---- the server's own line


def test_lines_share_what_the_server_stands_behind():
    here = Line(
        site="here", up_bps=2_000_000, down_bps=2_000_000, server=True,
        networks=(ip_network("10.0.0.0/8"),),
    )  # fmt: skip
    with stage(replace(SETTINGS, line=(here, TOWN, HALL))) as house:
        inside(house, 1)
        house.ring(2, host="198.51.100.2", offer=_at("198.51.100.2"))
        house.ring(3, host="10.0.0.3", offer=_at("10.0.0.3"))
        house.tick()
        assert house.leg(3).line is None
        states = {one.line: one.down.bps for one in told(house, LineState)}
        assert sum(states[line(house, site)] for site in ("town", "hall", "here")) <= 2_000_000
        # who has all he wants leaves the rest to the other
        assert states[line(house, "town")] >= states[line(house, "hall")] > 500_000


def _at(host: str) -> bytes:
    return codec_offer("polycom_hdx").replace(HDX_HOST.encode(), host.encode())


def test_a_picture_nobody_is_shown_yet_keeps_its_lowest_layer(house):
    page = Page(house)
    off = (Cap("l", 42_000, False), Cap("h", 120_000, False))
    obey(house, SetCaps(page.leg.member, off, Reason(0, 0, Why.NOT_WATCHED)))
    assert list(page.leg._camera_orders.resting) == ["h"]
    assert page.leg._camera_orders.caps["l"].max_bps == 150_000
    obey(house, SetCaps(page.leg.member, off, Reason(700_000, 90_000, Why.LINE_UP)))
    assert list(page.leg._camera_orders.resting) == ["l", "h"]


# ---- pictures that are about to come


def two_pages(house: Stage) -> list[Page]:
    return [layered(house, remote) for remote in ("192.0.2.7", "198.51.100.2")]


def layered(house: Stage, remote: str) -> Page:
    return Page(house, remote, "chromium_layers")


def asked(page: Page) -> dict[str, tuple[bool, int]]:
    said = [one for one in page.said if isinstance(one, m.Send)][-1]
    return {one.rid: (one.active, one.max_bps) for one in said.camera.layers}


def test_who_comes_is_told_before_his_encoder_starts_which_layers_others_will_watch(house):
    here, there = two_pages(house)
    house.tick()
    for page, least, most in (here, 500_000, 900_000), (there, 1_000_000, 1_800_000):
        assert asked(page)["l"][0] is False
        active, bps = asked(page)["h"]
        assert active
        assert least < bps < most  # what a line of 1 and of 2 Mbit/s leaves it
    places = {one.member: one.sink for one in told(house, Demand)}
    assert set(places) == {here.leg.member, there.leg.member}
    assert {house.engine.carries.get(sink) for sink in places.values()} <= {None}  # not there yet


def test_a_camera_that_gives_nothing_holds_no_room(house):
    two_pages(house)
    house.tick(DUE_S - 0.5)
    assert len(told(house, Picture)) == 2
    house.tick(1)
    assert told(house, Picture) == told(house, Demand) == []


def test_who_was_alone_for_long_is_told_when_somebody_comes(house):
    here = layered(house, "192.0.2.7")
    house.tick(3 * DUE_S)
    assert told(house, Picture) == []
    layered(house, "198.51.100.2")
    house.tick()
    assert asked(here)["l"][0] is False
    assert asked(here)["h"][0] is True


# ---- who heeds no limit


def stop(house: Stage, call: int, *, stopped: bool = True) -> bytes:
    """Have it asked for no picture, or for one again; return what it was offered for that."""
    before = len(house.of(OfferMedia))
    obey(house, StopPicture(house.leg(call).member, stopped, REASON))
    house.tick(0.2)
    assert len(house.of(OfferMedia)) == before + 1
    offer: OfferMedia = house.of(OfferMedia)[-1]
    return offer.description


def video(description: bytes) -> bytes:
    return description[description.index(b"m=video") :]


def answered(house: Stage, call: int, offer: bytes, way: bytes = b"a=recvonly") -> None:
    """Have it answer as its own: what we only send it only receives."""
    answer = offer.replace(b"a=sendonly", way).replace(b"o=sfu", b"o=far")
    house.calls.handle(MediaAnswered(house.leg(call).call, answer))
    house.tick(0.1)


def silence(house: Stage, call: int) -> None:
    """Have no picture come from it any more."""
    picture = house.leg(call).streams.picture
    assert picture is not None
    del house.engine.flowing[picture]
    house.tick(6)


def is_shown(house: Stage, call: int, member: str) -> bool:
    wanted = [one for one in told(house, Demand) if one.viewer == house.leg(call).member]
    return member in {one.member for one in wanted}


def test_who_is_asked_for_no_picture_is_offered_so_and_keeps_its_place_and_its_sight(house):
    inside(house, 1, 2)
    leg = house.leg(1)
    offer = stop(house, 1)
    assert b"a=sendonly" in video(offer)
    assert b"a=sendrecv" in offer[: offer.index(b"m=video")]  # it goes on speaking
    answered(house, 1, offer)
    silence(house, 1)
    assert is_shown(house, 2, leg.member)  # its place says why, by what allocation gives it
    assert is_shown(house, 1, house.leg(2).member)
    assert leg.streams.pictures
    guest = house.house.guests[leg.member]
    assert house.house.video_state(guest) is VideoState.STOPPED
    (said,) = [one for one in house.said if one["event"] == "picture_stopped"]
    assert (said["site"], said["why"]) == ("town", REASON.why)
    assert (said["required_bps"], said["available_bps"]) == (700_000, 500_000)
    assert house.house.sharing.tallies[line(house, "town")].pictures_stopped == 1


def test_a_description_of_its_own_does_not_bring_the_picture_back(house):
    inside(house, 1, 2)
    answered(house, 1, stop(house, 1))
    house.calls.handle(MediaOffered(house.leg(1).call, codec_offer("polycom_hdx")))
    assert b"a=sendonly" in video(house.orders[-1].description)
    assert is_shown(house, 2, house.leg(1).member)


def test_it_is_let_back_and_shown_in_the_place_it_had(house):
    inside(house, 1, 2)
    answered(house, 1, stop(house, 1))
    silence(house, 1)
    offer = stop(house, 1, stopped=False)
    assert b"a=sendrecv" in video(offer)
    answered(house, 1, offer)
    house.tick(1)
    assert is_shown(house, 2, house.leg(1).member)  # also before its first packet
    house.send(1)
    house.tick(2)
    assert (
        house.house.video_state(house.house.guests[house.leg(1).member]) is not VideoState.STOPPED
    )
    house.tick(300)
    assert len(house.of(OfferMedia)) == 2


def test_who_refuses_keeps_its_call_and_is_never_asked_again(house):
    inside(house, 1, 2)
    leg = house.leg(1)
    assert leg.stoppable
    stop(house, 1)
    house.calls.handle(MediaRefused(leg.call, 488))
    house.tick(0.3)
    assert not leg.stoppable
    assert next(one for one in told(house, Picture) if one.member == leg.member).stoppable is False
    obey(house, StopPicture(leg.member, stopped=False, reason=REASON))
    obey(house, StopPicture(leg.member, stopped=True, reason=REASON))
    house.tick(300)
    assert len(house.of(OfferMedia)) == 1
    assert is_shown(house, 2, leg.member)


@pytest.mark.parametrize("way", [b"a=inactive", b"no picture at all"])
def test_who_gives_up_more_than_its_picture_gets_it_all_back_and_is_never_asked_again(house, way):
    inside(house, 1, 2)
    leg, offer = house.leg(1), stop(house, 1)
    answer = offer.replace(b"a=sendonly", b"a=inactive").replace(b"o=sfu", b"o=far")
    if way != b"a=inactive":
        answer = answer[: answer.index(b"m=video")] + b"m=video 0 RTP/AVP 109\r\n"
    house.calls.handle(MediaAnswered(leg.call, answer))
    house.tick(0.3)
    back = house.of(OfferMedia)[-1].description
    assert b"a=sendrecv" in video(back)
    answered(house, 1, back)
    house.tick(300)
    assert len(house.of(OfferMedia)) == 2
    assert not leg.stoppable
    assert leg.streams.pictures
    assert is_shown(house, 2, leg.member)


def test_who_goes_on_all_the_same_is_taken_back_and_never_asked_again(house):
    inside(house, 1, 2)
    answered(house, 1, stop(house, 1))
    house.tick(7)
    assert b"a=sendrecv" in video(house.of(OfferMedia)[-1].description)
    assert not house.leg(1).stoppable
    why = [one["why"] for one in house.said if one.get("dialect") == "reoffer"]
    assert why == ["deaf", "stop_ignored"]


def test_an_h323_unit_is_not_asked_yet(house):
    house.ring(1, protocol=Protocol.H323)
    assert not house.leg(1).stoppable

"""Calls against what their lines bear: taken whole, as sound alone, or refused with the figures."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from sfu.config import Line, Settings
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.model import Framing, RoomId
from sfu.shell.admission import adds_of, least_picture_bps
from sfu.shell.codec_admission import LineFull
from sfu.shell.voices import PRESUMED, Voices
from sfu.signalling.call import Accept, CallEnded, End, MediaOffered, Reject
from sfu.signalling.webrtc import message as m
from tests.shell.stage import Stage, codec_offer, page_offer, stage

CELLS = Encapsulation(Framing.ATM, 40)


def settings(bps: int, **more) -> Settings:
    line = Line(
        site="town", up_bps=bps, down_bps=bps, networks=(ip_network("192.0.2.0/24"),), **more
    )
    return Settings(line=(line,))


def answers(house: Stage) -> list[bytes]:
    return [one.description for one in house.orders if isinstance(one, Accept)]


@pytest.fixture
def thin():
    """A line of 256 kbit/s: one call with a picture, one of sound, no third."""
    with stage(settings(256_000)) as house:
        yield house


def test_a_call_that_fits_is_taken_with_its_picture(thin):
    thin.ring(1)
    assert b"m=video 0 " not in answers(thin)[0]
    assert thin.leg(1).capability.pictures == 1


def test_a_call_whose_picture_does_not_fit_is_taken_as_sound(thin):
    thin.ring(1)
    thin.ring(2)
    assert b"m=video 0 " in answers(thin)[1]
    assert thin.leg(2).capability.pictures == 0
    told = [one for one in thin.said if one["event"] == "call_weighed"][-1]
    assert (told["outcome"], told["line"], told["why"]) == ("sound_only", "town", "line_down")
    assert told["required_bps"] > told["available_bps"] > 106_000


def test_a_call_that_would_break_the_others_speech_is_refused_with_the_figures(thin):
    for call in (1, 2):
        thin.ring(call)
    refusal = thin.ring(3)
    assert isinstance(refusal, Reject)
    assert (refusal.status, refusal.warning_code) == (488, 370)
    assert refusal.warning == "line town has no room: 106 kbit/s are needed, 6 are free"
    assert len(thin.house.guests) == 2


def test_what_a_call_had_is_free_once_it_is_over(thin):
    for call in (1, 2):
        thin.ring(call)
    thin.calls.handle(CallEnded(thin.leg(1).call, End.HUNG_UP, 0, ""))
    assert isinstance(thin.ring(3), Accept)


def test_a_refused_call_leaves_nothing_open(thin):
    for call in (1, 2):
        thin.ring(call)
    before = len(thin.engine.sockets)
    thin.ring(3)
    assert len(thin.engine.sockets) == before


def test_who_came_as_sound_has_a_picture_once_there_is_room_and_it_offers_again(thin):
    for call in (1, 2):
        thin.ring(call)
    two = thin.leg(2)
    thin.calls.handle(CallEnded(thin.leg(1).call, End.HUNG_UP, 0, ""))
    thin.calls.handle(MediaOffered(two.call, codec_offer("polycom_hdx")))
    assert two.capability.pictures == 1


def test_a_call_whose_offer_is_left_to_us_is_weighed_by_a_usual_voice(thin):
    thin.ring(1)
    order = thin.ring(2, offer=None)
    assert isinstance(order, Accept)
    assert b"m=video" not in order.description
    assert isinstance(thin.ring(3, offer=None), Reject)


def test_an_operator_is_told_before_anybody_is_called(thin):
    for call in (1, 2):
        thin.ring(call)
    dialling = thin.calls.dialling.dial("sip:a@192.0.2.9", "A", RoomId("4201"), host="192.0.2.9")
    with pytest.raises(LineFull, match="line town has no room: 106 kbit/s are needed"):
        dialling.send(None)
    assert len(thin.calls) == 2


def join(house: Stage, *, sound_only: bool = False) -> list[m.ServerMessage]:
    said: list[m.ServerMessage] = []
    session = house.browsers.open(said.append, "192.0.2.7", "Chromium")
    session.receive(m.Join(room="4201", name="Anne", sound_only=sound_only))
    return said


def test_a_page_is_refused_with_what_was_needed_and_what_was_free(thin):
    for call in (1, 2):
        thin.ring(call)
    (said,) = join(thin)
    assert isinstance(said, m.Refused)
    assert said.code is m.RefusalCode.LINE_FULL
    assert said.needed_bps is not None
    assert said.free_bps is not None
    assert said.needed_bps > said.free_bps


def test_a_page_whose_pictures_do_not_fit_is_let_in_with_sound():
    with stage(settings(190_000)) as house:
        said = join(house)
        joined = next(one for one in said if isinstance(one, m.Joined))
        assert joined.sound_only
        assert joined.needed_bps is not None
        layout = next(one for one in said if isinstance(one, m.Layout))
        assert layout.pictures == 0
        camera = next(one for one in said if isinstance(one, m.Send)).camera
        assert not camera.active


def test_a_page_that_wants_sound_alone_gets_that(thin):
    said = join(thin, sound_only=True)
    joined = next(one for one in said if isinstance(one, m.Joined))
    assert (joined.sound_only, joined.needed_bps) == (True, None)


def test_a_page_of_sound_shows_and_is_shown_nobody():
    with stage(settings(2_000_000)) as house:
        said: list[m.ServerMessage] = []
        session = house.browsers.open(said.append, "192.0.2.7", "Chromium")
        session.receive(m.Join(room="4201", name="Anne", sound_only=True))
        session.receive(m.Offer(sdp=page_offer()))
        assert session.leg is not None
        assert (session.leg.capability.pictures, session.leg.capability.video_send) == (
            0, frozenset(),
        )  # fmt: skip


def test_the_servers_own_line_is_weighed_too():
    own = Line(site="here", up_bps=128_000, down_bps=2_000_000, server=True)
    wide = settings(2_000_000)
    with stage(replace(wide, line=(own, *wide.line))) as house:
        refusal = house.ring(1)
        assert isinstance(refusal, Reject)
        assert refusal.warning.startswith("line here has no room")


def test_lines_nobody_configured_bear_all():
    with stage() as house:
        for call in range(1, 8):
            assert isinstance(house.ring(call), Accept)
        assert house.house.sharing.admissions == {}


def test_what_is_added_is_speech_and_the_least_of_pictures():
    adds = adds_of(PRESUMED, CELLS, browser=False, sees=True, shows=False)
    assert (adds.sounds_down, adds.sounds_up) == (PRESUMED.down, PRESUMED.up)
    assert (adds.picture_down_bps, adds.picture_up_bps) == (least_picture_bps(CELLS, 40), 0)
    (one,) = PRESUMED.up
    page = Voices((), (one,), one)
    assert adds_of(page, CELLS, browser=True, sees=False, shows=False).sounds_down == (one,)

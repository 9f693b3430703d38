from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.model import Codec, MemberId, Protocol, RoomId
from sfu.room.event import (
    CapabilityChanged,
    LevelsMeasured,
    MemberJoined,
    MemberLeft,
    PictureStarted,
    PictureStopped,
    SoundRuleSet,
    SoundStarted,
    SoundStopped,
)
from sfu.room.output import Notify, PlaySounds, SendPicture, ShowPictures, SpeakerChanged
from sfu.room.picture import takes
from sfu.room.room import Room
from sfu.room.speaker import QUICK_HOLD_S
from tests.room.people import Meeting, browser, codec


def test_the_first_meeting_two_room_codecs_and_two_browsers_see_and_hear_each_other():
    meeting = Meeting()
    meeting.join("morez", codec())
    meeting.join("oyonnax", codec())
    meeting.join("anna", browser())
    meeting.join("ben", browser())
    meeting.talk(2, anna=20)
    assert meeting.sees("morez") == meeting.sees("oyonnax") == ["anna"]
    assert set(meeting.sees("anna")) == {"morez", "oyonnax", "ben", None}
    assert meeting.hears("morez").mixed == {"oyonnax", "anna", "ben"}
    assert meeting.hears("anna").wide == ("ben", None, None)
    assert meeting.hears("anna").narrow == ("morez", "oyonnax", None)
    assert meeting.hears("anna").mixed == frozenset()


def test_nothing_is_said_twice():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("morez", codec())
    again = PictureStarted(MemberId("anna"), Codec.H264)
    assert meeting.tell(again) == []
    assert list(meeting.room.poll()) == []


def test_a_member_that_leaves_is_gone_from_every_screen_and_ear_and_nothing_is_said_to_it():
    meeting = Meeting()
    for name in ("anna", "ben"):
        meeting.join(name, browser())
    meeting.join("morez", codec())
    meeting.talk(2, ben=20)
    said = meeting.tell(MemberLeft(MemberId("ben")))
    assert "ben" not in repr(said)
    assert meeting.sees("morez") == ["anna"]
    assert meeting.hears("morez").mixed == {"anna"}


def test_when_the_leader_leaves_who_led_before_leads():
    meeting = Meeting()
    for name in ("anna", "ben"):
        meeting.join(name, browser())
    meeting.talk(2, anna=20)
    meeting.talk(2, ben=20)
    meeting.tell(MemberLeft(MemberId("ben")))
    meeting.tell(MemberLeft(MemberId("anna")))
    assert [member for _, member in meeting.speakers] == ["anna", "ben", "anna", None]


def test_who_comes_back_is_told_everything_anew():
    meeting = Meeting()
    meeting.join("anna", browser())
    said = [o for o in meeting.join("morez", codec()) if "morez" in (repr(o).split("'")[1])]
    meeting.tell(MemberLeft(MemberId("morez")))
    again = meeting.join("morez", codec())
    assert said
    assert set(said) <= set(again)


def test_news_of_a_member_that_has_left_is_passed_over():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.tell(MemberLeft(MemberId("anna")))
    assert meeting.tell(PictureStarted(MemberId("anna"), Codec.VP8)) == []
    assert meeting.tell(MemberLeft(MemberId("anna"))) == []


def test_how_to_send_is_said_before_who_is_shown():
    meeting = Meeting()
    said = meeting.join("anna", browser()) + meeting.join("morez", codec())
    order = [type(output) for output in said[-6:]]
    assert order.index(SendPicture) < order.index(ShowPictures) < order.index(PlaySounds)


def test_a_challenger_takes_over_at_the_deadline_without_new_levels():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("ben", browser())
    meeting.talk(0.2, anna=10)
    assert meeting.room.deadline is not None
    meeting.room.tick(meeting.room.deadline)
    assert SpeakerChanged(MemberId("anna")) in list(meeting.room.poll())


NAMES = [MemberId(name) for name in ("a", "b", "c", "d", "e")]
CAPABILITIES = [
    browser(),
    browser(tiles=2),
    browser(pictures=[Codec.VP8], sounds=[Codec.OPUS]),
    browser(tiles=0, pictures=[]),
    codec(),
    codec(single_nal=True, video_bps=512_000, fs=396),
    codec(can_send_single_nal=False),
    codec(pictures=[], sounds=[Codec.PCMU]),
    codec(pictures=[Codec.H263]),
]
names = st.sampled_from(NAMES)
capabilities = st.sampled_from(CAPABILITIES)
joins = st.builds(MemberJoined, names, st.just("N"), st.just(Protocol.SIP), capabilities)
levels = st.lists(st.tuples(names, st.sampled_from([10, 20, 30, 45, 60, 127])), max_size=5)
events = st.one_of(
    joins,
    joins,
    st.builds(MemberLeft, names),
    st.builds(CapabilityChanged, names, capabilities),
    st.builds(PictureStarted, names, st.sampled_from([Codec.H264, Codec.VP8, Codec.H263])),
    st.builds(PictureStopped, names),
    st.builds(SoundStarted, names, st.sampled_from([Codec.OPUS, Codec.G722, Codec.PCMU])),
    st.builds(SoundStopped, names),
    st.builds(SoundRuleSet, names, st.integers(-1, 4)),
    st.builds(LevelsMeasured, levels.map(tuple)),
    st.builds(LevelsMeasured, levels.map(tuple)),
)
scripts = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.4, 1.6]), events), max_size=50)


def check_laws(
    room: Room, outputs: Sequence[object], before: dict[MemberId, list[MemberId | None]]
):
    here = set(room.members)
    for output in outputs:
        match output:
            case ShowPictures():
                seen = [m for m in output.shown if m is not None]
                assert len(seen) == len(set(seen)), "nobody stands in two places"
                assert output.viewer not in seen, "nobody sees itself"
                assert {output.viewer, *seen} <= here
                check_places(before.get(output.viewer, []), list(output.shown))
                before[output.viewer] = list(output.shown)
            case PlaySounds():
                heard = [m for m in (*output.wide, *output.narrow) if m is not None]
                assert len(heard) == len(set(heard)), "nobody is played twice"
                assert not output.mixed & set(heard), "nobody is forwarded and mixed"
                assert output.listener not in {*heard, *output.mixed}, "nobody hears itself"
                assert {output.listener, *heard, *output.mixed} <= here
            case SendPicture():
                assert output.member in here
                assert output.codec in room.members[output.member].capability.video_send
            case Notify():
                assert {output.member, output.about} <= here
                assert output.member != output.about
            case SpeakerChanged():
                assert output.member is None or output.member in here


def check_places(old: list[MemberId | None], new: list[MemberId | None]):
    if len(old) != len(new):
        return
    for member in set(old) & set(new) - {None}:
        assert old.index(member) == new.index(member), "who stays does not move"


def check_codecs_see(room: Room, screens: dict[MemberId, list[MemberId | None]]):
    for viewer in room.members.values():
        could = [
            m
            for m in room.members.values()
            if m is not viewer and m.picture is not None and takes(viewer, m, m.picture)
        ]
        if viewer.capability.pictures == 1 and could:
            assert screens[viewer.member][0] in {m.member for m in could}


@settings(max_examples=60)
@given(scripts, st.booleans())
def test_the_laws_of_the_room_hold_whatever_happens(script, mixing):
    room, now = Room(RoomId("4201"), mixing=mixing), 0.0
    screens: dict[MemberId, list[MemberId | None]] = {}
    changes: list[float] = []
    for pause, event in script:
        now += pause
        room.tick(now)
        left = isinstance(event, MemberLeft)
        led = room.leader
        room.handle(event, now)
        if not left and room.leader != led:
            changes.append(now)
        outputs = list(room.poll())
        screens = {m: places for m, places in screens.items() if m in room.members}
        check_laws(room, outputs, screens)
        check_codecs_see(room, screens)
        assert list(room.poll()) == []
        assert room.deadline is None or room.deadline > now
    assert all(b - a >= QUICK_HOLD_S - 1e-9 for a, b in pairwise(changes))


@settings(max_examples=60)
@given(scripts)
def test_a_change_said_twice_is_answered_once(script):
    room, now = Room(RoomId("4201")), 0.0
    for pause, event in script:
        now += pause
        room.handle(event, now)
        list(room.poll())
        room.handle(event, now)
        assert list(room.poll()) == []


def test_the_worked_example_of_the_docs():
    meeting = Meeting()
    meeting.join("anna", browser(), picture=Codec.VP8)
    meeting.join("ben", browser(), picture=Codec.VP8)
    assert meeting.sends("anna").codec is Codec.VP8
    assert meeting.sees("anna") == ["ben", None, None, None]
    meeting.join("morez", codec())
    assert meeting.sends("anna").codec is meeting.sends("ben").codec is Codec.H264
    assert meeting.sees("morez") == [None]
    meeting.tell(*(PictureStarted(MemberId(name), Codec.H264) for name in ("anna", "ben")))
    assert meeting.sees("morez") == ["anna"]
    meeting.join("oyonnax", codec())
    assert meeting.sees("anna") == ["ben", "morez", "oyonnax", None]
    assert meeting.hears("anna").narrow == ("morez", "oyonnax", None)
    assert meeting.sees("oyonnax") == ["anna"]
    meeting.talk(1, ben=20)
    assert meeting.speakers[-1][1] == "ben"
    assert meeting.sees("morez") == meeting.sees("oyonnax") == ["ben"]
    meeting.talk(2, morez=20)
    assert meeting.speakers[-1][1] == "morez"
    assert (meeting.sees("oyonnax"), meeting.sees("morez")) == (["morez"], ["ben"])
    meeting.tell(MemberLeft(MemberId("ben")))
    assert meeting.sees("anna") == [None, "morez", "oyonnax", None]
    assert meeting.sees("morez") == ["anna"]
    meeting.tell(MemberLeft(MemberId("morez")), MemberLeft(MemberId("oyonnax")))
    assert meeting.sends("anna").codec is Codec.VP8
    assert not meeting.sends("anna").wanted

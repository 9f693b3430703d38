from typing import Any

from sfu.model import Codec, MemberId, Protocol
from sfu.room.echo import EchoRoom, image
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
from sfu.room.output import PlaySounds, SendPicture, ShowPictures
from sfu.signalling.capability import Capability
from tests.room.people import browser, codec

MOREZ, ANNE = MemberId("morez"), MemberId("anne")


def said(room: EchoRoom, *events: Any) -> list[Any]:
    for event in events:
        room.handle(event, 1.0)
    return list(room.poll())


def joined(member: MemberId, capability: Capability) -> MemberJoined:
    return MemberJoined(member, str(member), Protocol.SIP, capability)


def test_a_codec_sees_and_hears_itself_by_the_mixer():
    room = EchoRoom()
    before = said(room, joined(MOREZ, codec()))
    assert ShowPictures(MOREZ, (None,)) in before
    assert [one.codec for one in before if isinstance(one, SendPicture)] == [Codec.H264]
    after = said(room, PictureStarted(MOREZ, Codec.H264), SoundStarted(MOREZ, Codec.G722))
    assert after == [ShowPictures(MOREZ, (MOREZ,)), PlaySounds(MOREZ, (), (), frozenset({MOREZ}))]


def test_without_a_mixer_a_codec_hears_itself_forwarded():
    room = EchoRoom(mixing=False)
    said(room, joined(MOREZ, codec()))
    assert said(room, SoundStarted(MOREZ, Codec.G722)) == [
        PlaySounds(MOREZ, (), (MOREZ,), frozenset())
    ]


def test_a_browser_hears_itself_forwarded_or_mixed_by_its_rule():
    room = EchoRoom()
    said(room, joined(ANNE, browser()))
    forwarded = PlaySounds(ANNE, (ANNE, None, None), (None, None, None), frozenset())
    assert said(room, SoundStarted(ANNE, Codec.OPUS)) == [forwarded]
    mixed = said(room, SoundRuleSet(ANNE, 0))
    assert mixed[0].mixed == frozenset({ANNE})


def test_nobody_meets_anybody():
    room = EchoRoom()
    said(room, joined(MOREZ, codec()), joined(ANNE, browser()))
    for member, kind in ((MOREZ, Codec.G722), (ANNE, Codec.OPUS)):
        other = ANNE if member == MOREZ else MOREZ
        outputs = said(room, PictureStarted(member, Codec.H264), SoundStarted(member, kind))
        assert outputs
        assert all(str(other) not in str(one) for one in outputs)


def test_what_stops_is_taken_away_and_nothing_is_said_twice():
    room = EchoRoom()
    said(room, joined(MOREZ, codec()), PictureStarted(MOREZ, Codec.H264))
    assert said(room, PictureStopped(MOREZ)) == [ShowPictures(MOREZ, (None,))]
    assert said(room, SoundStopped(MOREZ), LevelsMeasured(((MOREZ, 3),))) == []
    assert said(room, CapabilityChanged(MOREZ, codec(pictures=()))) == [ShowPictures(MOREZ, ())]
    said(room, MemberLeft(MOREZ))
    assert said(room, SoundStarted(MOREZ, Codec.G722)) == []


def test_a_unit_of_mode_0_is_asked_for_what_it_can_take():
    room = EchoRoom()
    orders = said(room, joined(MOREZ, codec(single_nal=True)))
    assert [one.single_nal for one in orders if isinstance(one, SendPicture)] == [True]


def test_an_image_is_nobody():
    assert image(MOREZ) not in (MOREZ, ANNE)

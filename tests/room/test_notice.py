from sfu.model import Codec, MemberId
from sfu.room.event import CapabilityChanged, MemberLeft
from sfu.room.output import NoticeCode, Notify, RoomOutput
from tests.room.people import Meeting, browser, codec

ANNA, MOREZ = MemberId("anna"), MemberId("morez")


def notices(outputs: list[RoomOutput]) -> set[Notify]:
    return {output for output in outputs if isinstance(output, Notify)}


def both(code: NoticeCode, *, active: bool = True) -> set[Notify]:
    return {Notify(ANNA, code, MOREZ, active), Notify(MOREZ, code, ANNA, active)}


def test_two_that_share_no_picture_codec_are_told_both():
    meeting = Meeting()
    meeting.join("anna", browser(pictures=[Codec.VP8]), picture=Codec.VP8)
    told = notices(meeting.join("morez", codec()))
    assert told == both(NoticeCode.NO_COMMON_PICTURE_CODEC)
    assert meeting.sees("morez") == [None]
    assert meeting.sees("anna") == [None] * 4


def test_a_change_of_codecs_takes_the_notice_back():
    meeting = Meeting()
    meeting.join("anna", browser(pictures=[Codec.VP8]))
    meeting.join("morez", codec())
    told = notices(meeting.tell(CapabilityChanged(ANNA, browser())))
    assert told == both(NoticeCode.NO_COMMON_PICTURE_CODEC, active=False)


def test_of_a_member_that_left_nothing_is_taken_back():
    meeting = Meeting()
    meeting.join("anna", browser(pictures=[Codec.VP8]))
    meeting.join("morez", codec())
    assert notices(meeting.tell(MemberLeft(MOREZ))) == set()


def test_a_sender_that_cannot_be_put_into_mode_0_needs_transcoding_for_who_knows_no_other():
    meeting = Meeting()
    meeting.join("anna", codec(can_send_single_nal=False))
    told = notices(meeting.join("morez", codec(single_nal=True)))
    assert told == both(NoticeCode.PICTURE_NEEDS_TRANSCODING)
    assert meeting.sees("morez") == [None]
    assert meeting.sees("anna") == ["morez"]


def test_two_units_of_h263_whose_pictures_differ_in_size_are_told():
    meeting = Meeting()
    meeting.join("anna", codec(pictures=[Codec.H263], size=(352, 288, 1)), picture=Codec.H263)
    told = meeting.join("morez", codec(pictures=[Codec.H263], size=(176, 144, 1)))
    assert notices(told) == both(NoticeCode.PICTURE_NEEDS_TRANSCODING)


def test_a_unit_of_h263_and_a_browser_are_told():
    meeting = Meeting()
    meeting.join("anna", browser())
    told = meeting.join("morez", codec(pictures=[Codec.H263], size=(352, 288, 1)))
    assert notices(told) == both(NoticeCode.NO_COMMON_PICTURE_CODEC)


def test_members_that_understand_each_other_are_told_nothing():
    meeting = Meeting()
    told = meeting.join("anna", browser()) + meeting.join("morez", codec())
    told += meeting.join("phone", codec(pictures=[]), picture=None)
    assert notices(told) == set()


def test_without_a_mixer_who_shares_no_sound_is_told():
    meeting = Meeting(mixing=False)
    meeting.join("anna", browser(sounds=[Codec.OPUS]))
    assert notices(meeting.join("morez", codec())) == both(NoticeCode.NO_COMMON_SOUND_CODEC)


def test_with_a_mixer_all_sounds_are_common():
    meeting = Meeting()
    meeting.join("anna", browser(sounds=[Codec.OPUS]))
    assert notices(meeting.join("morez", codec())) == set()

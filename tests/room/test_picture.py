from sfu.model import Codec, MemberId
from sfu.room.event import (
    CapabilityChanged,
    MemberLeft,
    PictureStarted,
    PictureStopped,
    ReceptionLimited,
    SendingLimited,
)
from tests.room.people import Meeting, browser, codec

ANNA, BEN, MOREZ = MemberId("anna"), MemberId("ben"), MemberId("morez")


def test_browsers_among_themselves_send_vp8():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("ben", browser())
    assert meeting.sends("anna").codec is meeting.sends("ben").codec is Codec.VP8


def test_browsers_change_to_h264_while_a_room_that_takes_nothing_else_is_there():
    meeting = Meeting()
    meeting.join("anna", browser(), picture=Codec.VP8)
    meeting.join("ben", browser(), picture=Codec.VP8)
    meeting.join("morez", codec())
    assert meeting.sends("anna").codec is meeting.sends("ben").codec is Codec.H264
    meeting.tell(MemberLeft(MOREZ))
    assert meeting.sends("anna").codec is meeting.sends("ben").codec is Codec.VP8


def test_until_it_has_changed_a_browser_is_not_shown_where_it_cannot_be_decoded():
    meeting = Meeting()
    meeting.join("anna", browser(), picture=Codec.VP8)
    meeting.join("morez", codec())
    assert meeting.sees("morez") == [None]
    meeting.tell(PictureStarted(ANNA, Codec.H264))
    assert meeting.sees("morez") == ["anna"]


def test_a_member_without_a_screen_changes_nobodys_codec():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("ben", browser())
    meeting.join("phone", codec(pictures=[]), picture=None)
    assert meeting.sends("anna").codec is Codec.VP8


def test_a_room_that_knows_mode_0_only_puts_whom_it_watches_into_mode_0():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("ben", browser())
    meeting.join("morez", codec(single_nal=True))
    meeting.talk(2, anna=20)
    assert meeting.sends("anna").single_nal
    assert not meeting.sends("ben").single_nal
    meeting.talk(4, ben=20)
    assert meeting.sends("ben").single_nal
    assert not meeting.sends("anna").single_nal


def test_limits_are_the_least_of_whoever_watches():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("morez", codec(video_bps=1_400_000, fs=3600))
    assert (meeting.sends("anna").max_bps, meeting.sends("anna").max_fs) == (1_400_000, 3600)
    meeting.join("oyonnax", codec(video_bps=512_000, fs=396))
    assert (meeting.sends("anna").max_bps, meeting.sends("anna").max_fs) == (512_000, 396)


def test_a_rate_nobody_told_is_no_limit():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("ben", browser(video_bps=0))
    assert meeting.sends("anna").max_bps == 0
    assert meeting.sends("anna").max_fs == 0  # VP8 has no such limit


def test_alone_in_a_room_nobody_watches():
    meeting = Meeting()
    meeting.join("anna", browser())
    assert not meeting.sends("anna").wanted
    meeting.join("ben", browser())
    assert meeting.sends("anna").wanted


def test_who_may_stop_is_wanted_again_when_it_leads_and_shown_when_it_comes():
    meeting = Meeting()
    for name in ("morez", "oyonnax"):
        meeting.join(name, codec())
    meeting.join("anna", browser(tiles=1))
    meeting.talk(2, morez=20)
    meeting.talk(2, oyonnax=20)
    assert not meeting.sends("anna").wanted
    meeting.tell(PictureStopped(ANNA))
    meeting.talk(2, anna=20)
    assert meeting.sends("anna").wanted
    meeting.tell(PictureStarted(ANNA, Codec.H264))
    assert meeting.sees("morez") == ["anna"]


def test_a_leader_whose_camera_is_off_makes_nobody_else_stop():
    meeting = Meeting()
    meeting.join("anna", browser(tiles=0), picture=None)
    meeting.join("ben", browser(tiles=1), picture=None)
    meeting.join("morez", codec())
    meeting.talk(2, anna=20)
    assert meeting.sends("ben").wanted


def test_a_room_on_hold_is_sent_nothing_and_limits_nobody():
    meeting = Meeting()
    meeting.join("anna", browser(), picture=Codec.VP8)
    meeting.join("morez", codec())
    meeting.tell(CapabilityChanged(MOREZ, codec(pictures=[])))
    assert meeting.sees("morez") == []
    assert meeting.sends("anna").codec is Codec.VP8


CIF, QCIF, SLOW_CIF = (352, 288, 1), (176, 144, 1), (352, 288, 2)


def vsx(codec_: Codec = Codec.H263, size: tuple[int, int, int] = CIF):
    return codec(pictures=[codec_], size=size)


def test_h263_passes_between_units_of_the_same_codec_and_size():
    meeting = Meeting()
    meeting.join("morez", vsx(), picture=Codec.H263)
    meeting.join("lajoux", vsx(), picture=Codec.H263)
    assert (meeting.sees("morez"), meeting.sees("lajoux")) == (["lajoux"], ["morez"])


def test_h263_reaches_nobody_who_has_another_codec_packing_or_size():
    for other, codec_ in (
        (vsx(Codec.H261), Codec.H261),
        (vsx(Codec.H263_1998), Codec.H263_1998),
        (vsx(size=QCIF), Codec.H263),
        (codec(), Codec.H264),
    ):
        meeting = Meeting()
        meeting.join("morez", vsx(), picture=Codec.H263)
        meeting.join("lajoux", other, picture=codec_)
        assert (meeting.sees("morez"), meeting.sees("lajoux")) == ([None], [None])


def test_a_unit_that_takes_fewer_pictures_a_second_is_not_sent_more():
    meeting = Meeting()
    meeting.join("morez", vsx(), picture=Codec.H263)
    meeting.join("lajoux", vsx(size=SLOW_CIF), picture=Codec.H263)
    assert (meeting.sees("morez"), meeting.sees("lajoux")) == (["lajoux"], [None])


def test_who_can_be_served_by_no_codec_changes_nobodys():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("ben", browser())
    meeting.join("morez", vsx(), picture=Codec.H263)
    assert meeting.sends("anna").codec is Codec.VP8
    assert meeting.sees("anna") == ["ben", None, None, None]


def test_what_a_receiver_says_in_mid_call_counts_beside_what_it_negotiated():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("morez", codec(video_bps=1_400_000))
    meeting.tell(ReceptionLimited(MOREZ, 512_000))
    assert (meeting.sends("anna").max_bps, meeting.sends("anna").bound_by) == (512_000, MOREZ)
    meeting.tell(ReceptionLimited(MOREZ, 2_000_000))
    assert meeting.sends("anna").max_bps == 1_400_000


def test_a_line_limits_its_own_sender_whoever_watches():
    meeting = Meeting()
    meeting.join("anna", browser())
    meeting.join("morez", codec(video_bps=1_400_000))
    meeting.tell(SendingLimited(ANNA, 700_000))
    assert (meeting.sends("anna").max_bps, meeting.sends("anna").bound_by) == (700_000, ANNA)
    assert meeting.sends("morez").max_bps == 0
    meeting.tell(SendingLimited(ANNA, 0))
    assert (meeting.sends("anna").max_bps, meeting.sends("anna").bound_by) == (1_400_000, MOREZ)


def test_the_picture_that_appears_and_is_shown_at_once_changes_nothing_the_second_time():
    meeting = Meeting()
    meeting.join("morez", codec(), picture=None)
    for name in ("anna", "ben"):
        meeting.join(name, browser(pictures=[Codec.H264]), picture=None)
    meeting.tell(PictureStarted(BEN, Codec.H264))
    assert meeting.tell(PictureStarted(BEN, Codec.H264)) == []

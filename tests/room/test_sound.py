from sfu.model import Codec, MemberId
from sfu.room.event import SoundMuted, SoundRuleSet, SoundStarted, SoundStopped
from tests.room.people import Meeting, browser, codec

ANNA, BEN = MemberId("anna"), MemberId("ben")


def browsers(*names: str) -> Meeting:
    meeting = Meeting()
    for name in names:
        meeting.join(name, browser(tiles=8))
    return meeting


def test_a_room_codec_hears_the_mix_of_all_others_even_in_a_call_of_two():
    meeting = Meeting()
    meeting.join("morez", codec())
    meeting.join("oyonnax", codec())
    heard = meeting.hears("morez")
    assert (heard.wide, heard.narrow) == ((), ())
    assert heard.mixed == {"oyonnax"}
    meeting.join("anna", browser())
    assert meeting.hears("morez").mixed == {"oyonnax", "anna"}


def test_a_browser_hears_opus_and_g722_in_places_of_their_own_clock():
    meeting = browsers("anna", "ben")
    meeting.join("morez", codec())
    heard = meeting.hears("anna")
    assert heard.wide == ("ben", None, None)
    assert heard.narrow == ("morez", None, None)
    assert heard.mixed == frozenset()


def test_a_browser_hears_the_loudest_three_whatever_their_clock():
    meeting = browsers("anna", "ben", "cleo", "dora")
    meeting.join("morez", codec())
    meeting.talk(3, cleo=20, dora=25, morez=22)
    heard = meeting.hears("anna")
    assert {*heard.wide, *heard.narrow} - {None} == {"cleo", "dora", "morez"}


def test_who_is_among_the_loudest_stays_in_its_place():
    meeting = browsers("anna", "ben", "cleo", "dora", "emil")
    meeting.talk(3, ben=20, cleo=20, dora=20)
    before = meeting.hears("anna").wide
    meeting.talk(3, ben=22, dora=21, emil=20)
    after = meeting.hears("anna").wide
    assert after[before.index(BEN)] == "ben"
    assert after[before.index(MemberId("dora"))] == "dora"
    assert after[before.index(MemberId("cleo"))] == "emil"


def test_a_pause_between_two_words_moves_nobody():
    meeting = browsers("anna", "ben", "cleo", "dora", "emil")
    meeting.talk(3, ben=20, cleo=20, dora=20)
    before = meeting.hears("anna").wide
    meeting.talk(0.7, ben=20, cleo=20, emil=30)
    assert meeting.hears("anna").wide == before
    meeting.talk(2, ben=20, cleo=20, dora=20)
    assert meeting.hears("anna").wide == before


def test_who_took_a_place_has_it_for_a_second():
    meeting = browsers("anna", "ben", "cleo", "dora", "emil")
    meeting.talk(3, ben=20, cleo=20)
    meeting.talk(0.3, ben=20, cleo=20, emil=40)
    meeting.talk(0.6, ben=20, cleo=20, emil=40, dora=10)
    assert "emil" in meeting.hears("anna").wide
    meeting.talk(2, ben=20, cleo=20, emil=40, dora=10)
    assert "dora" in meeting.hears("anna").wide


def test_four_who_speak_at_once_do_not_take_each_others_places_in_turns():
    meeting = browsers("anna", "ben", "cleo", "dora", "emil")
    meeting.talk(2, ben=25, cleo=25, dora=25, emil=25)
    before = meeting.hears("anna").wide
    for level in (20, 27, 22, 29):
        meeting.talk(1, ben=25, cleo=25, dora=25, emil=level)
        assert meeting.hears("anna").wide == before


def test_one_much_louder_than_three_who_speak_is_heard():
    meeting = browsers("anna", "ben", "cleo", "dora", "emil")
    meeting.talk(3, ben=30, cleo=30, dora=34)
    meeting.talk(3, ben=30, cleo=30, dora=34, emil=8)
    assert "emil" in meeting.hears("anna").wide


def test_a_browser_is_stepped_from_three_to_one_to_the_mix_and_back():
    meeting = browsers("anna", "ben", "cleo", "dora")
    meeting.talk(3, cleo=20, ben=40)
    meeting.tell(SoundRuleSet(ANNA, 1))
    assert [m for m in meeting.hears("anna").wide if m] == ["cleo"]
    assert len(meeting.hears("anna").wide) == 3
    assert meeting.hears("anna").mixed == frozenset()
    meeting.tell(SoundRuleSet(ANNA, 0))
    assert not any(meeting.hears("anna").wide)
    assert meeting.hears("anna").mixed == {"ben", "cleo", "dora"}
    meeting.tell(SoundRuleSet(ANNA, 3))
    assert {*meeting.hears("anna").wide} == {"ben", "cleo", "dora"}


def test_what_a_browser_cannot_decode_it_hears_by_the_mix():
    meeting = Meeting()
    meeting.join("anna", browser(sounds=[Codec.OPUS]))
    meeting.join("ben", browser())
    meeting.join("morez", codec())
    heard = meeting.hears("anna")
    assert (heard.wide, heard.narrow) == (("ben", None, None), ())
    assert heard.mixed == {"morez"}


def test_who_is_muted_is_neither_forwarded_nor_mixed():
    meeting = browsers("anna", "ben")
    meeting.join("morez", codec())
    meeting.tell(SoundStopped(BEN))
    assert not any(meeting.hears("anna").wide)
    assert meeting.hears("morez").mixed == {"anna"}


def test_a_sound_that_changes_its_clock_changes_its_place():
    meeting = browsers("anna", "ben")
    meeting.tell(SoundStarted(BEN, Codec.PCMA))
    heard = meeting.hears("anna")
    assert (heard.wide, heard.narrow) == ((None, None, None), ("ben", None, None))


def test_without_a_mixer_a_room_codec_hears_the_loudest_it_can_decode():
    meeting = Meeting(mixing=False)
    meeting.join("morez", codec())
    meeting.join("anna", browser())
    meeting.join("oyonnax", codec())
    meeting.join("dole", codec())
    meeting.talk(3, anna=10, dole=20)
    heard = meeting.hears("morez")
    assert (heard.wide, heard.narrow, heard.mixed) == ((), ("dole",), frozenset())
    meeting.talk(3, oyonnax=20)
    assert meeting.hears("morez").narrow == ("oyonnax",)


def test_without_a_mixer_nothing_is_mixed_for_anybody():
    meeting = Meeting(mixing=False)
    meeting.join("anna", browser(sounds=[Codec.OPUS]))
    meeting.join("morez", codec())
    meeting.tell(SoundRuleSet(ANNA, 0))
    assert meeting.hears("anna").mixed == frozenset()


def test_a_voice_a_moderator_took_away_is_heard_by_nobody_until_it_is_given_back():
    meeting = browsers("anna", "ben")
    meeting.join("morez", codec())
    meeting.tell(SoundMuted(BEN, True))
    assert meeting.hears("anna").wide == (None, None, None)
    assert meeting.hears("morez").mixed == {"anna"}
    meeting.tell(SoundMuted(BEN, False))
    assert meeting.hears("anna").wide == ("ben", None, None)
    assert meeting.hears("morez").mixed == {"anna", "ben"}


def test_who_is_muted_does_not_become_the_speaker():
    meeting = browsers("anna", "ben")
    meeting.talk(3, anna=20)
    meeting.tell(SoundMuted(BEN, True))
    meeting.talk(3, ben=10)
    assert meeting.room.leader == "anna"

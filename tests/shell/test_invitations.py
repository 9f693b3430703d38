"""A guest's link opens one room for its time, and nothing else ever."""

import os
import stat

from hypothesis import given
from hypothesis import strategies as st

from sfu.model import RoomId
from sfu.shell.invitations import KEY_FILE, Invitations

ROOM, OTHER = RoomId("4201"), RoomId("4202")
NOW = 1_800_000_000.0


def test_a_link_opens_its_room_until_its_end():
    links = Invitations(b"k")
    word = links.make(ROOM, NOW + 60)
    opened = [
        links.opens(word, room, now)
        for room, now in [(ROOM, NOW), (ROOM, NOW + 59), (ROOM, NOW + 60), (OTHER, NOW)]
    ]
    assert opened == [True, True, False, False]


def test_a_link_of_another_key_or_process_opens_nothing():
    assert not Invitations(b"k").opens(Invitations(b"l").make(ROOM, NOW + 60), ROOM, NOW)
    assert not Invitations().opens(Invitations().make(ROOM, NOW + 60), ROOM, NOW)


@given(st.text())
def test_nothing_made_up_opens_anything(word):
    assert not Invitations(b"k").opens(word, ROOM, 0.0)


@given(st.integers(0, 60), st.characters())
def test_a_link_that_was_altered_opens_nothing(place, letter):
    links = Invitations(b"k")
    word = links.make(ROOM, NOW + 60)
    place %= len(word)
    altered = word[:place] + letter + word[place + 1 :]
    assert links.opens(altered, ROOM, NOW) is (altered == word)


def test_the_key_is_kept_for_its_owner_and_ends_all_links_when_it_goes(tmp_path):
    word = Invitations.kept(tmp_path).make(ROOM, NOW + 60)
    assert Invitations.kept(tmp_path).opens(word, ROOM, NOW)
    assert stat.S_IMODE(os.stat(tmp_path / KEY_FILE).st_mode) == 0o600
    (tmp_path / KEY_FILE).unlink()
    assert not Invitations.kept(tmp_path).opens(word, ROOM, NOW)

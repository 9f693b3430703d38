from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.budget import Budget, Sound, budget
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.model import Framing

PPPOE = Encapsulation(Framing.ATM, 40)
G722 = Sound(200, 50)
OPUS = Sound(122, 50)


def test_a_room_codec_alone_behind_two_megabit():
    shares = budget(2_000_000, PPPOE, [G722], browsers=0)
    assert shares == Budget(2_000_000, sound_bps=106_000, control_bps=25_000)
    assert shares.picture_bps == 1_769_000
    # as IP, in packets of 1,228 bytes: what an encoder may be asked for
    assert round(shares.ask_bps * 1228 / PPPOE.line_bytes(1228) / 1000) == 1290


def test_a_codec_and_two_browsers_that_hear_one_mix_each():
    shares = budget(2_000_000, PPPOE, [G722, OPUS, OPUS], browsers=2)
    assert shares.picture_bps == 1_900_000 - (106_000 + 2 * 84_800) - 55_000


def test_a_line_that_speech_alone_fills_has_nothing_for_pictures():
    shares = budget(150_000, PPPOE, [G722, OPUS], browsers=1)
    assert not shares.carries_sound
    assert shares.picture_bps == shares.ask_bps == 0


@given(
    st.integers(64_000, 10_000_000),
    st.lists(st.builds(Sound, st.integers(40, 400), st.sampled_from([16.7, 25, 50])), max_size=30),
    st.integers(0, 20),
)
def test_shares_never_add_up_to_more_than_is_used(capacity, sounds, browsers):
    shares = budget(capacity, PPPOE, sounds, browsers)
    if shares.carries_sound:
        total = shares.sound_bps + shares.control_bps + shares.picture_bps
        assert total == shares.usable_bps <= capacity
    assert shares.ask_bps <= shares.picture_bps

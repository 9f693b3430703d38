from hypothesis import given
from hypothesis import strategies as st

from sfu.room.keys import SAME_S, Keys, Way

SOUND, INFO, EVENT = Way.SOUND, Way.INFO, Way.EVENT


def press(*presses: tuple[float, Way, str]) -> str:
    keys = Keys()
    return "".join(key for at, way, key in presses if keys.press(way, key, at))


def test_each_way_alone_is_believed():
    for way in Way:
        assert press((0, way, "4"), (0.1, way, "4"), (0.2, way, "2")) == "442"


def test_a_tone_left_in_the_sound_beside_events_is_not_counted_twice():
    assert press((0, EVENT, "4"), (0.1, SOUND, "4"), (0.5, EVENT, "2"), (0.6, SOUND, "2")) == "42"


def test_a_better_way_that_comes_later_tells_nothing_twice():
    story = (0, SOUND, "4"), (0.3, INFO, "4"), (0.5, SOUND, "2"), (0.8, INFO, "2")
    assert press(*story) == "42"


def test_a_better_way_may_be_two_keys_behind():
    story = (0, SOUND, "4"), (0.2, SOUND, "2"), (0.4, INFO, "4"), (0.5, INFO, "2"), (0.7, INFO, "0")
    assert press(*story) == "420"


def test_the_same_key_pressed_again_by_the_better_way_counts():
    assert press((0, SOUND, "4"), (0.1, EVENT, "4"), (0.4, EVENT, "4")) == "44"
    assert press((0, SOUND, "4"), (SAME_S + 0.1, EVENT, "4")) == "44"


@given(st.text("0123456789*#", max_size=12), st.sets(st.sampled_from(Way), min_size=1))
def test_whatever_ways_a_unit_says_its_keys_they_come_once(keys, ways):
    story = [(n * 0.5 + (3 - way) * 0.1, way, key) for n, key in enumerate(keys) for way in ways]
    assert press(*sorted(story)) == keys

from hypothesis import given
from hypothesis import strategies as st

from sfu.room.loudness import ATTACK_S, SPEAKING, STALE_S, ZERO_DBOV, Loudness


def hear(
    *levels: int, loudness: Loudness | None = None, start: float = 0.0
) -> tuple[Loudness, float]:
    """Feed one level each tenth of a second; return the loudness and the time of the last."""
    loudness, now = loudness or Loudness(start), start
    for level in levels:
        now = round(now + 0.1, 3)
        loudness.hear(level, now)
    return loudness, now


def score(*levels: int) -> float:
    loudness, now = hear(*levels)
    return loudness.at(now)


def test_who_talks_is_heard_to_speak_within_half_a_second():
    assert score(*[30] * 3) >= SPEAKING


def test_a_door_that_slams_is_no_speech():
    after = [127] * 3
    assert score(*[127] * 10, 15, *after) < SPEAKING


def test_a_fan_that_was_there_from_the_start_never_speaks():
    for count in range(1, 100):
        assert score(*[42] * count) < SPEAKING


def test_a_fan_switched_on_in_a_quiet_room_ends_as_noise():
    assert score(*[75] * 50, *[44] * 80) < SPEAKING


def test_speech_above_a_fan_is_heard_though_it_would_be_too_soft_to_be_always_speech():
    loudness, now = hear(*[60] * 40)
    loudness, now = hear(*[40] * 6, loudness=loudness, start=now)
    assert loudness.at(now) >= SPEAKING


def test_a_steady_tone_that_is_loud_is_meant_to_be_heard():
    assert score(*[20] * 600) >= SPEAKING


def test_who_stops_is_silent_within_a_second():
    assert score(*[25] * 30, *[127] * 10) < SPEAKING


def test_a_louder_voice_has_a_higher_score():
    assert score(*[20] * 20) > score(*[30] * 20) > score(*[40] * 2)


def test_who_is_no_longer_heard_of_is_silent():
    loudness, now = hear(*[20] * 20)
    assert loudness.at(now + STALE_S) > 0
    assert loudness.at(now + STALE_S + 0.01) == 0


def test_one_level_after_a_long_silence_counts_for_a_moment_only():
    loudness = Loudness(0.0)
    loudness.hear(20, 500.0)
    assert loudness.at(500.0) < 40 * 0.2 / ATTACK_S


@given(st.lists(st.integers(-1000, 1000), max_size=60))
def test_whatever_a_peer_claims_the_score_stays_in_its_range(levels):
    assert 0.0 <= score(*levels) <= ZERO_DBOV

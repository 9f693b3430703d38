from dataclasses import replace

import pytest

from sfu.media.checkup import Finding, Seen, judge

GOOD = {Finding.PICTURE_GOOD, Finding.SOUND_GOOD}

WELL = Seen(True, True, 800_000, 0.0, 4, 64_000, 0.0, 30, 0.0, 0.04)


def test_a_room_that_is_well_is_said_to_be():
    assert set(judge(WELL)) == GOOD


@pytest.mark.parametrize(
    ("amiss", "finding"),
    [
        ({"sends_pictures": False}, Finding.PICTURE_NOT_AGREED),
        ({"picture_bps": 0, "keyframes": 0}, Finding.PICTURE_MISSING),
        ({"keyframes": 0}, Finding.PICTURE_WITHOUT_KEY_FRAME),
        ({"picture_loss": 0.05}, Finding.PICTURE_LOSSY),
        ({"sound_bps": 0}, Finding.SOUND_MISSING),
        ({"level_dbov": 90}, Finding.SOUND_SILENT),
        ({"sound_loss": 0.05}, Finding.SOUND_LOSSY),
        ({"takes_pictures": False}, Finding.PATTERN_NOT_TAKEN),
        ({"sent_loss": 0.1}, Finding.SENT_LOSSY),
        ({"rtt_s": 0.7}, Finding.SLOW),
        ({"whole": False}, Finding.LEFT_EARLY),
    ],
)
def test_what_is_amiss_is_found_and_the_rest_is_still_judged(amiss, finding):
    found = judge(replace(WELL, **amiss))
    assert finding in found
    assert len(set(found) & GOOD) >= 1


def test_a_round_trip_nobody_measured_is_not_slow():
    assert Finding.SLOW not in judge(replace(WELL, rtt_s=None))

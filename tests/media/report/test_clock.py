from sfu.media.report.clock import Clocks, LeastOffset
from sfu.media.rtp import ntp
from sfu.model import MemberId, SourceId

SOUND, PICTURE = SourceId(1), SourceId(2)
ANNA = MemberId("anna")
THEIRS = 1_000_000_000.0
"""Their wall clock less our monotonic one: decades off is nothing unusual."""


def member() -> Clocks:
    clocks = Clocks()
    clocks.add(SOUND, ANNA, 48_000)
    clocks.add(PICTURE, ANNA, 90_000)
    return clocks


def sound(at: float) -> int:
    return int(7_000_000 + at * 48_000) & 0xFFFFFFFF


def picture(at: float) -> int:
    return int(0xFFFF0000 + at * 90_000) & 0xFFFFFFFF


def report(clocks: Clocks, source: SourceId, at: float, queued: float, shift: float = 0.0) -> None:
    """An SR made at `at` that took `queued` seconds to arrive."""
    timestamp = sound(at) if source == SOUND else picture(at)
    clocks.reported(source, ntp.from_unix(at + THEIRS + shift), timestamp, at + queued)


def apart(clocks: Clocks, at: float) -> float:
    """By how much the two timestamps given for one instant differ in capture time."""
    heard, seen = clocks.timestamp(SOUND, at), clocks.timestamp(PICTURE, at)
    assert heard is not None
    assert seen is not None
    return (
        (heard - sound(at) + 2**31) % 2**32 / 48_000
        - (seen - picture(at) + 2**31) % 2**32 / 90_000
        - (2**31 / 48_000 - 2**31 / 90_000)
    )


def test_sound_and_picture_keep_together_however_their_reports_were_queued():
    clocks = member()
    clocks.arrived(SOUND, sound(10), 10.02)
    clocks.arrived(PICTURE, picture(10), 10.3)  # pictures are big, and wait
    report(clocks, SOUND, 10.0, 0.05)
    report(clocks, PICTURE, 10.5, 0.9)
    assert abs(apart(clocks, 12.0)) < 0.001


def test_the_quickest_report_says_how_far_the_clocks_are_apart():
    clocks = member()
    clocks.arrived(SOUND, sound(10), 10.0)
    for at, queued in ((10, 0.5), (11, 0.02), (12, 0.7)):
        report(clocks, SOUND, at, queued)
    timestamp = clocks.timestamp(SOUND, 13.0)
    assert timestamp is not None
    assert abs(timestamp - sound(13.0 - 0.02)) <= 2


def test_a_clock_set_anew_parts_nobody():
    clocks = member()
    for source, timestamp in ((SOUND, sound(10)), (PICTURE, picture(10))):
        clocks.arrived(source, timestamp, 10.0)
        report(clocks, source, 10.0, 0.01)
    report(clocks, SOUND, 15.0, 0.01, shift=3600.0)
    assert abs(apart(clocks, 16.0)) < 0.001
    report(clocks, PICTURE, 16.0, 0.01, shift=3600.0)
    assert abs(apart(clocks, 17.0)) < 0.001


def test_without_reports_the_quickest_arrival_counts():
    clocks = member()
    for at, late in ((10.0, 0.3), (10.4, 0.01), (10.5, 0.2)):
        clocks.arrived(SOUND, sound(at), at + late)
    timestamp = clocks.timestamp(SOUND, 11.0)
    assert timestamp is not None
    assert abs(timestamp - sound(10.99)) <= 2


def test_the_mix_is_older_than_its_arrival_by_its_delay():
    clocks = Clocks()
    clocks.add(SOUND, None, 48_000)
    clocks.arrived(SOUND, 5_000, 10.0)
    clocks.set_delay(SOUND, 0.06)
    assert clocks.timestamp(SOUND, 9.94) == 5_000


def test_a_report_that_makes_no_sense_is_not_believed():
    clocks = member()
    clocks.arrived(SOUND, sound(10), 10.0)
    clocks.reported(SOUND, ntp.from_unix(10.0 + THEIRS), 12345, 10.0)
    clocks.reported(PICTURE, 0, 12345, 10.0)  # no wall clock at all
    assert clocks.timestamp(SOUND, 10.0) == sound(10)


def test_timestamps_wrap():
    clocks = member()
    clocks.arrived(PICTURE, 0xFFFFFF00, 10.0)
    clocks.arrived(PICTURE, 90_000 - 0x100, 11.0)
    assert clocks.timestamp(PICTURE, 12.0) == 180_000 - 0x100


def test_another_ssrc_begins_anew_and_the_unknown_have_no_time():
    clocks = member()
    assert clocks.timestamp(SOUND, 1.0) is None
    clocks.arrived(SOUND, sound(10), 10.0)
    report(clocks, SOUND, 10.0, 0.0)
    clocks.restart(SOUND)
    clocks.arrived(SOUND, 77, 11.0)
    assert clocks.timestamp(SOUND, 11.0) == 77
    clocks.remove(SOUND)
    assert clocks.timestamp(SOUND, 11.0) is None


def test_an_old_least_is_forgotten_after_two_windows():
    least = LeastOffset(1.0)
    for now, offset in ((0.0, 0.1), (20.0, 0.5), (31.0, 0.5), (62.0, 0.5), (93.0, 0.5)):
        least.add(offset, now)
    assert least.value == 0.5

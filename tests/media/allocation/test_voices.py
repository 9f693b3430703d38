from sfu.media.allocation.budget import Sound
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import Hearing
from sfu.media.allocation.voices import STEPS, Voices
from sfu.model import Framing, LineId, MemberId

PPPOE = Encapsulation(Framing.ATM, 40)
G722 = Sound(200, 50)
OPUS = Sound(122, 50)


def hearing(count, voices=3, mixed=True):
    return [Hearing(MemberId(f"m{n}"), LineId(1), voices, OPUS, mixed) for n in range(count)]


def play(voices, bps, who, start, end, fixed=(G722,)):
    steps = []
    for tick in range(10 * start, 10 * end):
        voices.update(PPPOE, int(bps), fixed, len(who), who, tick / 10)
        steps.append(voices.step)
    return steps


def test_one_browser_beside_a_codec_hears_three_voices_on_two_megabit():
    assert play(Voices(), 2e6, hearing(1), 0, 1)[-1] == 0


def test_four_browsers_hear_the_loudest_one():
    # 12 x 84.8 kbit/s would be more than half of the line
    step = play(Voices(), 2e6, hearing(4), 0, 1)[-1]
    assert STEPS[step].forwarded == 1


def test_where_even_that_does_not_fit_they_have_a_mix_of_longer_packets():
    step = play(Voices(), 500e3, hearing(4), 0, 1)[-1]
    assert (STEPS[step].forwarded, STEPS[step].ptime_ms) == (0, 40)
    assert PPPOE.line_bps(80 + 62, 25) < PPPOE.line_bps(122, 50)


def test_without_a_mixer_the_loudest_is_the_last_step():
    step = play(Voices(), 200e3, hearing(4, mixed=False), 0, 1)[-1]
    assert STEPS[step].forwarded == 1


def test_down_at_once_and_up_step_by_step():
    voices = Voices()
    who = hearing(2)
    play(voices, 2e6, who, 0, 10)
    assert play(voices, 300e3, who, 10, 11)[0] == 2
    steps = play(voices, 2e6, who, 20, 60)
    assert steps[0] == 2
    assert steps.index(1) >= 50
    assert steps.index(0) >= steps.index(1) + 50

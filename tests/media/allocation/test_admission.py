from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.admission import Adds, Admission, Admitted, admit
from sfu.media.allocation.budget import Sound
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import Capacity, LineState
from sfu.media.allocation.rung import Why
from sfu.model import Framing, LineId

PPPOE = Encapsulation(Framing.ATM, 40)
OPUS = Sound(142, 50)
G722 = Sound(200, 50)
BROWSER = Adds((OPUS,), (OPUS,), browser=True, picture_down_bps=60_000, picture_up_bps=60_000)


def line(bps, sounds=(), browsers=0):
    down = up = Capacity(bps)
    return LineState(LineId(1), PPPOE, up, down, sounds, sounds, browsers, browsers)


def test_a_line_nobody_reckons_with_takes_everybody():
    assert admit(None, BROWSER).admitted is Admitted.FULL


def test_a_browser_joins_a_codec_on_two_megabit():
    assert admit(line(2_000_000, (G722,)), BROWSER).admitted is Admitted.FULL


def test_a_call_whose_sound_fits_and_whose_picture_does_not_is_one_of_sound():
    verdict = admit(line(300_000, (G722,)), BROWSER)
    # 0.95 x 300 - 106 - 25 are free; Opus 84.8, control 15, the smallest picture 60
    assert verdict == Admission(Admitted.SOUND_ONLY, 159_800, 154_000, Why.LINE_DOWN)


def test_a_call_that_would_break_the_speech_of_others_is_refused_with_figures():
    verdict = admit(line(256_000, (G722,)), Adds((G722,), (G722,)))
    assert verdict == Admission(Admitted.FULL, 106_000, 112_200, Why.ROOM)
    verdict = admit(line(256_000, (G722, OPUS)), Adds((G722,), (G722,)))
    assert verdict == Admission(Admitted.REFUSED, 106_000, 27_400, Why.LINE_DOWN)


def test_the_way_up_decides_where_it_is_the_thinner_one():
    thin = LineState(LineId(1), PPPOE, Capacity(100_000), Capacity(2_000_000))
    verdict = admit(thin, BROWSER)
    assert (verdict.admitted, verdict.why) == (Admitted.REFUSED, Why.LINE_UP)


def test_voices_that_could_be_fewer_count_as_they_would_be():
    assert admit(line(300_000), BROWSER, [OPUS]).admitted is Admitted.FULL
    assert admit(line(300_000), BROWSER, [OPUS] * 3).admitted is Admitted.REFUSED


@given(st.integers(64_000, 3_000_000), st.integers(0, 12), st.integers(0, 6))
def test_who_is_taken_in_never_takes_anybodys_speech(bps, codecs, browsers):
    sounds = (G722,) * codecs + (OPUS,) * browsers
    verdict = admit(line(bps, sounds, browsers), BROWSER)
    whole = sum(PPPOE.line_bps(one.ip_bytes, one.packets_per_s) for one in (*sounds, OPUS))
    fits = whole + 25_000 + 15_000 * (browsers + 1) <= int(0.95 * bps)
    assert (verdict.admitted is not Admitted.REFUSED) == fits

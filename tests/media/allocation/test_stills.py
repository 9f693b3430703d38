from sfu.media.allocation.stills import EACH_S, SHOWN_S, Stills
from sfu.model import SinkId


def test_a_sink_is_open_for_a_moment_each_eight_seconds():
    stills = Stills()
    shown = [stills.shown(SinkId(1), eighth / 8) for eighth in range(192)]
    assert sum(shown) == 3 * round(8 * SHOWN_S)
    assert (shown[0], shown[40], shown[round(8 * EACH_S)]) == (True, False, True)

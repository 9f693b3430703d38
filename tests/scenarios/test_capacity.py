"""What a line of 2 Mbit/s carries: the arithmetic of docs/lines.md beside what is measured.

The arithmetic knows the line, the voices and the layers' limits only; the meeting is played whole.
Both agree within 5 %.
"""

import pytest

from sfu.media.allocation.budget import Sound, budget
from sfu.media.allocation.cost import Cost, cost
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.share import ASK_MOST
from sfu.media.allocation.usual import usual
from sfu.media.engine.pacer import PictureClass
from sfu.model import Framing
from tests.scenarios.measure import Measures
from tests.scenarios.packet import BROWSER_BYTES, OPUS_BYTES
from tests.scenarios.play import play
from tests.scenarios.scenario import all_scenarios

pytestmark = pytest.mark.scenario

RATE_BPS, FPS = 2_000_000, 25.0
CELLS = Encapsulation(Framing.ATM, 10)
VOICE = Sound(OPUS_BYTES + BROWSER_BYTES, 50.0)
PRICE: Cost = cost(CELLS, BROWSER_BYTES, FPS)
TOP_BPS, MIDDLE_BPS = 1_200_000, 350_000
"""The most the simulated cameras make of 720 and of 360 lines."""
AGREE = 0.05
BEGIN_S, END_S = 30.0, 60.0


def played(name: str) -> Measures:
    return play(next(one for one in all_scenarios() if one.id == name))


def carried_bps(measures: Measures, site: int) -> float:
    """Return all that left for a site, line bits a second."""
    out = next(one.line for one in measures.wiring.sites.values() if one.line.line == site + 1).out
    sent = sum(size for at, size, _ in out if BEGIN_S <= at / 1e6 < END_S)
    return 8 * sent / (END_S - BEGIN_S)


def seen_bps(measures: Measures, site: int, picture_class: PictureClass) -> list[float]:
    """Return the payload of each picture a site sees, of one class."""
    return [
        measures.rate(eye, int(BEGIN_S * 1e6), int(END_S * 1e6))
        for member, eye, sink in measures.eyes
        if member.site == site and sink.picture_class is picture_class
    ]


def test_two_sites_see_each_other_with_720_lines():
    shares = budget(RATE_BPS, CELLS, [VOICE], 1)
    payload_bps = min(PRICE.payload_bps(ASK_MOST * shares.picture_bps), TOP_BPS)
    line_bps = shares.sound_bps + PRICE.bps(payload_bps)
    assert payload_bps > usual(720, top=True).good_bps
    measures = played("two-of-720p")
    assert measures.top_layer
    for site in (1, 2):
        assert seen_bps(measures, site, PictureClass.MAIN) == [
            pytest.approx(payload_bps, rel=AGREE)
        ]
        assert carried_bps(measures, site) == pytest.approx(line_bps, rel=AGREE)


def test_four_sites_see_the_speaker_large_and_two_small():
    shares = budget(RATE_BPS, CELLS, [VOICE] * 3, 1)
    small_bps = min(usual(360, top=False).good_bps, MIDDLE_BPS)
    room_bps = ASK_MOST * shares.picture_bps - 2 * PRICE.bps(small_bps)
    large_bps = min(PRICE.payload_bps(room_bps), TOP_BPS)
    line_bps = shares.sound_bps + PRICE.bps(large_bps) + 2 * PRICE.bps(small_bps)
    assert large_bps > usual(720, top=True).good_bps
    measures = played("four-sites")
    assert measures.stage_height >= 360
    assert measures.small_pictures == 2
    for site in (2, 3, 4):  # site 1 speaks, and sees who spoke before
        assert seen_bps(measures, site, PictureClass.MAIN) == [pytest.approx(large_bps, rel=AGREE)]
        assert (
            seen_bps(measures, site, PictureClass.THUMBNAIL)
            == [pytest.approx(small_bps, rel=AGREE)] * 2
        )
        assert carried_bps(measures, site) == pytest.approx(line_bps, rel=AGREE)

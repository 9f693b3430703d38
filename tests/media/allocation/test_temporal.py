"""Half the pictures of a stream: which layer is the highest, and what it costs."""

import pytest

from sfu.media.allocation.cost import cost
from sfu.media.allocation.temporal import ALL, PART, half, highest
from tests.media.allocation.scene import ATM16


@pytest.mark.parametrize(
    ("temporals", "halved", "layer"),
    [(3, True, 1), (2, True, 0), (1, True, ALL), (3, False, ALL), (1, False, ALL)],
)
def test_the_uppermost_layer_is_left_out(temporals, halved, layer):
    assert highest(temporals, halved=halved) == layer


def test_half_the_pictures_have_half_the_headers_and_more_than_half_the_rate():
    whole, part = cost(ATM16, 62, 25.0), half(cost(ATM16, 62, 25.0))
    assert part.bps(0) == 0
    for bps in (50_000, 300_000, 1_200_000):
        slow = cost(ATM16, 62, 12.5)
        assert part.bps(bps) == pytest.approx(slow.bps(PART * bps))
        assert whole.bps(bps) / 2 < part.bps(bps) < 0.7 * whole.bps(bps)

"""A line is believed to bear what is configured until something shows."""

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.bwe import Estimate, LineEstimator, Why
from sfu.model import Framing

PPPOA = Encapsulation(Framing.ATM, 10)


def test_a_line_starts_at_its_configured_rate():
    assert LineEstimator(2_000_000, PPPOA).estimate == Estimate(
        2_000_000, 0.0, 0.0, False, Why.CONFIGURED
    )


def test_a_line_nobody_described_starts_low():
    assert LineEstimator(None, PPPOA).estimate.capacity_bps == 600_000

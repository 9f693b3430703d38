import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.cost import PACKET_BYTES, cost
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.model import Framing

WRAPS = [
    Encapsulation(Framing.PLAIN, 0),
    Encapsulation(Framing.EFM, 30),
    Encapsulation(Framing.ATM, 16),
    Encapsulation(Framing.ATM, 40),
]


def counted(wrap, payload_bps, fps, headers=62):
    """Cut frames that vary in size as libwebrtc does, and count each packet on the line."""
    total = frames = 0
    for step in range(200):
        frame = payload_bps / 8 / fps * (0.6 + 0.8 * step / 199)
        packets = max(-(-int(frame) // PACKET_BYTES), 1)
        total += packets * wrap.line_bytes(round(frame / packets) + headers)
        frames += 1
    return total * 8 * fps / frames


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("kbps", [60, 150, 300, 640, 1500, 3000])
def test_arithmetic_and_packets_that_are_counted_agree_within_five_per_cent(wrap, kbps):
    reckoned = cost(wrap, 62, 25.0).bps(kbps * 1000)
    assert reckoned == pytest.approx(counted(wrap, kbps * 1000, 25), rel=0.05)


def test_nothing_takes_nothing():
    assert cost(WRAPS[2], 62, 25.0).bps(0) == 0


@given(st.sampled_from(WRAPS), st.floats(1e3, 1e7), st.sampled_from([5.0, 15.0, 25.0, 30.0]))
def test_what_fits_takes_no_more_than_there_is(wrap, bps, fps):
    price = cost(wrap, 62, fps)
    payload = price.payload_bps(bps)
    assert price.bps(payload) <= bps * (1 + 1e-9)
    assert payload == 0 or price.bps(payload) == pytest.approx(bps)

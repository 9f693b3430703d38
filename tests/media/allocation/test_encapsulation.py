import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.encapsulation import Encapsulation, ip_bytes
from sfu.model import Framing

PLAIN = Encapsulation(Framing.PLAIN, 0)
EFM_PPPOE = Encapsulation(Framing.EFM, 30)
ATM_PPPOA = Encapsulation(Framing.ATM, 10)
ATM_PPPOE = Encapsulation(Framing.ATM, 40)
ALL = st.sampled_from([PLAIN, EFM_PPPOE, ATM_PPPOA, ATM_PPPOE])


@pytest.mark.parametrize(
    ("line", "taken"), [(PLAIN, 1228), (EFM_PPPOE, 1278), (ATM_PPPOA, 1378), (ATM_PPPOE, 1431)]
)
def test_a_picture_packet_of_1200_bytes(line, taken):
    assert line.line_bytes(ip_bytes(1200, ipv6=False)) == taken


@pytest.mark.parametrize(
    ("line", "kbps"), [(PLAIN, 80.0), (EFM_PPPOE, 93.6), (ATM_PPPOA, 106.0), (ATM_PPPOE, 106.0)]
)
def test_g722_of_20_ms_in_plain_rtp(line, kbps):
    assert line.line_bps(160 + 12 + 28, 50) == kbps * 1000


def test_ipv6_costs_twenty_bytes_more():
    assert ip_bytes(100, ipv6=True) - ip_bytes(100, ipv6=False) == 20


def test_a_packet_that_fills_its_cells():
    assert ATM_PPPOE.best_ip_bytes(1228) == 1208
    assert ATM_PPPOA.best_ip_bytes(1240) == 1238
    assert EFM_PPPOE.best_ip_bytes(1228) == 1228


@given(ALL, st.integers(1, 1500), st.integers(1, 1500))
def test_more_bytes_never_take_less(line, one, other):
    small, large = sorted((one, other))
    assert small <= line.line_bytes(small) <= line.line_bytes(large)


@given(ALL, st.integers(60, 1500))
def test_the_best_packet_leaves_no_cell_half_empty(line, most):
    best = line.best_ip_bytes(most)
    assert best <= most
    if line.framing is Framing.ATM:
        assert (best + line.overhead_bytes) % 48 == 0

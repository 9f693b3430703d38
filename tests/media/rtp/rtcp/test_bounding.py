from hypothesis import given
from hypothesis import strategies as st

from sfu.media.rtp.rtcp import Limit
from sfu.media.rtp.rtcp.bounding import bounding_set, payload_bps, wire_bps
from sfu.model import Ssrc


def limit(bps: int, overhead: int, ssrc: int = 1) -> Limit:
    return Limit(Ssrc(ssrc), bps, overhead)


def left(one: Limit, packets: float) -> float:
    """Return what a limit leaves for payload at so many packets a second."""
    return max(0.0, one.bps - 8 * one.overhead * packets)


def test_alone_it_binds():
    assert bounding_set([limit(512_000, 40)]) == (limit(512_000, 40),)
    assert bounding_set([]) == ()


def test_a_higher_limit_of_the_same_headers_never_binds():
    assert bounding_set([limit(900_000, 40, 1), limit(512_000, 40, 2)]) == (limit(512_000, 40, 2),)


def test_more_headers_bind_when_packets_are_many():
    """RFC 5104 section 3.5.4.2: both receivers must be obeyed, each at its packet rates."""
    thin, fat = limit(35_000, 20, 1), limit(40_000, 80, 2)
    assert bounding_set([fat, thin]) == (thin, fat)


def test_who_would_bind_only_when_nothing_is_left_does_not_bind():
    assert bounding_set([limit(30_000, 60, 1), limit(90_000, 80, 2)]) == (limit(30_000, 60, 1),)


def test_payload_and_limit_are_two_sides_of_one_rate():
    assert payload_bps(1_240_000, 40) == 1_200_000
    assert wire_bps(1_200_000) == 1_240_000


limits = st.lists(
    st.builds(limit, st.integers(0, 5_000_000), st.integers(0, 511), st.integers(1, 9)), min_size=1
)


@given(limits, st.floats(0, 2_000))
def test_who_keeps_to_the_bounding_set_keeps_to_all(asked, packets):
    binding = bounding_set(asked)
    assert set(binding) <= set(asked)
    assert abs(min(left(b, packets) for b in binding) - min(left(a, packets) for a in asked)) < 1e-3


@given(limits)
def test_none_of_the_set_can_be_left_out_for_its_headers(asked):
    overheads = [one.overhead for one in bounding_set(asked)]
    assert overheads == sorted(set(overheads))


@given(st.integers(64_000, 50_000_000), st.integers(0, 511))
def test_a_limit_made_for_a_payload_leaves_it(payload, overhead):
    assert payload <= payload_bps(wire_bps(payload, overhead), overhead) <= payload + 1

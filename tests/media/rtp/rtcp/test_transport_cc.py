import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.rtp import rtcp
from sfu.media.rtp.rtcp import TransportFeedback


def feedback(base: int, *arrivals: int | None) -> TransportFeedback:
    return TransportFeedback(1, 2, base, 7, arrivals)  # type: ignore[arg-type]


@st.composite
def feedbacks(draw):
    ticks = draw(st.integers(0, 2**31))
    arrivals: list[int | None] = [ticks]
    steps = st.integers(0, 60) | st.integers(-300, 32_000) | st.none()
    for step in draw(st.lists(steps, max_size=80)):
        if step is not None:
            ticks = max(0, ticks + step)
        arrivals += [None] * draw(st.sampled_from([0, 0, 0, 1, 20])) if step is None else [ticks]
    return feedback(draw(st.integers(0, 0xFFFF)), *arrivals)


@given(feedbacks())
def test_every_arrival_survives(written):
    data = rtcp.compose([written])
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == (written,)


def test_fourteen_small_steps_make_one_chunk_and_fourteen_bytes():
    data = rtcp.compose([feedback(9, *range(256, 256 + 14))])
    assert data[12:20] == struct.pack("!HHBHB", 9, 14, 0, 1, 7)
    assert data[20:22] == struct.pack("!H", 1 << 13 | 14)
    assert data[22:36] == b"\0" + b"\1" * 13


def test_losses_among_small_steps_take_a_bit_each():
    data = rtcp.compose([feedback(0, 0, None, 1, None)])
    assert data[20:22] == struct.pack("!H", 0b10_10100000000000)


def test_a_packet_overtaken_has_a_negative_step():
    (read,) = rtcp.parse(rtcp.compose([feedback(0, 300, 290, 310)]))
    assert read == feedback(0, 300, 290, 310)


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack("!HHI", 0, 100, 0),  # statuses missing
        struct.pack("!HHIHH", 0, 4, 0, 1 << 13 | 4, 0),  # deltas missing
        struct.pack("!HHIHH", 0, 1, 0, 3 << 13 | 1, 0),  # status 3
    ],
)
def test_a_feedback_that_promises_more_than_it_holds_is_refused(tail):
    data = struct.pack("!BBHII", 0x8F, 205, 2 + len(tail) // 4, 1, 2) + tail
    with pytest.raises(PeerError):
        rtcp.parse(data)

"""A still picture as a film in a loop: packets every unit can take, a key frame by wish."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import UseError
from sfu.media.payload import h264
from sfu.media.rtp.packet import parse
from sfu.media.still import BURST, FRAME_S, PACE_S, START, Still, Wished, pictures
from sfu.model import Ssrc

SPS, PPS = bytes([0x67, 1]), bytes([0x68, 2])


def slices(kind: int, count: int) -> list[bytes]:
    """Return a picture's slices: the first begins at macroblock 0."""
    return [bytes([kind, 0x80 if number == 0 else 0x40, number + 1]) for number in range(count)]


GROUP = [SPS, PPS, *slices(0x65, 12), *slices(0x41, 1), *slices(0x41, 2)]
STREAM = b"".join(b"\0" + START + unit for unit in GROUP * 2)


def play(until: float, *wishes: float):
    """Return (time, packet) of a film, ticked each 50 ms."""
    still = Still(pictures(STREAM), 96, Ssrc(7), 100.0)
    sent, left = [], sorted(wishes)
    for step in range(round(until / 0.05) + 1):
        now = 100.0 + step * 0.05
        while left and 100 + left[0] <= now:
            left.pop(0)
            still.handle(Wished(), now)
        still.tick(now)
        sent += [(round(now - 100, 2), parse(one)) for one in still.poll(now)]
    return sent


def keyframes(sent) -> list[float]:
    return [at for at, one in sent if h264.nal_type(one.payload) == h264.SPS]


def test_a_stream_is_cut_into_pictures_with_their_parameters():
    assert [len(one) for one in pictures(STREAM)] == [14, 1, 2, 14, 1, 2]


def test_pictures_follow_each_other_and_begin_again():
    sent = play(7 * FRAME_S)
    assert keyframes(sent) == pytest.approx([0, 3 * FRAME_S, 6 * FRAME_S], abs=0.11)
    stamps = [one.timestamp for _, one in sent if one.marker]
    assert all(later > earlier for earlier, later in pairwise(stamps))


def test_a_wish_brings_the_next_key_frame_at_once():
    assert keyframes(play(0.5, 0.3))[:2] == pytest.approx([0, 0.3], abs=0.051)


def test_a_wish_while_a_key_frame_leaves_is_granted_by_it():
    assert keyframes(play(0.3, 0.02)) == [0]


def test_no_two_key_frames_in_a_row_are_the_same():
    film = [(b"\x67", b"first"), (b"\x41",), (b"\x67", b"second"), (b"\x41",)]
    still, keys = Still(film, 96, Ssrc(7), 0.0), []
    for now in (0.0, 1.0, 2.0, 3.0):
        still.handle(Wished(), now)
        still.tick(now)
        keys += [parse(one).payload for one in still.poll(now)][1:]
    assert keys == [b"first", b"second", b"first", b"second"]


@given(st.lists(st.floats(0, 2), max_size=20))
def test_whatever_is_wished_packets_stay_in_order_and_bursts_small(wishes):
    sent = play(2, *wishes)
    numbers = [one.sequence for _, one in sent]
    assert numbers == list(range(len(numbers)))
    times = [at for at, _ in sent]
    assert max(times.count(at) for at in times) <= BURST
    for at, one in sent:
        if one.marker:
            assert h264.nal_type(one.payload) in (1, 5)
        assert one.ssrc == 7
        assert 0 <= at <= 2


def test_bursts_keep_their_distance():
    still = Still(pictures(STREAM), 96, Ssrc(7), 0.0)
    still.tick(0.0)
    assert len(list(still.poll(0.0))) == BURST
    assert still.deadline == PACE_S
    assert list(still.poll(PACE_S / 2)) == []
    assert len(list(still.poll(PACE_S))) == 14 - BURST


@pytest.mark.parametrize(
    "stream",
    [b"", b"\0\0\1", START + bytes([0x65, 0x80]), START + SPS + START + bytes(1201)],
)
def test_what_cannot_be_sent_as_it_is_is_refused(stream):
    with pytest.raises(UseError):
        pictures(stream)

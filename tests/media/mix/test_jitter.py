"""Stories of packets in virtual time: (sequence, timestamp) in, what is played out.

G.711 at 20 ms: packet n carries 160 ticks and the payload b"n"; the sink pulls each 20 ms.
"""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.mix.jitter import (
    MOST_PACKETS,
    MOST_S,
    START_S,
    Conceal,
    Idle,
    JitterBuffer,
    Play,
    Silence,
)


class Story:
    """Packets with arrival times, played against a 20 ms beat."""

    def __init__(self, first_timestamp: int = 0):
        self.buffer = JitterBuffer(8000)
        self.origin = first_timestamp
        self.pending: list[tuple[float, int, int]] = []
        self.beat = 0

    def send(self, numbers, delay=lambda n: 0.0):
        """Let packet n arrive at n * 20 ms + delay."""
        for n in numbers:
            self.pending.append((0.02 * n + delay(n), n, (self.origin + 160 * n) % 2**32))
        self.pending.sort()
        return self

    def play(self, until: float, quiet: bool = True):
        """Pull until this time; return what was played: numbers, and letters for the rest."""
        heard: list[int | str] = []
        while self.beat * 0.02 + 0.003 < until:
            now = self.beat * 0.02 + 0.003
            while self.pending and self.pending[0][0] <= now:
                at, n, stamp = self.pending.pop(0)
                self.buffer.insert(n & 0xFFFF, stamp, 160, b"%d" % n, at)
            match self.buffer.pull(now, quiet):
                case Play(payload):
                    heard.append(int(payload))
                case Conceal():
                    heard.append("c")
                case Silence():
                    heard.append("s")
                case Idle():
                    heard.append(".")
            self.beat += 1
        return heard


def numbers(heard):
    return [one for one in heard if isinstance(one, int)]


def test_a_calm_stream_is_played_whole_and_soon():
    story = Story().send(range(50))
    heard = story.play(1.0)
    first = heard.index(0)
    assert first <= 2
    assert heard[first:] == list(range(50 - first))
    assert story.buffer.delay_s < START_S + 0.02


@pytest.mark.parametrize("origin", [0, 2**32 - 800, 2**31 - 800, 3_000_000_000])
def test_timestamps_may_wrap(origin):
    heard = numbers(Story(origin).send(range(50)).play(1.0))
    assert heard == list(range(len(heard)))
    assert len(heard) >= 47


def test_a_lost_packet_costs_one_concealed_frame_and_no_delay():
    story = Story().send(n for n in range(50) if n != 20)
    heard = story.play(1.0, quiet=False)
    assert heard[heard.index(0) :] == [*range(20), "c", *range(21, 50 - heard.index(0))]


def test_the_packet_after_a_lost_one_is_offered_for_its_fec():
    buffer = JitterBuffer(48000)
    for n in (0, 1, 3):
        buffer.insert(n, 960 * n, 960, b"%d" % n, 0.02 * n)
    answers = [buffer.pull(0.06 + 0.02 * n, False) for n in range(4)]
    assert answers == [Play(b"0"), Play(b"1"), Conceal(960, b"3"), Play(b"3")]


def test_two_packets_in_the_wrong_order_are_played_in_the_right_one():
    story = Story().send(range(30), lambda n: 0.021 if n == 10 else 0.0)
    assert numbers(story.play(0.6, quiet=False)) == list(range(28))


def test_a_packet_twice_is_played_once():
    heard = Story().send(range(20)).send(range(20)).play(0.4)
    assert max(Counter(numbers(heard)).values()) == 1


def test_jitter_makes_the_buffer_deeper_and_a_calm_network_shallower_again():
    story = Story().send(range(150), lambda n: 0.06 if n % 3 == 0 else 0.0)
    story.send(range(150, 900))
    story.play(3.0)
    assert 0.07 < story.buffer.target_s < 0.12
    deep = story.buffer.delay_s
    rough = story.buffer.counts.concealed
    story.play(18.0)
    assert story.buffer.target_s < 0.04
    assert story.buffer.delay_s < deep
    assert story.buffer.counts.left_out >= 1
    assert story.buffer.counts.concealed == rough


def test_while_somebody_speaks_no_frame_is_left_out_for_a_little_delay():
    story = Story().send(range(150), lambda n: 0.06 if n % 3 == 0 else 0.0).send(range(150, 900))
    story.play(3.0, quiet=False)
    assert story.buffer.counts.left_out == 0
    assert story.buffer.counts.put_in == 0


def test_a_stall_is_waited_for_and_what_it_held_is_played_after_all():
    story = Story().send(range(100), lambda n: max(0.0, 1.15 - 0.02 * n) if 50 <= n < 58 else 0.0)
    heard = numbers(story.play(2.3, quiet=False))
    assert set(range(100)) - set(heard) <= set(range(50, 62))
    assert len(heard) >= 95
    assert story.buffer.delay_s <= MOST_S


def test_delay_ends_at_200_ms_whatever_the_network_does():
    story = Story().send(range(300), lambda n: 0.9 if 100 <= n < 200 else 0.0)
    for second in range(1, 7):
        story.play(float(second))
        assert story.buffer.target_s <= MOST_S
        assert story.buffer.delay_s <= MOST_S + 0.1


def test_a_sender_that_stops_is_idle_after_200_ms_and_comes_back():
    story = Story().send(range(20)).send(range(100, 120))
    heard = story.play(2.4)
    assert heard.count("c") <= 11
    assert heard[40:95] == ["."] * 55
    assert numbers(heard) == [*range(20), *range(100, 119)]


def test_a_pause_of_a_sender_with_silence_suppression_is_silence_not_loss():
    buffer = JitterBuffer(8000)
    for n, stamp in ((0, 0), (1, 160), (2, 640)):  # consecutive numbers, 40 ms unsent
        buffer.insert(n, stamp, 160, b"%d" % n, stamp / 8000)
    answers = [buffer.pull(0.1, False) for _ in range(5)]
    assert answers == [Play(b"0"), Play(b"1"), Silence(160), Silence(160), Play(b"2")]


def test_a_new_timeline_is_taken_at_once():
    story = Story().send(range(50))
    story.play(1.0)
    story.origin = 123_456_789
    heard = story.send(range(50, 100)).play(2.0)
    assert numbers(heard)[-1] == 97
    assert len(numbers(heard)) >= 47
    assert story.buffer.counts.restarts == 1


def test_packets_of_60_ms_are_played_whole():
    buffer = JitterBuffer(8000)
    for n in range(3):
        buffer.insert(n, 480 * n, 480, b"%d" % n, 0.06 * n)
    answers = [buffer.pull(0.10 + 0.06 * n, False) for n in range(3)]
    assert answers == [Play(b"0"), Play(b"1"), Play(b"2")]


def test_a_clock_that_runs_one_in_a_thousand_fast_neither_starves_nor_piles_up():
    story = Story().send(range(3000), lambda n: -0.00002 * n)
    heard = story.play(59.0)
    assert heard.count("c") <= 2
    assert story.buffer.delay_s < 0.1


step = st.one_of(
    st.tuples(
        st.integers(0, 65535), st.integers(0, 2**32 - 1) | st.integers(0, 4000), st.integers(1, 960)
    ),
    st.booleans(),
)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 0.3), step), max_size=60))
def test_whatever_comes_nothing_is_played_twice_or_kept_for_ever(script):
    buffer, now = JitterBuffer(8000), 0.0
    played = Counter[bytes]()
    for index, (pause, event) in enumerate(script):
        now += pause
        if isinstance(event, tuple):
            sequence, timestamp, span = event
            buffer.insert(sequence, timestamp, span, b"%d" % index, now)
        elif isinstance(answer := buffer.pull(now, event), Play):
            played[answer.payload] += 1
        assert len(buffer._packets) <= MOST_PACKETS
        assert buffer.delay_s >= 0
        assert buffer.target_s <= MOST_S
    assert all(count == 1 for count in played.values())

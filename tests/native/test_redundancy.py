"""Sound sent twice (RFC 2198), C beside Python: lost packets are taken out of those behind them,
and a sink that wants it sends each sound again beside the next."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.engine.command import CloseSink
from sfu.media.payload import red
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Codec, Kind, SinkId, TransportId
from tests.native.test_forward import (
    DIGIT,
    OPUS,
    RED,
    Both,
    packet,
    red_payloads,
    sink,
    steps,
    twice,
)

PLAIN, BROWSER = 11, 13
"""A sink of one sound a packet; one that may have two."""
TICKS = 960


def speech(n: int) -> bytes:
    return bytes([0x78]) + f"frame {n}".encode()


def opus(n: int) -> bytes:
    return packet(n, speech(n), OPUS, at=n * TICKS)


def doubled(n: int, back: int = 1) -> bytes:
    earlier = [(TICKS * it, speech(n - it)) for it in range(back, 0, -1)]
    return packet(n, twice(*earlier, sound=speech(n)), RED, at=n * TICKS)


def open_both() -> Both:
    both = Both(Kind.AUDIO)
    both.route(PLAIN, 1)
    both.route(BROWSER, 1)
    return both


def heard(both: Both, sink_number: int) -> list[bytes]:
    """Give the sounds as a receiver plays them: by packet, or out of the one behind it."""
    played: dict[int, bytes] = {}
    for it in both.answers[sink_number]:
        if it.payload_type == 64:
            before, now = red.parse(it.payload)
            assert (before.payload_type, now.payload_type) == (112, 112)
            played.setdefault(it.timestamp - before.offset, before.payload)
            played[it.timestamp] = now.payload
        else:
            assert it.payload_type == 112
            played[it.timestamp] = it.payload
    return [played[at] for at in sorted(played)]


def test_who_wants_it_gets_each_sound_again_beside_the_next_and_others_do_not() -> None:
    both = open_both()
    for n in range(1, 5):
        both.feed(1, opus(n))
    assert [it.payload_type for it in both.answers[PLAIN]] == [112] * 4
    first, *rest = both.answers[BROWSER]
    assert (first.payload_type, first.payload) == (112, speech(1))
    assert [it.payload for it in rest] == [
        twice((TICKS, speech(n - 1)), sound=speech(n), pt=112) for n in range(2, 5)
    ]
    assert steps(both.answers[BROWSER]) == [1, 1, 1]
    assert both.stage.snapshot().sinks[SinkId(BROWSER)].redundant == 3
    both.finish()


def test_a_lost_sound_goes_on_in_its_place_out_of_the_packet_behind_it() -> None:
    both = open_both()
    for n in (1, 2, 4, 5):
        both.feed(1, doubled(n))
    assert heard(both, PLAIN) == heard(both, BROWSER) == [speech(n) for n in range(1, 6)]
    assert steps(both.answers[PLAIN]) == steps(both.answers[BROWSER]) == [1] * 4
    row = next(iter(both.stage.snapshot().sources.values()))
    assert (row.recovered, row.lost, row.packets, row.codec) == (1, 1, 4, Codec.OPUS)
    both.finish()


def test_two_lost_in_a_row_come_back_where_the_packet_holds_both() -> None:
    both = open_both()
    both.feed(1, doubled(1))
    both.feed(1, doubled(4, back=2))
    both.feed(1, doubled(7, back=1))  # 5 is gone for good, and leaves its hole
    assert heard(both, PLAIN) == [speech(n) for n in (1, 2, 3, 4, 6, 7)]
    assert steps(both.answers[PLAIN]) == [1, 1, 1, 2, 1]
    both.finish()


def test_what_was_sent_already_does_not_take_the_place_of_a_lost_digit() -> None:
    both = open_both()
    both.feed(1, doubled(1))
    sound = twice((TICKS, speech(1)), sound=speech(2))
    both.feed(1, packet(3, sound, RED, at=2 * TICKS))  # 2 was lost, and was no sound
    same = twice((0, speech(9)), sound=speech(3))
    both.feed(1, packet(5, same, RED, at=3 * TICKS))
    assert heard(both, PLAIN) == [speech(1), speech(2), speech(3)]
    row = next(iter(both.stage.snapshot().sources.values()))
    assert row.recovered == 0
    both.finish()


def test_one_that_was_late_and_not_lost_is_not_sent_again() -> None:
    both = open_both()
    for n in (1, 3, 2, 4):
        both.feed(1, doubled(n))
    assert heard(both, PLAIN) == [speech(n) for n in range(1, 5)]
    assert steps(both.answers[PLAIN]) == [1, 1, 1]
    both.finish()


def test_a_sink_may_begin_and_end_it_at_any_moment() -> None:
    both = Both(Kind.AUDIO)
    both.route(BROWSER, 1)
    able = sink(BROWSER, Kind.AUDIO)
    plain = replace(able, payloads=tuple(it for it in able.payloads if it[0] is not Codec.RED))
    for n in range(1, 13):
        both.apply(plain if n // 3 % 2 else able)
        both.feed(1, opus(n))
    assert steps(both.answers[BROWSER]) == [1] * 11
    assert [it.payload_type == 64 for it in both.answers[BROWSER]] == [
        n != 1 and not n // 3 % 2 for n in range(1, 13)
    ]
    both.finish()


def test_what_went_before_a_switch_is_not_sent_behind_it() -> None:
    both = Both(Kind.AUDIO)
    both.route(BROWSER, 1)
    both.feed(1, opus(1))
    both.feed(2, opus(101))
    both.route(BROWSER, 2)
    both.feed(2, opus(102))
    both.feed(2, opus(103))
    both.apply(CloseSink(SinkId(BROWSER)), sink(BROWSER, Kind.AUDIO))
    both.route(BROWSER, 2)
    both.feed(2, opus(104))
    assert [it.payload_type for it in both.answers[BROWSER]] == [112, 112, 64, 112]
    both.finish()


def test_a_digit_or_a_hole_between_ends_the_pair() -> None:
    both = open_both()
    both.feed(1, opus(1))
    both.feed(1, packet(2, b"\x05\x0a\x00\xa0", DIGIT, at=2 * TICKS))
    both.feed(1, opus(3))
    both.feed(1, opus(5))
    both.feed(1, opus(6))
    assert [it.payload_type for it in both.answers[BROWSER]] == [112, 112, 112, 64]
    both.finish()


def test_what_is_malformed_is_dropped_and_counted() -> None:
    both = open_both()
    both.feed(1, opus(1))
    hostile = [
        b"", b"\xef", b"\xef\x00\x00", b"\xef\x0f\x03\xff\x6f" + bytes(1022),
        b"\xef\x0f\x00\x01" * 9 + b"\x6f" + bytes(20), twice(sound=b"x", pt=RED),
        twice(sound=b"x", pt=5),
    ]  # fmt: skip
    for payload in hostile:
        both.feed(1, packet(2, payload, RED, at=2 * TICKS))
    assert both.stage.snapshot().transports[TransportId(1)].refused == len(hostile)
    both.feed(1, opus(2))
    assert heard(both, PLAIN) == [speech(1), speech(2)]
    both.finish()


def test_what_would_be_too_large_goes_alone() -> None:
    both = open_both()
    for n, size in enumerate((481, 100, 480, 1000, 480, 716, 10), 1):
        both.feed(1, packet(n, bytes(size), OPUS, at=n * TICKS))
    assert [it.payload_type for it in both.answers[BROWSER]] == [112, 112, 64, 112, 112, 112, 112]
    both.feed(1, packet(8, bytes(1185), OPUS, at=8 * TICKS))
    assert both.answers[BROWSER][-1].payload_type == 64
    both.finish()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([OPUS, RED, RED]), red_payloads, st.integers(0, 3)), max_size=40
    ),
    st.integers(0, 0xFFFF),
)
def test_c_and_python_agree_on_any_redundancy(
    script: list[tuple[int, list[bytes], int]], start: int
) -> None:
    both = open_both()
    number = start
    for pt, (payload,), step in script:
        number += step
        both.feed(1, packet(number, payload, pt, at=number * TICKS))
    both.finish()


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(2, 30)), st.sets(st.integers(2, 30)))
def test_what_one_packet_of_two_arrives_of_is_heard(up: set[int], down: set[int]) -> None:
    """No sound is missed but where two in a row are lost on one line."""
    both = open_both()
    for n in range(1, 32):
        if n not in up:
            both.feed(1, doubled(n))
    sent: list[RtpPacket] = both.answers[BROWSER]
    came = {n for n in range(1, 32) if n not in up or n + 1 not in up}
    assert heard(both, PLAIN) == [speech(n) for n in sorted(came)]
    both.answers[BROWSER] = [it for n, it in enumerate(sent) if n not in down]
    got = set(heard(both, BROWSER))
    for index, it in enumerate(sent):
        sound = red.parse(it.payload)[-1].payload if it.payload_type == 64 else it.payload
        behind = sent[index + 1] if index + 1 < len(sent) else None
        again = behind is not None and behind.payload_type == 64 and index + 1 not in down
        assert (sound in got) == (index not in down or again)
    both.finish()

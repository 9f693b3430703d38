"""Who begins late begins with the last key frame: C and Python tell the same stories."""

from dataclasses import replace

import pytest

from sfu.media.engine.command import SetLine, SetRoute
from sfu.media.rtp import packet as rtp
from sfu.model import Framing, Kind, LineId, SinkId, SourceId, Ssrc, TransportId
from tests.native.test_forward import (
    DELTA,
    IDR,
    PPS,
    SPS,
    VP8,
    Both,
    open_transport,
    packet,
    sink,
    source,
    stap,
    steps,
    vp8,
)

BIG = b"\x65\x88" + b"i" * 1000
SLICE = b"\x65\x08" + b"j" * 1000


def key_frame(both: Both, source: int = 1, first: int = 1, slices: int = 3) -> None:
    """An IDR picture of 3 kB, its sets before it, within 40 ms."""
    both.feed(source, packet(first, stap(SPS, PPS), at=first * 3000))
    for n in range(slices):
        picture = SLICE if n else BIG
        both.feed(source, packet(first + 1 + n, picture, at=first * 3000, marker=n == slices - 1))


def payloads(both: Both, number: int) -> list[bytes]:
    return [it.payload for it in both.answers[number]]


def waiting(both: Both, number: int) -> bool:
    return both.stage.snapshot().sinks[SinkId(number)].waiting


def test_the_first_key_frame_of_all_is_there_when_its_first_sink_comes() -> None:
    both = Both()
    key_frame(both)
    both.feed(1, packet(5, DELTA))
    both.route(11, 1)
    assert payloads(both, 11) == [SPS, PPS, BIG, SLICE, SLICE, DELTA]
    assert not waiting(both, 11)
    both.feed(1, packet(6, DELTA))
    assert steps(both.answers[11]) == [1] * 6
    assert payloads(both, 11)[-1] == DELTA
    both.finish()


def test_it_goes_to_who_begins_alone() -> None:
    both = Both()
    both.route(11, 1)
    key_frame(both)
    before = len(both.answers[11])
    for number in (12, 13, 14):
        both.route(number, 1)
    assert len(both.answers[11]) == before
    assert payloads(both, 13) == payloads(both, 14) == payloads(both, 11)
    for again in both.answers[14]:
        both.nack(14, again.sequence)
    both.finish()


def test_a_key_frame_that_is_still_coming_is_gone_on_with() -> None:
    both = Both()
    both.feed(1, packet(1, BIG, at=3000))
    both.feed(1, packet(2, SLICE, at=3000))
    both.route(11, 1)
    both.feed(1, packet(3, SLICE, at=3000, marker=True))
    assert payloads(both, 11) == [BIG, SLICE, SLICE]
    assert steps(both.answers[11]) == [1, 1]
    both.finish()


def test_a_switch_goes_on_in_numbers_times_and_pictures() -> None:
    both = Both()
    both.route(11, 1)
    both.feed(1, packet(1, vp8(40, 4, key=True), VP8, at=9000))
    both.feed(2, packet(700, vp8(900, 90, key=True), VP8, at=500_000))
    both.feed(1, packet(2, vp8(41, 5, key=False), VP8, at=12_000))
    both.route(11, 2)
    both.feed(2, packet(701, vp8(901, 91, key=False), VP8, at=503_000))
    both.feed(1, packet(3, vp8(42, 6, key=False), VP8, at=15_000))
    assert [it.payload[2:5].hex() for it in both.answers[11]] == [
        "802804", "802905", "802a06", "802b07",
    ]  # fmt: skip
    stamps = [it.timestamp for it in both.answers[11]]
    assert steps(both.answers[11]) == [1, 1, 1]
    assert stamps[2] == stamps[1] + 1  # it came before what was shown last
    assert stamps[3] == stamps[2] + 3000
    both.finish()


def test_what_is_sent_of_the_past_is_the_source_s_own_yet() -> None:
    """One sink writes its picture numbers into a copy: the next one, and RTX, find the original."""
    both = Both()
    both.feed(1, packet(1, vp8(500, 9, key=True), VP8, at=3000))
    for number in (11, 14):
        both.route(number, 1)
    assert payloads(both, 11) == payloads(both, 14) == [vp8(500, 9, key=True)]
    both.nack(14, both.answers[14][0].sequence)
    both.finish()


@pytest.mark.parametrize("why", ["stale", "hole", "dear", "restarted", "unknown codec", "too long"])
def test_it_waits_for_the_next_key_frame_where_the_last_one_is_no_good(why: str) -> None:
    both = Both()
    key_frame(both)
    match why:
        case "stale":
            both.feed(1, packet(5, DELTA), 990_000)
        case "hole":
            both.feed(1, packet(6, DELTA))
        case "dear":
            for n in range(10):
                both.feed(1, packet(5 + n, b"\x41" + b"d" * 1000))
        case "restarted":
            both.feed(1, packet(5, DELTA, ssrc=2))
        case "unknown codec":
            both.apply(replace(sink(11, Kind.VIDEO), payloads=()))
        case "too long":
            both.feed(1, packet(5, b"\x41" + bytes(1700)))
    both.route(11, 1)
    assert both.answers[11] == []
    assert waiting(both, 11)
    both.finish()


@pytest.mark.parametrize("age_us", [290_000, 310_000])
def test_another_layer_of_the_same_camera_goes_back_in_time_by_no_more_than_a_blink(
    age_us: int,
) -> None:
    both = Both()
    layers = [replace(source(n, Kind.VIDEO), transport=TransportId(1)) for n in (1, 3)]
    both.apply(*(replace(one, ssrc=Ssrc(80 + n)) for n, one in enumerate(layers)))
    both.route(11, 1)
    both.feed(1, packet(1, IDR, ssrc=80))
    both.feed(1, packet(501, IDR, ssrc=81))
    both.pass_time(age_us)
    both.route(11, 3)
    assert waiting(both, 11) == (age_us > 300_000)
    assert len(both.answers[11]) == (1 if waiting(both, 11) else 2)
    both.feed(1, packet(502, IDR, at=9_000_000, ssrc=81))
    assert not waiting(both, 11)
    both.finish()


def test_a_late_packet_closes_the_hole() -> None:
    both = Both()
    key_frame(both)
    both.feed(1, packet(6, DELTA))
    both.feed(1, packet(5, b"\x41late"))
    both.route(11, 1)
    assert payloads(both, 11)[-2:] == [b"\x41late", DELTA]
    both.finish()


def test_behind_a_line_it_leaves_as_the_line_takes_it() -> None:
    both = Both()
    both.apply(SetLine(LineId(1), 1_000_000, Framing.ATM, 10))
    both.apply(replace(open_transport(11), line=LineId(1)))
    key_frame(both)
    both.feed(1, packet(5, DELTA))
    both.route(11, 1)
    assert payloads(both, 11) == [SPS, PPS, BIG]  # of one packet
    assert both.stage.snapshot().lines[LineId(1)].waiting_packets == 3
    for _ in range(8):
        both.pass_time(5_000)
    assert payloads(both, 11) == [SPS, PPS, BIG, SLICE, SLICE, DELTA]
    assert steps(both.answers[11]) == [1] * 5
    both.finish()


def test_without_the_upper_layers_the_past_has_none_either() -> None:
    both = Both()
    key_frame(both)
    both.feed(1, packet(5, b"\x01\x9a" + b"nothing refers to it", at=30_000))
    both.feed(1, packet(6, DELTA, at=33_000))
    both.apply(SetRoute(SinkId(11), SourceId(1), 0))
    assert payloads(both, 11) == [SPS, PPS, BIG, SLICE, SLICE, DELTA]
    assert steps(both.answers[11]) == [1] * 5
    both.finish()


def test_a_layer_that_shows_its_ssrc_by_its_first_packet_loses_none() -> None:
    """A page's layers name no SSRC in their offer: the engine keeps them until Python has."""
    both = Both()
    both.apply(replace(source(1, Kind.VIDEO), ssrc=Ssrc(70)))
    both.route(11, 1)
    for n, payload in enumerate((stap(SPS, PPS), IDR, DELTA)):
        both.feed(1, packet(n, payload, ssrc=71))
    assert both.answers[11] == []
    both.apply(replace(source(1, Kind.VIDEO), ssrc=Ssrc(71)))
    assert payloads(both, 11) == [SPS, PPS, IDR, DELTA]
    both.feed(1, packet(3, DELTA, ssrc=71))
    assert steps(both.answers[11]) == [1] * 4
    both.finish()


def test_no_more_than_32_packets_are_kept_and_none_for_long() -> None:
    both = Both()
    both.apply(replace(source(1, Kind.VIDEO), ssrc=Ssrc(70)))
    both.route(11, 1)
    for n in range(40):
        both.feed(1, packet(n, IDR if n == 0 else DELTA, ssrc=71), 1000)
    both.apply(replace(source(1, Kind.VIDEO), ssrc=Ssrc(71)))
    assert len(both.answers[11]) == 32
    both.apply(replace(source(1, Kind.VIDEO), ssrc=Ssrc(70)))
    both.feed(1, packet(90, IDR, ssrc=72))
    both.now_us += 1_100_000
    both.apply(replace(source(1, Kind.VIDEO), ssrc=Ssrc(72)))
    assert len(both.answers[11]) == 32
    both.finish()


def test_numbers_of_the_catch_up_are_the_sink_s_own() -> None:
    both = Both()
    key_frame(both, first=65_533)
    both.route(13, 1)
    assert steps(both.answers[13]) == [1] * (len(both.answers[13]) - 1)
    assert {rtp.compose(it)[8:12] for it in both.answers[13]} == {(1013).to_bytes(4)}
    both.finish()

"""How the benchmark of latency under load judges: who is to blame for a stall, what a tail is."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.histogram import Curve, draw, quantile
from benchmarks.load import Span, judged, overlap, written
from hypothesis import given
from hypothesis import strategies as st


def measured(stalls: list[Span], hiccups: list[Span], held: list[Span]) -> dict[str, Any]:
    return {"begun": 1_000_000, "stalls": stalls, "hiccups": hiccups, "held": held}


def span(since: int, until: int) -> Span:
    return since, until, since, until - since


def test_a_stall_the_meter_saw_is_not_ours() -> None:
    (stall,) = judged(measured([span(2_000_000, 2_015_000)], [span(2_001_000, 2_014_000)], []))
    assert (stall.at_s, stall.took_us, stall.left_us, stall.ours) == (1.0, 15_000, 2000, False)


def test_a_stall_the_meter_slept_through_on_time_is_ours() -> None:
    (stall,) = judged(measured([span(2_000_000, 2_015_000)], [span(1_900_000, 1_950_000)], []))
    assert (stall.left_us, stall.ours) == (15_000, True)


def test_a_meter_late_by_less_than_the_stall_excuses_only_what_it_missed() -> None:
    (stall,) = judged(measured([span(2_000_000, 2_025_000)], [span(2_000_000, 2_005_000)], []))
    assert (stall.left_us, stall.ours) == (20_000, True)


def test_our_own_send_call_that_stood_still_is_not_the_servers() -> None:
    (stall,) = judged(measured([span(2_000_000, 2_015_000)], [], [span(2_000_000, 2_012_000)]))
    assert (stall.left_us, stall.driver_us, stall.ours) == (15_000, 12_000, False)


def test_a_slow_core_is_told_of_and_excuses_nothing() -> None:
    one, other = span(2_000_000, 2_015_000), span(3_000_000, 3_020_000)
    found = judged({**measured([one, other], [], []), "slowness": [2.5, 1.0]})
    assert [(stall.slowness, stall.ours) for stall in found] == [(2.5, True), (1.0, True)]


@given(st.integers(0, 1000), st.integers(1, 1000), st.lists(st.integers(0, 2000), max_size=8))
def test_no_excuse_is_longer_than_the_packet_took(sent: int, took: int, at: list[int]) -> None:
    edges = sorted(set(at))
    spans = [span(*pair) for pair in zip(edges[::2], edges[1::2], strict=False)]
    assert 0 <= overlap(sent, took, spans) <= took


@given(st.lists(st.integers(0, 10**6), min_size=1), st.floats(0.001, 1))
def test_a_quantile_has_so_many_below_it(times: list[int], part: float) -> None:
    buckets = [(low, times.count(low)) for low in sorted(set(times))]
    found = quantile(buckets, part)
    below = sum(time < found for time in times)
    assert below <= part * len(times) + 1e-6
    assert sum(time <= found for time in times) >= part * len(times) - 1e-6


def test_the_picture_shows_one_in_a_million(tmp_path: Any) -> None:
    path = tmp_path / "load.svg"
    curve = Curve("added", [(100, 10**6), (50_000, 1)])
    draw("a <title>", [curve], [(10_000, "stall")], path)
    text = path.read_text()
    assert "1e-6" in text
    assert "a &lt;title&gt;" in text
    assert "100 ms" in text


def test_only_calls_that_ended_meanwhile_and_stand_in_the_file_count(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite3"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE calls (left_at FLOAT)")
        database.executemany("INSERT INTO calls VALUES (?)", [(9.0,), (10.0,), (19.0,), (None,)])
    assert written(file, 10.0, 9.0) == 1
    assert written(file, 9.0, 60.0) == 3

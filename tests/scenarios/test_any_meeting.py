"""Laws that hold in any meeting hypothesis can think of: lines, members, changes, losses."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from sfu.media.allocation.output import Give
from sfu.media.allocation.rung import Rung, Why
from tests.scenarios.laws import broken
from tests.scenarios.measure import Measures
from tests.scenarios.meeting import Meeting
from tests.scenarios.scenario import Event, Scenario

SECONDS = 40
EVENT_S = 15
CHANGES_MOST = 4
"""Of one place's layer in the 25 s after: 10 a minute would be oscillation."""
SPEECH_MS = 160
"""The longest a sound waits, but for the seconds after a line became thinner."""
SETTLES_S, DRAINS_S = 4.0, 0.3
"""The buffer of 200 ms drains while half of the line is still in use."""
CLEAN_S = 5.0
CUT = 0.8
"""Of what it was: less is within the fifth to spare."""

RATES = st.sampled_from([500_000, 700_000, 1_000_000, 1_400_000, 2_000_000, 4_000_000])
KINDS = st.sampled_from(
    ["browser", "browser x2", "codec h264@1200k", "codec h264@800k", "browser camera=360p"]
)
FRAMINGS = st.sampled_from([("atm", 16), ("atm", 40), ("efm", 22), ("plain", 0)])


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    sites = draw(st.integers(2, 4))
    framing, overhead = draw(FRAMINGS)
    line = {
        "rate": 2_000_000, "framing": framing, "overhead": overhead, "queue_ms": 200,
        "delay_ms": draw(st.sampled_from([5, 15, 40])),
        "jitter_ms": draw(st.sampled_from([0, 0, 5])),
        "loss": draw(st.sampled_from([0.0, 0.0, 0.01])),
    }  # fmt: skip
    lines: dict[int, dict[str, Any]] = {}
    media = []
    for site in range(1, sites + 1):
        rate = draw(RATES)
        lines[site] = {"rate_down": rate, "rate_up": max(rate, 1_000_000)}
        media.append(f"{site}: {draw(KINDS)}")
    events = tuple(
        Event(EVENT_S, draw(st.integers(1, sites)), "down", draw(RATES))
        for _ in range(draw(st.integers(0, 2)))
    )
    run = {"seconds": SECONDS, "media": media, "sensor": "250ms"}
    return Scenario("any", line, run, {}, events, lines)


@pytest.mark.scenario
@settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
@given(scenarios(), st.integers(1, 1000))
def test_the_laws_hold_in_any_meeting(scenario: Scenario, seed: int) -> None:
    note(f"{scenario.run['media']} {scenario.lines} {scenario.events}")
    measures = Measures(Meeting(scenario, seed).play())
    assert broken(measures, egress_after_us=3_000_000) == []  # voices are fewer by then
    assert list(_speech(measures)) == []
    assert list(_oscillation(measures)) == []
    assert list(_unproven(measures)) == []


def _speech(measures: Measures) -> Iterator[str]:
    """Speech waits in no queue of ours, and in the line's only until a fall of it is noticed.

    What the line held at its old rate it has to carry at the new one first.
    """
    scenario = measures.scenario
    for number, line in measures.meeting.down.items():
        before = scenario.line_of(number)["rate_down"]
        falls = [
            (one.t, one.t + SETTLES_S + DRAINS_S * before / one.rate)
            for one in scenario.events
            if one.at == number
        ]
        for at_us, wait_us in zip(line.times_us, line.waits_us, strict=True):
            at_s = at_us / 1e6
            if wait_us <= SPEECH_MS * 1000 or at_s <= SETTLES_S:
                continue
            if not any(begin <= at_s < end for begin, end in falls):
                yield f"line {number}: {wait_us / 1e3:.0f} ms at {at_s:.1f} s"


def _oscillation(measures: Measures) -> Iterator[str]:
    """No place goes to and fro; the single pictures of `STILL` are one state."""
    for _, _, sink in measures.eyes:
        states = [
            order.rung if order.rung is Rung.STILL else order.layer
            for at_us, order in measures.wiring.orders
            if isinstance(order, Give) and order.sink == sink.sink and at_us > EVENT_S * 1e6
        ]
        changes = sum(a != b for a, b in pairwise(states))
        if changes > CHANGES_MOST:
            yield f"sink {sink.sink}: {changes} changes in {SECONDS - EVENT_S} s"


def _unproven(measures: Measures) -> Iterator[str]:
    """Up only on a line that was not cut for a while: there was proof of room."""
    cuts = {
        line: [b[0] for a, b in pairwise(site.estimates) if b[1] < CUT * a[1]]
        for line, site in measures.wiring.sites.items()
    }
    before: dict[int, Give] = {}
    for at_us, order in measures.wiring.orders:
        if not isinstance(order, Give):
            continue
        was, before[order.sink] = before.get(order.sink), order
        if was is None or was.reason.why is not Why.LINE_DOWN:
            continue
        if order.layer is None or (was.layer is not None and order.layer <= was.layer):
            continue  # sources are numbered by size
        line = measures.engine.sinks[order.sink].line.line
        if any(0 < at_us - cut < CLEAN_S * 1e6 - 200_000 for cut in cuts[line]):
            yield f"sink {order.sink}: up at {at_us / 1e6:.1f} s, too soon after a cut"

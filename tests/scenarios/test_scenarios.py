"""Every scenario keeps its bounds, and no law is broken in any."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenarios.laws import broken
from tests.scenarios.play import judge, play, variants
from tests.scenarios.scenario import Scenario, all_scenarios


def runs() -> Iterator[Any]:
    for scenario in all_scenarios():
        marks: list[Any] = [pytest.mark.long] if scenario.long else []
        if scenario.open:
            marks.append(pytest.mark.xfail(reason=scenario.open))
        for variant, expect in variants(scenario):
            yield pytest.param(variant, expect, id=variant.id, marks=marks)


@pytest.mark.scenario
@pytest.mark.parametrize(("scenario", "expect"), list(runs()))
def test_bounds_and_laws_hold(scenario: Scenario, expect: dict[str, Any]) -> None:
    measures = play(scenario)
    verdicts = judge(measures, expect)
    assert [str(one) for one in verdicts if not one.holds] == []
    assert broken(measures) == []


@pytest.mark.scenario
def test_the_same_seed_plays_the_same_meeting() -> None:
    scenario = next(one for one in all_scenarios() if one.id == "keyframe-60k")
    first, again, other = (play(scenario, seed) for seed in (3, 3, 4))
    waits = [one.meeting.down[1].waits_us for one in (first, again, other)]
    assert waits[0] == waits[1] != waits[2]

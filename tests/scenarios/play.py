"""Play scenarios and print what came of them: ``python -m tests.scenarios.play [ID...]``."""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.scenarios.laws import broken
from tests.scenarios.measure import Measures
from tests.scenarios.meeting import Meeting
from tests.scenarios.scenario import Scenario, all_scenarios

AT_LEAST = {
    "video_share_of_offer",
    "est_share_of_C",
    "keyframe_interval_min_s",
    "upward_steps_apart_s",
    "use_steady",
    "use_low",
    "video_steady_kbps",
    "fps_steady",
    "stage_height",
    "small_pictures",
    "use_line1_late",
    "thin_fps_least",
    "fat_fps",
    "thin_height",
}
"""Figures whose bound is from below; all other numbers are bounded from above."""
EXACT = {"audio_only_at"}


@dataclass(frozen=True)
class Verdict:
    """One figure and its bound."""

    name: str
    bound: float | bool
    found: float | bool

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        if isinstance(self.bound, bool) or self.name in EXACT:
            return self.found == self.bound
        if isinstance(self.found, float) and math.isnan(self.found):
            return False
        return self.found >= self.bound if self.name in AT_LEAST else self.found <= self.bound

    def __str__(self) -> str:
        sign = "=" if isinstance(self.bound, bool) else ">=" if self.name in AT_LEAST else "<="
        found = f"{self.found:.4g}" if not isinstance(self.found, bool) else str(self.found)
        return f"{self.name} {found} ({sign} {self.bound:g}){'' if self.holds else ' BROKEN'}"


def variants(scenario: Scenario) -> Iterator[tuple[Scenario, dict[str, Any]]]:
    """Yield a scenario's runs, each with what is expected of it."""
    shared = {k: v for k, v in scenario.expect.items() if not isinstance(v, dict)}
    groups = {k: v for k, v in scenario.expect.items() if isinstance(v, dict)}
    if not groups:
        yield scenario, shared
    for name, bounds in groups.items():
        run = {**scenario.run}
        if name == "with_sensor":
            run["sensor"] = "250ms"
        yield replace(scenario, id=f"{scenario.id}/{name}", run=run), {**shared, **bounds}


def play(scenario: Scenario, seed: int = 1) -> Measures:
    """Play one."""
    return Measures(Meeting(scenario, seed).play())


def judge(measures: Measures, expect: dict[str, Any]) -> list[Verdict]:
    """Set each figure beside its bound."""
    return [Verdict(name, bound, measures.get(name)) for name, bound in expect.items()]


def main() -> None:
    """Print a table; the exit code tells whether all bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--long", action="store_true", help="the longest too")
    args = parser.parse_args()
    bad = False
    for scenario in all_scenarios():
        if args.ids and scenario.id not in args.ids:
            continue
        if scenario.long and not (args.long or args.ids):
            continue
        for variant, expect in variants(scenario):
            begin = time.process_time()
            measures = play(variant, args.seed)
            spent = time.process_time() - begin
            verdicts, laws = judge(measures, expect), broken(measures)
            bad |= bool(laws) or not all(one.holds for one in verdicts)
            print(f"{variant.id}  ({variant.seconds:g} s played in {spent:.1f} s)")
            for one in [*verdicts, *laws]:
                print(f"    {one}")
    raise SystemExit(bad)


if __name__ == "__main__":
    main()

"""The figures of one run, by name: `steady.use_down` and the like; infinite: never.

=============  ==================================================================================
use_*          line bits / rate, median of seconds and lines, %
queue_*        waits in the queue over all packets of all lines of a direction, ms: p50, p95, max
sound_wait_*   the same of packets of at most 300 bytes, p95 and max
drop_*         share of packets that the queue threw away, %
concealed      concealedSamples / totalSamplesReceived, mean of the streams, %; _worst: worst one
sound_lost     packetsLost / expected
frozen         time in freezes and in half seconds and more without a decoded picture, %
kbps           RTP payload of received pictures, median of the streams; _min: the poorest
first_frame    when a picture could be shown; _worst: the last of them
fps            decoded pictures a second, median of the streams
=============  ==================================================================================
"""

import bisect
import itertools
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks.line import capacity
from benchmarks.line.record import Record
from benchmarks.line.scene import VARIANTS, Phase
from benchmarks.line.series import Key, LineStep, Series, Step

NEVER = math.inf
NO_PICTURE_S = 0.5
QUIET_MS = 60.0
QUIET_FOR_S = 2.0
"""The queue has settled when it stays short for so long."""
SHARE = 0.9
LATE_MS = 5.0
"""A period in which the emulator was later than this is not judged by."""
Figures = dict[str, float]


def figures(record: Record, series: Series) -> Figures:
    """Return all figures of a run."""
    phases = [Phase(*row) for row in record["phases"]]
    result: Figures = {}
    for phase in phases:
        part = _lines(series.lines, phase) | _sounds(series, phase) | _pictures(series, phase)
        result |= {f"{phase.name}.{name}": value for name, value in part.items()}
    by_name = {phase.name: phase for phase in phases}
    result |= _events(series, by_name) | capacity.capacity(record, series)
    result |= _after_bulk(series, VARIANTS[record["variant"]].bulk_site, by_name)
    late = [step.late_ms for step in series.lines if 0 <= step.begin < phases[-1].end]
    result["late_periods"] = 100 * _share(sum(ms > LATE_MS for ms in late), len(late))
    result["cpu"] = 100 * record["cpu"]
    return result


def _lines(steps: Sequence[LineStep], phase: Phase) -> Figures:
    result: Figures = {}
    inside = [one for one in steps if phase.begin <= one.begin and one.end <= phase.end + 0.05]
    for direction in ("up", "down"):
        mine = [one for one in inside if one.direction == direction]
        waits, small = _added(one.waits for one in mine), _added(one.small for one in mine)
        dropped = sum(one.dropped for one in mine)
        offered = dropped + sum(one.packets + one.lost for one in mine)
        result |= {
            f"use_{direction}": _use(mine),
            f"queue_{direction}_p50": quantile(waits, 0.5),
            f"queue_{direction}_p95": quantile(waits, 0.95),
            f"queue_{direction}_max": max((one.longest_ms for one in mine), default=0.0),
            f"sound_wait_{direction}_p95": quantile(small, 0.95),
            f"sound_wait_{direction}_max": float(max(small, default=0)),
            f"drop_{direction}": 100 * _share(dropped, offered),
        }
    return result


def _use(steps: Sequence[LineStep]) -> float:
    """Return the median use of whole seconds, in %."""
    seconds: dict[tuple[int, int], list[LineStep]] = {}
    for one in steps:
        seconds.setdefault((one.site, int(one.begin)), []).append(one)
    uses = [
        100 * sum(8 * one.line_bytes for one in part) / sum(
            one.rate_bps * (one.end - one.begin) for one in part)
        for part in seconds.values()
    ]  # fmt: skip
    return statistics.median(uses) if uses else 0.0


def _sounds(series: Series, phase: Phase) -> Figures:
    shares, losses = [], []
    viewers = {viewer for viewer, _ in series.expected}
    for viewer in viewers:
        heard = [steps for key, steps in series.sounds.items() if key[0] == viewer]
        parts = [
            (grown(steps, _concealed, phase), grown(steps, _samples, phase)) for steps in heard
        ]
        here = [(concealed, samples) for concealed, samples in parts if samples > 0]
        # who hears nobody at all hears silence
        shares += [100 * concealed / samples for concealed, samples in here] or [100.0]
        for steps in heard:
            lost, got = grown(steps, _lost, phase), grown(steps, _packets, phase)
            if lost + got > 0:
                losses.append(100 * max(0.0, lost) / (lost + got))
    return {
        "concealed": statistics.fmean(shares or [0.0]),
        "concealed_worst": max(shares, default=0.0),
        "sound_lost": statistics.fmean(losses or [0.0]),
        "sounds": len(losses) / (len(viewers) or 1),
    }


def _pictures(series: Series, phase: Phase) -> Figures:
    rates, frames, frozen = [], [], []
    for key in series.expected:
        steps = series.pictures.get(key, [])
        rates.append(8e-3 * grown(steps, _bytes, phase) / phase.lasts_s)
        frames.append(grown(steps, _frames, phase) / phase.lasts_s)
        frozen.append(100 * covered(frozen_spans(steps, phase.end), phase) / phase.lasts_s)
    return {
        "kbps": statistics.median(rates),
        "kbps_min": min(rates),
        "fps": statistics.median(frames),
        "fps_min": min(frames),
        "frozen": statistics.fmean(frozen),
        "frozen_worst": max(frozen),
    }


def _events(series: Series, phases: dict[str, Phase]) -> Figures:
    result: Figures = {}
    firsts = [
        series.firsts.get(key, first_frame(series.pictures.get(key, []))) for key in series.expected
    ]
    result["first_frame"], result["first_frame_worst"] = statistics.median(firsts), max(firsts)
    if steady := phases.get("steady"):
        reached = [_reached(series, key, steady, 0.0, steady.end) for key in series.expected]
        result["to_90"], result["to_90_worst"] = statistics.median(reached), max(reached)
        result["layer_changes"] = sum(
            layer_changes(series.pictures.get(key, []), steady) for key in series.expected
        )
    if (step := phases.get("step")) and "low" in phases:
        for direction in ("up", "down"):
            result[f"settle_{direction}"] = settled(
                [one for one in series.lines if one.direction == direction],
                step.begin, phases["low"].end,
            )  # fmt: skip
        result["settle"] = max(result["settle_up"], result["settle_down"])
    if steady and (back := phases.get("back")):
        end = max(phase.end for phase in phases.values())
        reached = [_reached(series, key, steady, back.begin, end) for key in series.expected]
        result["recover"], result["recover_worst"] = statistics.median(reached), max(reached)
    return result


def _after_bulk(series: Series, site: int, phases: dict[str, Phase]) -> Figures:
    """Return how long after a download its site's pictures have 90 % of their rate before it."""
    if not site or not {"join", "low"} <= phases.keys():
        return {}
    before = Phase("", phases["join"].end - 4, phases["join"].end)
    over, end = phases["low"].end, max(phase.end for phase in phases.values())
    keys = [key for key in series.expected if key[0] == site]
    return {"after_bulk": max(_reached(series, key, before, over, end) for key in keys)}


def _reached(series: Series, key: Key, steady: Phase, begin: float, end: float) -> float:
    """Return how long after `begin` a stream first has, for a second, most of its steady rate."""
    steps = series.pictures.get(key, [])
    wanted = SHARE * grown(steps, _bytes, steady) / steady.lasts_s
    if wanted <= 0:
        return NEVER
    for second in np.arange(begin + 0.25, end, 0.25):
        window = Phase("", float(second) - 1, float(second))
        if grown(steps, _bytes, window) >= wanted:
            return float(second) - begin
    return NEVER


def first_frame(steps: Sequence[Step]) -> float:
    """Return when the first picture was decoded: reckoned back from how many there are by then."""
    for one in steps:
        if one.frames > 0:
            return max(one.begin, one.end - one.frames / 25)
    return NEVER


def layer_changes(steps: Sequence[Step], phase: Phase) -> int:
    """Return how often the picture's size changed."""
    heights = [one.height for one in steps if phase.begin <= one.begin < phase.end and one.frames]
    return sum(now != before for before, now in itertools.pairwise(heights))


def settled(steps: Sequence[LineStep], begin: float, end: float) -> float:
    """Return how long after `begin` the slowest line's queue was short and stayed so; s."""
    result = 0.0
    for site in {one.site for one in steps}:
        mine = [one for one in steps if one.site == site and begin < one.end <= end]
        result = max(result, _settled_one(mine, begin, end))
    return result


def _settled_one(steps: Sequence[LineStep], begin: float, end: float) -> float:
    since = begin
    for one in sorted(steps, key=lambda one: one.begin):
        if one.longest_ms >= QUIET_MS:
            since = one.end
        elif one.end - since >= QUIET_FOR_S:
            return since - begin
    return NEVER if end - since < QUIET_FOR_S else since - begin


def frozen_spans(steps: Sequence[Step], end: float) -> list[tuple[float, float]]:
    """Return when the picture stood still, from the join on; spans may overlap."""
    spans = [(one.end - one.frozen_s, one.end) for one in steps if one.frozen_s > 0]
    moving = 0.0
    for one in [*steps, Step(end, end, frames=1)]:
        if one.frames > 0:
            if one.begin - moving >= NO_PICTURE_S:
                spans.append((moving, one.begin))
            moving = one.end
    return spans


def covered(spans: Iterable[tuple[float, float]], phase: Phase) -> float:
    """Return how many seconds of a phase the spans cover."""
    total, reached = 0.0, phase.begin
    for begin, end in sorted(spans):
        begin, end = max(begin, reached), min(end, phase.end)
        if end > begin:
            total += end - begin
            reached = end
    return total


def grown(steps: Sequence[Step], what: Callable[[Step], float], phase: Phase) -> float:
    """Return what a stream's counter grew in a phase; steps over its edges count in part."""
    total = 0.0
    for one in steps[bisect.bisect_right(steps, phase.begin, key=_end) :]:
        if one.begin >= phase.end:
            break
        shared = min(one.end, phase.end) - max(one.begin, phase.begin)
        total += what(one) * shared / (one.end - one.begin)
    return total


def _end(one: Step) -> float:
    return one.end


def _bytes(one: Step) -> float:
    return one.media_bytes


def _frames(one: Step) -> float:
    return one.frames


def _concealed(one: Step) -> float:
    return one.concealed


def _samples(one: Step) -> float:
    return one.samples


def _packets(one: Step) -> float:
    return one.packets


def _lost(one: Step) -> float:
    return one.lost


def _added(parts: Iterable[dict[int, int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    return total


def quantile(counts: Counter[int], part: float) -> float:
    """Return a quantile of values that came so many times; 0 of none."""
    wanted = part * counts.total()
    for value, count in sorted(counts.items()):
        wanted -= count
        if wanted <= 0:
            return float(value)
    return 0.0


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def median(runs: Sequence[Figures]) -> Figures:
    """Return the medians over runs of the same system and scene."""
    names = [name for name in runs[0] if all(name in one for one in runs)]
    return {name: statistics.median(one[name] for one in runs) for name in names}

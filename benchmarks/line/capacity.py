"""What a line carries: the server's own arithmetic beside what the emulator counted.

::

    reckoned   speech, as admission counts it, and 0.92 of what a budget leaves for pictures: no
               more than the others may send, each 0.85 of what its own line leaves on the way up
    measured   all line bytes, cells and headers included, down each line in the steady phase
    told       what the server itself counted of that (`sfu_line_sent_bytes_total`)

Judged are the lines that see the speaker: in a meeting of two, both.
"""

import re
import statistics

from benchmarks.line.record import Record
from benchmarks.line.scene import OVERHEAD_BYTES, RATE_BPS, VARIANTS, Phase, Variant
from benchmarks.line.series import LineStep, Series, Step
from sfu.media.allocation.budget import budget
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.share import ASK_MOST
from sfu.model import Framing
from sfu.shell.voices import USUAL_EXTENSIONS, of_browser

Found = dict[str, float]
SENT = re.compile(r'line_sent_bytes_total\{.*site="site(\d+)"')
MOVING_FPS = 12.0
"""A picture that counts as seen: more than half a second's stills."""


def capacity(record: Record, series: Series) -> Found:
    """Return the figures of a variant that asks what fits; none of others."""
    variant, phases = VARIANTS[record["variant"]], [Phase(*row) for row in record["phases"]]
    steady = next((one for one in phases if one.name == "steady"), None)
    if not variant.least_height or steady is None:
        return {}
    viewers = [site for site in range(1, record["sites"] + 1) if site != variant.speaker]
    reckoned = reckoned_bps(record["sites"])
    carried = {site: _carried_bps(series.lines, site, steady) for site in viewers}
    told = {site: _told_bps(record, site, steady) for site in viewers}
    return {
        "capacity.reckoned": reckoned / 1000,
        "capacity.measured": statistics.fmean(carried.values()) / 1000,
        "capacity.off": 100 * max(abs(one / reckoned - 1) for one in carried.values()),
        "capacity.told_off": 100 * max(abs(told[one] / carried[one] - 1) for one in viewers),
        **_pictures(series, variant, steady, viewers),
    }


def reckoned_bps(sites: int) -> float:
    """Return the line bits a second of one browser among so many that send all they may."""
    voices = of_browser(USUAL_EXTENSIONS, hears_mix=False, ipv6=False)
    assert voices.forwarded
    wrap = Encapsulation(Framing.ATM, OVERHEAD_BYTES)
    down = budget(RATE_BPS, wrap, [voices.forwarded] * (sites - 1), 1)
    up = budget(RATE_BPS, wrap, voices.up, 1)
    return down.sound_bps + min(ASK_MOST * down.picture_bps, (sites - 1) * up.ask_bps)


def _carried_bps(lines: list[LineStep], site: int, phase: Phase) -> float:
    mine = [
        one for one in lines
        if (one.site, one.direction) == (site, "down")
        and phase.begin <= one.begin and one.end <= phase.end + 0.05
    ]  # fmt: skip
    return 8 * sum(one.line_bytes for one in mine) / sum(one.end - one.begin for one in mine)


def _told_bps(record: Record, site: int, phase: Phase) -> float:
    rows: list[tuple[float, float]] = []
    for look in record["looks"]:
        at = look["at"] - record["joined_at"]
        mine = [
            value
            for name, value in look["said"].items()
            if (match := SENT.match(name)) and int(match[1]) == site
        ]
        if mine:  # one for each kind of packet
            rows.append((at, sum(mine)))
    inside = [row for row in rows if phase.begin <= row[0] <= phase.end]
    if len(inside) < 2:
        return float("inf")  # the server was too busy to say
    (begin, first), (end, last) = inside[0], inside[-1]
    return 8 * (last - first) / (end - begin)


def _pictures(series: Series, variant: Variant, phase: Phase, viewers: list[int]) -> Found:
    """Return the least large picture, how many small ones the poorest viewer has, their rates."""
    heights, larges, counts, smalls = [], [], [], []
    for viewer in viewers:
        seen = {
            sender: _of(steps, phase)
            for (who, sender), steps in series.pictures.items()
            if who == viewer
        }
        large = variant.speaker or next(iter(set(viewers) - {viewer}))
        height, fps, kbps = seen.pop(large, (0.0, 0.0, 0.0))
        heights.append(height if fps >= MOVING_FPS else 0.0)
        larges.append(kbps)
        others = [one for one in seen.values() if one[1] >= MOVING_FPS]
        counts.append(len(others))
        smalls += [one[2] for one in others]
    return {
        "capacity.height": min(heights),
        "capacity.small": float(min(counts)),
        "capacity.large_kbps": statistics.fmean(larges),
        "capacity.small_kbps": statistics.fmean(smalls or [0.0]),
    }


def _of(steps: list[Step], phase: Phase) -> tuple[float, float, float]:
    """Return a picture's usual height, its pictures a second, its kbit/s of payload."""
    mine = [one for one in steps if phase.begin <= one.begin and one.end <= phase.end]
    seconds = sum(one.end - one.begin for one in mine)
    heights = [one.height for one in mine if one.frames]
    if not heights:
        return 0.0, 0.0, 0.0
    frames, octets = sum(one.frames for one in mine), sum(one.media_bytes for one in mine)
    return float(statistics.mode(heights)), frames / seconds, 8e-3 * octets / seconds

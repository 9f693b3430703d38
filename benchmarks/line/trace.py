"""A run as text, a line a second: to be read beside the log when a bound was missed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.line.figures import grown
from benchmarks.line.plot import name_of
from benchmarks.line.record import Record
from benchmarks.line.scene import Phase
from benchmarks.line.series import LineStep, Series, Step

HEAD = """\
{title}.  Each line is the second that begins at t.
  pictures  received of whom by whom: kbit/s, pictures a second, height; * a step of it stood still
  sound     % concealed, where there is any
  lines     use up/down in % of the line's rate; longest wait up/down, ms; drops
  sends     each site's layers as rid:kbit/s@height, what its browser believes its uplink bears
  says      what the system's metrics said, where it changed; what it told the pages

"""
NERVOUS = ("line_pacer", "line_queue")
"""Metrics that change all the time."""
HUSH = ("joined", "layout", "members", "speaker")
"""Messages to pages that are not shown."""


def write(record: Record, series: Series, path: Path) -> None:
    """Write the trace of a run."""
    seconds = int(record["phases"][-1][2])
    begins = {int(begin): name for name, begin, _ in record["phases"]}
    senders = [_Sender(one, record["joined_at"]) for one in record["counted"]]
    said = _Said(record)
    lines = [HEAD.format(title=record["title"])]
    for second in range(seconds):
        if second in begins:
            lines.append(f"---- {begins[second]}\n")
        window = Phase("", second, second + 1)
        parts = [f"{second:3}", _pictures(series, window), _sounds(series, window)]
        parts += [_lines(series.lines, window), *(one.at(window) for one in senders)]
        lines.append("  ".join(filter(None, parts)) + "\n")
        lines += [f"       {words}\n" for words in said.at(window)]
    path.write_text("".join(lines))


def _pictures(series: Series, window: Phase) -> str:
    words = []
    for key, steps in sorted(series.pictures.items()):
        kbps = grown(steps, lambda one: one.media_bytes * 8e-3, window)
        frames = grown(steps, lambda one: one.frames, window)
        inside = _inside(steps, window)
        height = inside[-1].height if inside else 0
        stood = "*" if any(not one.frames for one in inside) else " "
        words.append(f"{name_of(key)} {kbps:4.0f}k {frames:2.0f} {height:3}{stood}")
    return "| ".join(words)


def _sounds(series: Series, window: Phase) -> str:
    words = []
    for key, steps in sorted(series.sounds.items()):
        hidden = grown(steps, lambda one: one.concealed, window)
        heard = grown(steps, lambda one: one.samples, window)
        if heard and hidden / heard > 0.005:
            words.append(f"{name_of(key)} {100 * hidden / heard:.0f}%")
    return f"SOUND {' '.join(words)}" if words else ""


def _lines(steps: Sequence[LineStep], window: Phase) -> str:
    words = []
    for site in sorted({one.site for one in steps}):
        uses, waits, drops = [], [], 0
        for direction in ("up", "down"):
            mine = [
                one for one in steps
                if (one.site, one.direction) == (site, direction)
                and window.begin <= one.begin < window.end
            ]  # fmt: skip
            could = sum(one.rate_bps * (one.end - one.begin) for one in mine) or 1.0
            uses.append(800 * sum(one.line_bytes for one in mine) / could)
            waits.append(max((one.longest_ms for one in mine), default=0.0))
            drops += sum(one.dropped for one in mine)
        lost = f" DROPS {drops}" if drops else ""
        words.append(
            f"L{site} {uses[0]:3.0f}/{uses[1]:3.0f}% {waits[0]:3.0f}/{waits[1]:3.0f}ms{lost}"
        )
    return "| ".join(words)


class _Sender:
    """What one site sends."""

    def __init__(self, counted: dict[str, Any], joined_at: float) -> None:
        self._site = counted["site"]
        self._rows = [(row["at"] - joined_at, row) for row in counted["rows"]]

    def at(self, window: Phase) -> str:
        rows = [row for at, row in self._rows if window.begin <= at < window.end]
        if len(rows) < 2:
            return ""
        first = {one["id"]: one for one in rows[0].get("sent", ())}
        took = rows[-1]["at"] - rows[0]["at"]
        words = []
        for one in rows[-1].get("sent", ()):
            before = first.get(one["id"])
            if one["kind"] == "video" and before:
                kbps = (one.get("bytesSent", 0) - before.get("bytesSent", 0)) * 8e-3 / took
                height, limit = one.get("frameHeight", 0), one.get("qualityLimitationReason", "")
                why = f"({limit})" if limit not in ("", "none") else ""
                if kbps > 1:
                    words.append(f"{one.get('rid', '')}:{kbps:.0f}@{height}{why}")
        bears = [one["availableOutgoingBitrate"] for one in rows[-1].get("paths", ())
                 if "availableOutgoingBitrate" in one]  # fmt: skip
        words += [f"bears {bps / 1000:.0f}" for bps in bears]
        return f"S{self._site} {' '.join(words)}"


class _Said:
    """What the system said of itself and to the pages."""

    def __init__(self, record: Record) -> None:
        joined_at = record["joined_at"]
        self._told = []
        for counted in record["counted"]:
            last: dict[str, str] = {}
            for note in counted["told"]:
                kind, words = note["message"]["type"], _short(note["message"])
                if kind not in HUSH and last.get(kind) != words:
                    self._told.append((note["at"] - joined_at, f"to {counted['site']}: {words}"))
                last[kind] = words
        self._told += [
            (look["at"] - joined_at, words)
            for look, before in zip(record["looks"][1:], record["looks"], strict=False)
            for words in _changed(before["said"], look["said"])
        ]

    def at(self, window: Phase) -> Iterator[str]:
        for at, words in sorted(self._told):
            if window.begin <= at < window.end:
                yield f"{at:6.2f} {words}"


def _short(message: dict[str, Any]) -> str:
    fields = {name: value for name, value in message.items() if name != "type"}
    for name, value in fields.items():
        if message["type"] == "slots" and isinstance(value, dict):
            fields[name] = {mid: member for mid, member in value.items() if member}
    words = " ".join(f"{name}={value}" for name, value in fields.items())
    return f"{message['type']} {words}".replace("'", "")


def _changed(before: dict[str, float], now: dict[str, float]) -> Iterable[str]:
    """Return gauges that changed by a tenth or more, and counters of what happens seldom."""
    for name, value in now.items():
        old = before.get(name, 0.0)
        if not name.partition("{")[0].endswith("_total"):
            if abs(value - old) > 0.1 * abs(old) and not name.startswith(NERVOUS):
                yield f"{name} {old:g} -> {value:g}"
        elif value > old and re.search("cuts|probes|starved|steps|dropped|keyframe", name):
            yield f"{name} +{value - old:g}"


def _inside(steps: Sequence[Step], window: Phase) -> list[Step]:
    return [one for one in steps if window.begin <= one.begin < window.end]

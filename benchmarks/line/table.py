"""Figures as markdown tables."""

import math
from collections.abc import Mapping, Sequence

from benchmarks.line.figures import Figures
from benchmarks.line.judge import Part, Row

PHASES = ("steady", "step", "low", "back", "loss")
COLUMNS = (
    "system (runs) | phase | use % up/down | queue up p50/p95/max | queue down p50/p95/max"
    " | drop % up/down | sound lost % | concealed % (worst) | frozen % (worst) | kbit/s (min) | fps"
)
EVENTS = (
    "system (runs) | first picture s (worst) | 90 % of rate s (worst) | queue < 60 ms after the"
    " step s, up/down | 90 % after the step up s (worst) | size changes | machine CPU %"
)


def number(value: float, digits: int = 1) -> str:
    """Return a figure in few digits; never is a word."""
    if math.isinf(value):
        return "never"
    text = f"{value:.{digits if abs(value) < 100 else 0}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _table(columns: str, rows: Sequence[str]) -> str:
    names = columns.split(" | ")
    head = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return "\n".join([*head, *rows])


def phases(results: Mapping[str, tuple[Figures, int]]) -> str:
    """Return what each system did in each phase; `results`: title -> medians, runs."""
    rows = []
    for title, (found, runs) in results.items():
        name = f"{title} ({runs})"
        for phase in PHASES:
            if f"{phase}.kbps" in found:
                rows.append(f"| {name} | {phase} | {' | '.join(_phase(found, phase))} |")
                name = ""
    return _table(COLUMNS, rows)


def _phase(found: Figures, phase: str) -> list[str]:
    def cell(text: str) -> str:
        words = [
            word if word in "/()" else number(found[f"{phase}.{word}"]) for word in text.split()
        ]
        return "".join(words).replace("(", " (")

    return [
        cell("use_up / use_down"),
        cell("queue_up_p50 / queue_up_p95 / queue_up_max"),
        cell("queue_down_p50 / queue_down_p95 / queue_down_max"),
        cell("drop_up / drop_down"),
        cell("sound_lost"),
        cell("concealed ( concealed_worst )"),
        cell("frozen ( frozen_worst )"),
        cell("kbps ( kbps_min )"),
        cell("fps"),
    ]


def events(results: Mapping[str, tuple[Figures, int]]) -> str:
    """Return what happened once in each run."""
    rows = []
    for title, (found, runs) in results.items():

        def value(name: str, found: Figures = found) -> str:
            return number(found[name]) if name in found else "-"

        cells = [
            f"{title} ({runs})",
            f"{value('first_frame')} ({value('first_frame_worst')})",
            f"{value('to_90')} ({value('to_90_worst')})",
            f"{value('settle_up')} / {value('settle_down')}",
            f"{value('recover')} ({value('recover_worst')})",
            value("layer_changes"),
            value("cpu"),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return _table(EVENTS, rows)


CAPACITY = (
    "system (runs) | line down reckoned, kbit/s | measured | off, worst line %"
    " | the server's count off % | large picture, lines | kbit/s of payload"
    " | small pictures | kbit/s each"
)


def capacity(results: Mapping[str, tuple[Figures, int]]) -> str:
    """Return what a line carried beside what was reckoned; nothing of other variants."""
    words = (
        "reckoned",
        "measured",
        "off",
        "told_off",
        "height",
        "large_kbps",
        "small",
        "small_kbps",
    )
    rows = [
        f"| {title} ({runs}) | {' | '.join(number(found[f'capacity.{one}']) for one in words)} |"
        for title, (found, runs) in results.items()
        if "capacity.off" in found
    ]
    return _table(CAPACITY, rows) if rows else ""


def verdicts(rows: Sequence[Row], ours: Figures, others: Mapping[str, tuple[Figures, int]]) -> str:
    """Return the bounds, ours and what the peers of the same run reached."""
    names = list(others)
    columns = " | ".join(["figure", "best seen", "bound", "ours", "", *names])
    lines = []
    for row in rows:
        verdict = {True: "met", False: "**missed**", None: "not run"}[row.verdict(ours)]
        bound = ", ".join(part.words for part in row.parts)
        cells = [row.title, row.seen, bound, _values(row.parts, ours), verdict]
        cells += [_values(row.parts, others[name][0]) for name in names]
        lines.append(f"| {' | '.join(cells)} |")
    return _table(columns, lines)


def bounds(rows: Sequence[Row], ours: Figures) -> str:
    """Return the bounds for a terminal, each figure in a line of its own."""
    lines = []
    for row in rows:
        lines.append(row.title)
        for part in row.parts:
            value = ours.get(part.name)
            word = "-" if value is None else "met" if part.holds(value) else "MISSED"
            shown = "not run" if value is None else number(value) + part.unit
            lines.append(f"    {word:8}{part.name:24}{shown:>14}   {part.words}")
    return "\n".join(lines)


def _values(parts: Sequence[Part], found: Figures) -> str:
    return ", ".join(
        number(found[part.name]) + part.unit if part.name in found else "-" for part in parts
    )

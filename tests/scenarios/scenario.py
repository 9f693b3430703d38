"""Scenarios as data: TOML in the words of the table in docs/scenarios.md.

``media`` is one sentence for each kind of member: ``1: browser x3 join=5..7s``,
``2: codec h264@800k keyframe=60kB/10s``, ``3: codec h264@1000k content=500k from=30s to=60s``,
``2: replay h264@1800k``, ``1: codec rr=2.5s``.
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UNITS = {"": 1, "k": 1e3, "kB": 1e3, "M": 1e6, "ms": 1e-3, "s": 1, "h": 3600, "min": 60}


@dataclass(frozen=True)
class Media:
    """One member to be."""

    site: int
    kind: str
    """codec, browser or replay."""
    options: dict[str, str] = field(default_factory=dict)
    join_s: float = 0.0

    def number(self, name: str, default: float = 0.0) -> float:
        """Read one of its options as a number of its unit."""
        return quantity(self.options[name]) if name in self.options else default


@dataclass(frozen=True)
class Event:
    """A line changes its rate."""

    t: float
    at: int
    dir: str
    rate: int


@dataclass(frozen=True)
class Scenario:
    """One of the table; `line` has the settings of tests/lab/sdsl.py."""

    id: str
    line: dict[str, Any]
    run: dict[str, Any]
    expect: dict[str, Any]
    events: tuple[Event, ...] = ()
    lines: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What single sites have otherwise; site 0 is the server's own line."""
    long: bool = False
    open: str = ""
    """Why its bounds are not met yet; empty where they bind."""

    @property
    def seconds(self) -> float:
        """How long it is played."""
        return float(self.run["seconds"])

    @property
    def media(self) -> list[Media]:
        """Everybody, in the order of the sentences."""
        return [one for sentence in self.run["media"] for one in read_media(sentence)]

    def line_of(self, site: int) -> dict[str, Any]:
        """Return the settings of one site's line."""
        return {**self.line, **self.lines.get(site, {})}


def quantity(text: str) -> float:
    """Read ``500k``, ``60kB``, ``2.5s``."""
    match = re.fullmatch(r"([\d.]+)([a-zA-Z]*)", text)
    assert match, text
    return float(match[1]) * UNITS[match[2]]


def read_media(sentence: str) -> list[Media]:
    """Read one sentence of `media`."""
    site, _, rest = sentence.partition(":")
    kind, *words = rest.split()
    many, options = 1, {}
    for word in words:
        if re.fullmatch(r"x\d+", word):
            many = int(word[1:])
        else:
            name, _, value = word.replace("h264@", "h264=").partition("=")
            options[name] = value
    begin, _, end = options.pop("join", "0").removesuffix("s").partition("..")
    first, last = float(begin), float(end or begin)
    sites = [int(one) for one in site.split("-")]
    members = []
    for number in range(sites[0], sites[-1] + 1):
        for n in range(many):
            join_s = first + (last - first) * n / max(many - 1, 1)
            members.append(Media(number, kind, options, join_s))
    return members


def read_events(rows: list[dict[str, Any]]) -> tuple[Event, ...]:
    """Read events; ``every`` spreads ``rates`` out."""
    events = []
    for row in rows:
        sites = row["at"] if isinstance(row["at"], list) else [row["at"]]
        ways = ["up", "down"] if row["dir"] == "both" else [row["dir"]]
        for site in sites:
            for way in ways:
                if "every" in row:
                    for n, rate in enumerate(row["rates"]):
                        events.append(Event(row["every"] * n, site, way, int(rate)))
                else:
                    events.append(Event(row["t"], site, way, int(row["rate"])))
    return tuple(sorted(events, key=lambda one: one.t))


def load(path: Path) -> list[Scenario]:
    """Read all scenarios of one file."""
    data = tomllib.loads(path.read_text())
    default = data["default"]["line"]
    return [
        Scenario(
            row["id"],
            {**default, **row.get("line", {})},
            row["run"],
            row["expect"],
            read_events(row.get("events", [])),
            {int(site): line for site, line in row.get("lines", {}).items()},
            row.get("long", False),
            row.get("open", ""),
        )
        for row in data["scenario"]
    ]


def all_scenarios() -> list[Scenario]:
    """Read those of every file beside this one."""
    return [one for path in sorted(HERE.glob("*.toml")) for one in load(path)]

"""One run over time as an SVG: pictures' rates, use and queue of the lines, sound, freezes."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.line.figures import frozen_spans
from benchmarks.line.record import Record
from benchmarks.line.series import MIX, Key, Series

WIDTH, HEIGHT, LEFT, TOP, GAP = 900, 120, 60, 40, 34
INK = ("#1b6ca8", "#d1495b", "#3a7d44", "#b5651d", "#6a4c93", "#2a9d8f", "#8d99ae", "#444")
Points = list[tuple[float, float]]
STYLE = (
    "text{font:12px sans-serif;fill:#222}.s{font-size:10px;fill:#666}"
    ".l{fill:none;stroke-width:1.3}.g{stroke:#ddd;stroke-width:1}"
)


class Panel:
    """One diagram over the scene's time, drawn as words of SVG."""

    def __init__(self, title: str, top: float, seconds: float, highest: float) -> None:
        self.words: list[str] = []
        self._top, self._seconds, self._highest = top, seconds, highest or 1.0
        self._say(f'<text x="{LEFT}" y="{top - 6}">{escape(title)}</text>')
        for part in (0, 0.5, 1):
            y = self.y(part * self._highest)
            self._say(
                f'<line class="g" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
            self._say(
                f'<text class="s" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                f"{part * self._highest:g}</text>"
            )

    def _say(self, words: str) -> None:
        self.words.append(words)

    def x(self, second: float) -> float:
        return LEFT + WIDTH * min(max(second, 0), self._seconds) / self._seconds

    def y(self, value: float) -> float:
        return self._top + HEIGHT * (1 - min(value, self._highest) / self._highest)

    def line(self, points: Points, ink: str, dash: str = "") -> None:
        shown = " ".join(f"{self.x(t):.1f},{self.y(value):.1f}" for t, value in points if t >= 0)
        self._say(
            f'<polyline class="l" stroke="{ink}" stroke-dasharray="{dash}" points="{shown}"/>'
        )

    def bar(self, begin: float, end: float, low: float, high: float, ink: str) -> None:
        y, wide = self.y(high), max(1.0, self.x(end) - self.x(begin))
        self._say(
            f'<rect x="{self.x(begin):.1f}" y="{y:.1f}" width="{wide:.1f}"'
            f' height="{self.y(low) - y:.1f}" fill="{ink}"/>'
        )

    def key(self, names: Sequence[str]) -> None:
        for number, name in enumerate(names):
            x = LEFT + WIDTH - 44 * (len(names) - number)
            ink = INK[number % len(INK)]
            self._say(
                f'<text class="s" x="{x}" y="{self._top - 6}" style="fill:{ink}">{name}</text>'
            )


def draw(record: Record, series: Series, path: Path) -> None:
    """Write the picture of a run."""
    seconds = record["phases"][-1][2]
    makers = (_rates, _uses, _queues, _concealment, _freezes)
    step = HEIGHT + GAP
    words = [
        word
        for place, maker in enumerate(makers)
        for word in maker(series, TOP + GAP + place * step, seconds).words
    ]
    high = TOP + GAP + len(makers) * step
    for name, begin, _ in record["phases"]:
        x = LEFT + WIDTH * begin / seconds
        words.append(
            f'<line class="g" stroke-dasharray="4" x1="{x}" x2="{x}" y1="{TOP}" y2="{high - GAP}"/>'
        )
        words.append(f'<text class="s" x="{x + 3}" y="{TOP}">{name}</text>')
    title = f'<text x="{LEFT}" y="20" style="font-weight:bold">{escape(record["title"])}</text>'
    size = f'viewBox="0 0 {LEFT + WIDTH + 20} {high}"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>'
    text += '<rect width="100%" height="100%" fill="#fff"/>' + title + "\n".join(words) + "</svg>\n"
    path.write_text(text)


def name_of(key: Key) -> str:
    """Return a stream's name: from whom to whom."""
    viewer, sender = key
    return f"{'mix' if sender == MIX else sender}→{viewer}"


def windows(seconds: float, step: float = 0.5) -> Iterator[float]:
    for place in range(int(seconds / step)):
        yield place * step


def _binned(
    steps: Sequence[object], value: Callable[..., float], seconds: float, bin_s: float = 0.5
) -> Points:
    """Return sums by half seconds, a second, placed in their middles."""
    sums: dict[int, float] = defaultdict(float)
    for one in steps:
        sums[int((one.begin + one.end) / 2 / bin_s)] += value(one)  # type: ignore[attr-defined]
    return [(at + bin_s / 2, sums[round(at / bin_s)] / bin_s) for at in windows(seconds, bin_s)]


def _rates(series: Series, top: float, seconds: float) -> Panel:
    keys = sorted(series.pictures)
    lines = {
        key: _binned(series.pictures[key], lambda one: one.media_bytes * 8e-3, seconds)
        for key in keys
    }
    panel = Panel("pictures received, kbit/s", top, seconds, 1600)
    for number, key in enumerate(keys):
        panel.line(lines[key], INK[number % len(INK)])
    panel.key([name_of(key) for key in keys])
    return panel


def _uses(series: Series, top: float, seconds: float) -> Panel:
    panel = Panel(
        "use of each line, kbit/s of line bits; dashed: up; dotted: the server's estimate",
        top,
        seconds,
        2000,
    )
    for site, direction in _directions(series):
        steps = [one for one in series.lines if (one.site, one.direction) == (site, direction)]
        points = _binned(steps, lambda one: one.line_bytes * 8e-3, seconds)
        panel.line(points, INK[site - 1], "3 3" if direction == "up" else "")
    for site, points in series.estimates.items():
        panel.line([(at, bps / 1000) for at, bps in points], INK[site - 1], "1 4")
    panel.key([f"line {site}" for site in sorted({one.site for one in series.lines})])
    return panel


def _queues(series: Series, top: float, seconds: float) -> Panel:
    panel = Panel("longest wait in each queue, ms; dashed: up; red below: drops", top, seconds, 200)
    for one in series.lines:
        if one.dropped and one.begin >= 0:
            panel.bar(one.begin, one.end, 0, 12, "#e63946")
    for site, direction in _directions(series):
        points = [
            (one.end, one.longest_ms)
            for one in series.lines
            if (one.site, one.direction) == (site, direction)
        ]
        panel.line(points, INK[site - 1], "3 3" if direction == "up" else "")
    return panel


def _concealment(series: Series, top: float, seconds: float) -> Panel:
    keys = sorted(series.sounds)
    panel = Panel("sound concealed, %", top, seconds, 100)
    for number, key in enumerate(keys):
        hidden = _binned(series.sounds[key], lambda one: one.concealed, seconds)
        heard = _binned(series.sounds[key], lambda one: one.samples, seconds)
        points = [
            (at, 100 * part / whole)
            for (at, part), (_, whole) in zip(hidden, heard, strict=True)
            if whole > 0
        ]
        panel.line(points, INK[number % len(INK)])
    panel.key([name_of(key) for key in keys])
    return panel


def _freezes(series: Series, top: float, seconds: float) -> Panel:
    count = len(series.expected)
    panel = Panel("pictures a second (lines, of 25) and standing pictures (bars)", top, seconds, 30)
    for number, key in enumerate(series.expected):
        steps = series.pictures.get(key, [])
        ink = INK[number % len(INK)]
        high = 30 / count
        for begin, end in frozen_spans(steps, seconds):
            panel.bar(begin, end, number * high, (number + 0.8) * high, ink)
        panel.line(_binned(steps, lambda one: one.frames, seconds, 1.0), ink)
    panel.key([name_of(key) for key in series.expected])
    return panel


def _directions(series: Series) -> list[tuple[int, str]]:
    return sorted({(one.site, one.direction) for one in series.lines})

"""Distributions of times over logarithmic axes, as an SVG: what one in a million took is seen."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, FOOT = 640, 300, 78, 58, 34
BY_DECADE = 16
INK = ("#1b6ca8", "#b5651d", "#6a4c93")
STYLE = "text{font:12px sans-serif;fill:#222}"
NAMES = {1: "1 us", 10: "10 us", 100: "100 us", 1000: "1 ms", 10**4: "10 ms", 10**5: "100 ms"}

Buckets = Sequence[tuple[int, int]]
"""Lower bound in us, and how many; in order."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One distribution."""

    name: str
    buckets: Buckets


def quantile(buckets: Buckets, part: float) -> int:
    """Return the lower bound of the bucket that holds a quantile; 0 of nothing."""
    left = part * sum(count for _, count in buckets)
    for low, count in buckets:
        left -= count
        if left <= 0:
            return low
    return buckets[-1][0] if buckets else 0


def draw(title: str, curves: Sequence[Curve], marks: Sequence[tuple[int, str]], path: Path) -> None:
    """Write the share of each step of time, of all of a curve; marks stand at times in us."""
    longest = max((low for curve in curves for low, _ in curve.buckets), default=1)
    longest = max(longest, *(at for at, _ in marks), 1)
    decades = math.ceil(math.log10(1.2 * longest))
    most = max((sum(count for _, count in curve.buckets) for curve in curves), default=1)
    floors = max(1, math.ceil(math.log10(max(most, 10))))
    frame = _Frame(decades, floors)
    words = [f'<text x="8" y="20" style="font-weight:bold">{escape(title)}</text>']
    words += frame.lines()
    for number, curve in enumerate(curves):
        ink, left = INK[number % len(INK)], LEFT + number * min(300, (WIDTH + 60) // len(curves))
        words.append(f'<rect x="{left}" y="32" width="12" height="12" fill="{ink}"/>')
        words.append(f'<text x="{left + 18}" y="42">{escape(curve.name)}</text>')
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in frame.steps(curve.buckets))
        words.append(
            f'<polygon points="{points}" fill="{ink}" fill-opacity="0.35" stroke="{ink}"/>'
        )
    for at, name in marks:
        x = frame.x(at)
        words.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#a00"'
            f' stroke-dasharray="4 3"/><text x="{x + 4:.1f}" y="{TOP + 12}">{escape(name)}</text>'
        )
    size = f'viewBox="0 0 {LEFT + WIDTH + 60} {TOP + HEIGHT + FOOT}"'
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>'
        '<rect width="100%" height="100%" fill="#fff"/>' + "\n".join(words) + "</svg>\n"
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    decades: int
    """Of time, from 1 us."""
    floors: int
    """Decades of shares, down from all."""

    def x(self, us: float) -> float:
        return LEFT + WIDTH * math.log10(max(us, 1)) / self.decades

    def y(self, share: float) -> float:
        down = self.floors if share <= 0 else min(self.floors, -math.log10(share))
        return TOP + HEIGHT * down / self.floors

    def steps(self, buckets: Buckets) -> Iterator[tuple[float, float]]:
        """Go along the tops of the steps, from the ground to the ground."""
        total = sum(count for _, count in buckets) or 1
        counts: dict[int, int] = {}
        for low, count in buckets:
            step = int(BY_DECADE * math.log10(max(low, 1)))
            counts[step] = counts.get(step, 0) + count
        ground = self.y(0)
        yield self.x(1), ground
        for step in range(self.decades * BY_DECADE):
            high = self.y(counts.get(step, 0) / total)
            yield self.x(10 ** (step / BY_DECADE)), high
            yield self.x(10 ** ((step + 1) / BY_DECADE)), high
        yield self.x(10**self.decades), ground

    def lines(self) -> Iterator[str]:
        """Draw the axes' steps and what they are called."""
        for decade in range(self.decades + 1):
            x, name = self.x(10**decade), NAMES.get(10**decade, f"{10 ** (decade - 6)} s")
            yield (
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#ddd"/>'
                f'<text x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{name}</text>'
            )
        for floor in range(self.floors + 1):
            y = self.y(10.0**-floor)
            name = "all" if floor == 0 else f"1 in {10**floor:,}" if floor < 4 else f"1e-{floor}"
            yield (
                f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
            )

"""Groups of bars as an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, LEFT, STEP, GAP, TOP = 560, 90, 18, 26, 40
INK = ("#1b6ca8", "#8d99ae", "#b5651d", "#6a4c93", "#3a7d44")
STYLE = "text{font:12px sans-serif;fill:#222}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One value."""

    name: str
    value: float
    words: str
    """Stand at its end."""


def draw(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], path: Path) -> None:
    """Write all groups below each other, on one scale."""
    highest = max((bar.value for _, bars in groups for bar in bars), default=1.0) or 1.0
    names = list(dict.fromkeys(bar.name for _, bars in groups for bar in bars))
    y, words = TOP, [f'<text x="8" y="20" style="font-weight:bold">{escape(title)}</text>']
    for head, bars in groups:
        words.append(f'<text x="8" y="{y + 12}">{escape(head)}</text>')
        y += STEP
        for bar in bars:
            wide, ink = WIDTH * bar.value / highest, INK[names.index(bar.name) % len(INK)]
            words += [
                f'<text x="{LEFT - 6}" y="{y + 12}" text-anchor="end">{escape(bar.name)}</text>',
                f'<rect x="{LEFT}" y="{y + 2}" width="{wide:.1f}" height="{STEP - 4}"'
                f' fill="{ink}"/>',
                f'<text x="{LEFT + wide + 6:.1f}" y="{y + 12}">{escape(bar.words)}</text>',
            ]
            y += STEP
        y += GAP - STEP
    size = f'viewBox="0 0 {LEFT + WIDTH + 120} {y + 10}"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>'
    path.write_text(
        text + '<rect width="100%" height="100%" fill="#fff"/>' + "\n".join(words) + "</svg>\n"
    )

"""The bounds that ours is held to on this scene, beside the best that was seen of others."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.line.figures import Figures

NOTHING = 0.05
"""What rounds to 0.0."""


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of a row and its bound."""

    name: str
    bound: float
    at_least: bool = False
    unit: str = ""

    def holds(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    @property
    def words(self) -> str:
        bound = 0 if self.bound == NOTHING else self.bound
        return f"{'≥' if self.at_least else '≤'} {bound:g}{self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: what is bound, what others reached."""

    title: str
    seen: str
    parts: tuple[Part, ...]

    def verdict(self, figures: Figures) -> bool | None:
        """Tell whether all bounds hold; None where the scene was too short to say."""
        if any(part.name not in figures for part in self.parts):
            return None
        return all(part.holds(figures[part.name]) for part in self.parts)


def _least(name: str, bound: float, unit: str = "") -> Part:
    return Part(name, bound, at_least=True, unit=unit)


ROWS = (
    Row(
        "steady: downlink use, video per stream, fps, drops",
        "mediasoup 73 %, 518 kbit/s, 18 fps; Janus simulcast 94 % by luck of sizes",
        (
            _least("steady.use_down", 85, " %"), _least("steady.kbps", 620, " kbit/s"),
            _least("steady.fps", 24.5, " fps"), Part("steady.drop_down", NOTHING, unit=" %"),
        ),
    ),
    Row(
        "steady: queue down p95 / max", "mediasoup 26 / 69 ms",
        (
            Part("steady.queue_down_p95", 25, unit=" ms"),
            Part("steady.queue_down_max", 60, unit=" ms"),
        ),
    ),
    Row(
        "step 2 → 1: sound concealed, mean (worst stream)",
        "peer to peer 4.4 (7) %, mediasoup 5.1 (26) %",
        (Part("step.concealed", 1, unit=" %"), Part("step.concealed_worst", 3, unit=" %")),
    ),
    Row(
        "step: queue under 60 ms again, worst line", "2.1-3.9 s",
        (Part("settle", 1.5, unit=" s"),),
    ),
    Row(
        "step: frozen share of 5 s, mean (worst)", "mediasoup 8 (53) %",
        (Part("step.frozen", NOTHING, unit=" %"), Part("step.frozen_worst", 10, unit=" %")),
    ),
    Row(
        "at 1 Mbit/s: sound concealed / use", "mediasoup 1.3 % / 80 %; mesh 0 / 84 %",
        (Part("low.concealed", NOTHING, unit=" %"), _least("low.use_down", 82, " %")),
    ),
    Row(
        "after the step up: 90 % of own steady rate, drops",
        "mediasoup 11 s median, peer to peer 17 s",
        (Part("recover", 8, unit=" s"), Part("back.drop_down", NOTHING, unit=" %")),
    ),
    Row(
        "2 % loss: sound concealed / frozen", "1.3 % / 0-2 %",
        (Part("loss.concealed", 0.5, unit=" %"), Part("loss.frozen", NOTHING, unit=" %")),
    ),
    Row(
        "join: first picture of all / 90 % of rate", "0.7-0.9 s / 5-13 s",
        (Part("first_frame_worst", 0.8, unit=" s"), Part("to_90", 4, unit=" s")),
    ),
    Row(
        "size changes in the steady seconds, all streams", "mediasoup 18-35 layer changes",
        (Part("layer_changes", 6),),
    ),
)  # fmt: skip

BULK_ROWS = (
    Row(
        "beside a bulk TCP download: sound lost", "-",
        (Part("steady.sound_lost", 3, unit=" %"),),
    ),
    Row("beside a bulk TCP download: size changes", "-", (Part("layer_changes", 4),)),
    Row(
        "after it: 90 % of the rate before, at its site", "-",
        (Part("after_bulk", 30, unit=" s"),),  # 20 in virtual time; half as much again in the lab
    ),
)  # fmt: skip

CODEC_ROWS = tuple(
    replace(row, parts=parts)
    for row in ROWS
    if (parts := tuple(one for one in row.parts if re.search("concealed|queue|settle", one.name)))
)
"""Beside room codecs only what is heard, and the queues, bind."""

_FITS = Row(
    "line down to a site: measured beside reckoned; what the server counted", "-",
    (
        Part("capacity.off", 5, unit=" % off"), Part("capacity.told_off", 2, unit=" % off"),
        Part("steady.drop_down", NOTHING, unit=" %"),
    ),
)  # fmt: skip
_WHOLE = Row(
    "sound concealed, pictures frozen",
    "-",
    (Part("steady.concealed", NOTHING, unit=" %"), Part("steady.frozen", NOTHING, unit=" %")),
)
TWO_ROWS = (
    Row("both pictures", "-", (_least("capacity.height", 720, " lines"),)), _FITS, _WHOLE,
)  # fmt: skip
FOUR_ROWS = (
    Row(
        "the speaker's picture; small ones beside it", "-",
        (_least("capacity.height", 360, " lines"), _least("capacity.small", 2)),
    ),
    _FITS, _WHOLE,
)  # fmt: skip

rows_of: Callable[[str], tuple[Row, ...]] = {
    "browsers": ROWS, "codecs": CODEC_ROWS, "bulk": BULK_ROWS, "two": TWO_ROWS,
    "four": FOUR_ROWS,
}.__getitem__  # fmt: skip

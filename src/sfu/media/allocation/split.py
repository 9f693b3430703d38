"""Which layer each viewer of one sender sees, and who waits.

Layers are few and viewers' shares differ.  To give viewers of different shares one layer means to
send it at the poorest one's share; to give each his own needs a layer for him.  Of all ways to cut
the viewers, thinnest first, into {nothing, layer 0, layer 1...} the one with the most worth is
taken, worth being::

    sum over viewers of  ln(1 + rate / 115 kbit/s)

so that each doubling counts about alike, for everybody.  It says, for a sender of one stream: two
viewers of 1,200 and 300 kbit/s share 300; of 1,200 and 250 the thin one waits; beside five fat ones
he waits below 760: they would lose too much.  For two layers: a viewer with 60 % of the others'
share gets the thin layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log1p

SCALE_BPS = 115_000
LAYER_COST = 0.05
"""One layer more costs its sender's line and processor something."""
ALIKE = 0.9
"""Viewers whose shares differ by less are one group: the poorest counts."""
HEADROOM = 1.2
"""A viewer moves up only where the least of the layer would fit with so much to spare."""
BETTER = 1.05
"""And only where with so much less it would still be worth more."""
NOTHING = -1


@dataclass(frozen=True, slots=True)
class Rate:
    """One layer as it may be split: bit/s of payload."""

    floor_bps: float
    most_bps: float
    fixed_bps: float = 0.0
    """It runs at this rate already, or cannot be steered; 0: to be chosen."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """One who watches, with what his line has for him."""

    share_bps: float
    best: int
    """The highest layer he may be given."""
    has: int
    """The highest he has had without a fall: above it he needs headroom."""
    floor_bps: float = 0.0
    stays: int = NOTHING
    """The layer he keeps for the moment, if any; and what that is worth."""
    stays_worth: float = 0.0

    def bears(self, layer: int) -> float:
        """Return what counts of his share for one layer."""
        return self.share_bps if layer <= self.has else self.share_bps / HEADROOM


@dataclass(frozen=True, slots=True)
class _Best:
    """The best way to serve the thinnest so many groups with layers below one."""

    worth: float
    up_bps: float
    """Taken of the sender's line."""
    rates: tuple[float, ...] = ()
    cuts: tuple[int, ...] = ()
    """Groups served up to here, layer by layer."""


def split(
    rates: Sequence[Rate], viewers: Sequence[Viewer], up_bps: float
) -> tuple[list[int], tuple[float, ...]]:
    """Return each viewer's layer, `NOTHING` for who waits, and the rate meant for each layer.

    `up_bps` is what the sender's line has for it, bit/s of payload like all rates here.
    """
    order = sorted(range(len(viewers)), key=lambda i: (viewers[i].best, viewers[i].share_bps))
    groups: list[list[int]] = []
    for each in order:
        first = viewers[groups[-1][0]] if groups else None
        one = viewers[each]
        if (
            first is not None
            and (first.best, first.has, first.floor_bps, first.stays, first.stays_worth)
            == (one.best, one.has, one.floor_bps, one.stays, one.stays_worth)
            and first.share_bps >= ALIKE * one.share_bps
        ):
            groups[-1].append(each)
        else:
            groups.append([each])
    poorest = [viewers[group[0]] for group in groups]
    sizes = [len(group) for group in groups]
    table = [_Best(0.0, 0.0, (), (done,)) for done in range(len(groups) + 1)]
    for layer, rate in enumerate(rates):
        table = [
            _serve(table, layer, rate, poorest, sizes, done, up_bps)
            for done in range(len(groups) + 1)
        ]
    cuts = table[-1].cuts
    given = [NOTHING] * len(viewers)
    for layer, (start, end) in enumerate(pairwise(cuts)):
        for group in groups[start:end]:
            for each in group:
                given[each] = layer
    return given, table[-1].rates


def _serve(
    table: list[_Best],
    layer: int,
    rate: Rate,
    poorest: list[Viewer],
    sizes: list[int],
    done: int,
    up_bps: float,
) -> _Best:
    """Choose how many of the first `done` groups, from the fattest down, get this layer."""
    before = table[done]
    best = _Best(before.worth, before.up_bps, (*before.rates, 0.0), (*before.cuts, done))
    count, share, bears, floor, stays = 0, float("inf"), float("inf"), rate.floor_bps, 0.0
    for start in range(done - 1, -1, -1):
        viewer = poorest[start]
        if viewer.best < layer:
            break
        count += sizes[start]
        share = min(share, viewer.share_bps / (1.0 if layer <= viewer.has else BETTER))
        bears = min(bears, viewer.bears(layer))
        floor = max(floor, min(viewer.floor_bps, rate.most_bps))
        stays += viewer.stays_worth * sizes[start] * (viewer.stays == layer)
        below = table[start]
        if rate.fixed_bps:
            bps, takes = rate.fixed_bps, 0.0
            fits = bears >= bps
        else:
            bps = takes = min(share, rate.most_bps, up_bps - below.up_bps)
            fits = min(bears, bps) >= floor
        if not fits:
            continue
        worth = below.worth + count * log1p(bps / SCALE_BPS) + stays - LAYER_COST
        if worth >= best.worth - 1e-9:  # of equal worth: the larger picture
            best = _Best(worth, below.up_bps + takes, (*below.rates, bps), (*below.cuts, done))
    return best

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

The thinnest viewer of a layer with temporal layers can see half its pictures, for 0.65 of its rate;
to him that is worth a tenth less than as much at full rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, log1p

from sfu.media.allocation.temporal import PART
from sfu.media.allocation.usual import HALF_RATE

SCALE_BPS = 115_000
LAYER_COST = 0.05
"""One layer more costs its sender's line and processor something."""
ALIKE = 0.9
"""Viewers whose shares differ by less are one group: the poorest counts."""
HEADROOM = 1.2
"""A viewer moves up only where the least of the layer would fit with so much to spare."""
BETTER = 1.05
"""And only where with so much less it would still be worth more."""
HALF_WORTH = 0.9
"""Of half the pictures, of what their rate would be worth with all of them."""
HALF_COST = 0.1
"""To whom sees all of them now, it is a change."""
NOTHING = -1


@dataclass(frozen=True, slots=True)
class Rate:
    """One layer as it may be split: bit/s of payload."""

    floor_bps: float
    most_bps: float
    fixed_bps: float = 0.0
    """It runs at this rate already, or cannot be steered; 0: to be chosen."""
    halves: bool = False
    """Whether it can be sent with half its pictures."""


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
    halved: bool = False
    """He sees half the pictures now."""

    def bears(self, layer: int) -> float:
        """Return what counts of his share for the least of one layer."""
        return self.share_bps if layer <= self.has else self.share_bps / HEADROOM

    def counts(self, layer: int) -> float:
        """Return what counts of his share for the rate of one layer."""
        return self.share_bps if layer <= self.has else self.share_bps / BETTER

    def worth_of_half(self, layer: int, bps: float) -> float:
        """Return what half the pictures of a layer of this rate are worth to him."""
        worth = HALF_WORTH * log1p(PART * bps / SCALE_BPS) - HALF_COST * (not self.halved)
        return worth + self.stays_worth * (self.stays == layer)


@dataclass(frozen=True, slots=True)
class _Best:
    """The best way to serve the thinnest so many groups with layers below one."""

    worth: float
    up_bps: float
    """Taken of the sender's line."""
    rates: tuple[float, ...] = ()
    cuts: tuple[int, ...] = ()
    """Groups served up to here, layer by layer."""
    halved: tuple[bool, ...] = ()
    """Layer by layer, whether the first of its groups sees half the pictures."""

    def then(
        self, worth: float, bps: float, takes_bps: float, done: int, *, halved: bool = False
    ) -> "_Best":
        """Return this with one layer more, for the groups up to `done`."""
        return _Best(
            worth, self.up_bps + takes_bps, (*self.rates, bps), (*self.cuts, done),
            (*self.halved, halved),
        )  # fmt: skip


def split(
    rates: Sequence[Rate], viewers: Sequence[Viewer], up_bps: float
) -> tuple[list[int], tuple[float, ...], frozenset[int]]:
    """Return each viewer's layer, the rate meant for each layer, and who sees half its pictures.

    `NOTHING` is the layer of who waits; `up_bps` is what the sender's line has for it, bit/s of
    payload like all rates here.
    """
    order = sorted(range(len(viewers)), key=lambda i: (viewers[i].best, viewers[i].share_bps))
    groups: list[list[int]] = []
    for each in order:
        first = viewers[groups[-1][0]] if groups else None
        one = viewers[each]
        if (
            first is not None
            and replace(first, share_bps=0.0) == replace(one, share_bps=0.0)
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
    best = table[-1]
    given = [NOTHING] * len(viewers)
    for layer, (start, end) in enumerate(pairwise(best.cuts)):
        for group in groups[start:end]:
            for each in group:
                given[each] = layer
    starts = [start for start, halved in zip(best.cuts, best.halved, strict=False) if halved]
    return given, best.rates, frozenset(each for start in starts for each in groups[start])


@dataclass(slots=True)
class _Watchers:
    """Those who see one layer, from the fattest down to somebody."""

    layer: int
    rate: Rate
    floor_bps: float
    count: int = 0
    share_bps: float = inf
    bears_bps: float = inf
    stays: float = 0.0

    def add(self, viewer: Viewer, size: int) -> None:
        """Take the next thinner group in."""
        self.count += size
        self.share_bps = min(self.share_bps, viewer.counts(self.layer))
        self.bears_bps = min(self.bears_bps, viewer.bears(self.layer))
        self.floor_bps = max(self.floor_bps, min(viewer.floor_bps, self.rate.most_bps))
        self.stays += viewer.stays_worth * size * (viewer.stays == self.layer)

    def bps(self, left_bps: float) -> float:
        """Return the rate of the layer for all of them; 0 where somebody cannot have it."""
        if self.rate.fixed_bps:
            return self.rate.fixed_bps if self.bears_bps >= self.rate.fixed_bps else 0.0
        bps = min(self.share_bps, self.rate.most_bps, left_bps)
        return bps if min(self.bears_bps, bps) >= self.floor_bps else 0.0

    def bps_beside(self, thin: Viewer, left_bps: float) -> float:
        """Return the same where one group more sees half its pictures.

        What is too little for all its pictures is halved where it is made, for everybody.
        """
        if not self.rate.halves or not (self.count or self.rate.fixed_bps):
            return 0.0
        bps = min(self.bps(left_bps), thin.counts(self.layer) / PART)
        if self.rate.fixed_bps:
            fixed = self.rate.fixed_bps
            return fixed if bps and thin.bears(self.layer) >= PART * fixed else 0.0
        least = max(self.floor_bps, HALF_RATE * self.rate.floor_bps)
        wants = max(PART * least, min(thin.floor_bps, PART * self.rate.most_bps))
        return bps if bps >= least and min(thin.bears(self.layer), PART * bps) >= wants else 0.0

    def worth(self, bps: float) -> float:
        """Return what the layer is worth to all of them."""
        return self.count * log1p(bps / SCALE_BPS) + self.stays


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
    best = before.then(before.worth, 0.0, 0.0, done)
    watchers = _Watchers(layer, rate, rate.floor_bps)
    for start in range(done - 1, -1, -1):
        viewer, size, below = poorest[start], sizes[start], table[start]
        if viewer.best < layer:
            break
        left_bps = up_bps - below.up_bps
        if bps := watchers.bps_beside(viewer, left_bps):
            worth = below.worth + watchers.worth(bps) - LAYER_COST
            worth += size * viewer.worth_of_half(layer, bps)
            if worth > best.worth + 1e-9:
                best = below.then(worth, bps, 0.0 if rate.fixed_bps else bps, done, halved=True)
        watchers.add(viewer, size)
        if bps := watchers.bps(left_bps):
            worth = below.worth + watchers.worth(bps) - LAYER_COST
            if worth >= best.worth - 1e-9:  # of equal worth: the larger picture
                best = below.then(worth, bps, 0.0 if rate.fixed_bps else bps, done)
    return best

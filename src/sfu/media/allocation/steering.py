"""What one sender is told: each layer's rate, off where nobody watches.

A layer nobody watches any more stays on for a moment at its least: who comes back needs no key
frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from sfu.media.allocation.output import Cap, Reason, SetCaps
from sfu.media.allocation.rung import Why
from sfu.media.allocation.usual import HALF_RATE
from sfu.media.allocation.world import LayerKey, Plan, Sender
from sfu.media.allocation.worth import Worth
from sfu.model import MemberId

OFF_S = 2.0
"""So long a layer goes on after its last viewer left."""
UP_AGAIN = 1.2
CLEAN_S = 5.0
"""Half rate ends with a fifth to spare, for as long as it was needed, but no longer than this."""
LEAST_CLEAN_S = 1.0
AGAIN_S = 15.0
"""Who is back at half rate sooner than this needs the whole `CLEAN_S`."""
LEAST_FPS = 5
SHED_S = 1.5
"""What was encoded before the sender was told comes so much later: viewers are sent half."""
PASSING_S = 4.0
"""A shorter spell is not told as pictures a second: Chromium begins anew for it."""


@dataclass(slots=True)
class _Half:
    """One layer's spell of half rate."""

    since: float
    wait_s: float | None
    """How long there must be room before it ends; None: for as long as it was needed."""
    room_since: float | None = None
    ended: float = inf
    """When it did; inf while it goes on."""

    def needed_s(self, now: float) -> float:
        """Return for how long there was no room for more."""
        return (now if self.room_since is None else self.room_since) - self.since

    def ends(self, now: float) -> bool:
        """Tell, of a layer that could have more, whether the spell is over."""
        if self.room_since is None:
            self.room_since = now
        wait_s = (
            min(max(self.needed_s(now), LEAST_CLEAN_S), CLEAN_S)
            if self.wait_s is None
            else self.wait_s
        )
        return now - self.room_since >= wait_s


class Steering:
    """One sender over time."""

    def __init__(self, member: MemberId) -> None:
        """Nothing was told yet."""
        self.member = member
        self._worth = Worth()
        self._watched: dict[int, float] = {}
        """When each layer was watched last."""
        self._halves: dict[int, _Half] = {}
        """What half rate is, or was, to each layer."""

    def kept(self, now: float) -> Iterator[LayerKey]:
        """Yield the layers that go on for a moment."""
        for index, at in self._watched.items():
            if now - at < OFF_S:
                yield (self.member, index)

    def halved(self, index: int) -> bool:
        """Tell whether a layer is sent at half its rate of pictures."""
        half = self._halves.get(index)
        return half is not None and half.ended == inf

    def sheds(self, index: int, now: float) -> bool:
        """Tell whether a spell of half rate has just begun."""
        return self.halved(index) and now - self._halves[index].since < SHED_S

    def update(self, sender: Sender, plan: Plan, now: float) -> SetCaps | None:
        """Return what the sender is to be told now, None if nothing new."""
        rates = {
            index: plan.rates[sender.member, index]
            for index in range(len(sender.encodings))
            if (sender.member, index) in plan.rates
        }
        for index, rate in rates.items():
            self._watched[index] = now
            self._halve(index, rate, sender, now)
        told = {index: self._told(index, rate, plan, now) for index, rate in rates.items()}
        kept = {index for member, index in plan.kept if member == sender.member}
        caps = tuple(
            Cap(
                one.rid,
                int(told.get(index, one.usual.floor_bps)),
                index in rates or index in kept,
                self._fps(index, sender, now) if index in rates else None,
            )
            for index, one in enumerate(sender.encodings)
        )
        if not self._worth.telling(caps, now):
            return None
        return SetCaps(self.member, caps, self._reason(sender, plan, told))

    def _told(self, index: int, rate: float, plan: Plan, now: float) -> float:
        if not self.sheds(index, now):
            return rate
        return plan.shed.get((self.member, index), rate)

    def _halve(self, index: int, rate: float, sender: Sender, now: float) -> None:
        usual = sender.encodings[index].usual
        least = min(HALF_RATE * usual.floor_bps, usual.most_bps) - 1
        half = self._halves.get(index)
        if sender.encodings[index].fixed_bps:
            self._halves.pop(index, None)
        elif rate < least:
            if half is None or half.ended < inf:
                again = half is not None and now - half.ended < AGAIN_S
                self._halves[index] = _Half(now, CLEAN_S if again else None)
            else:
                half.room_since = None
        elif half is not None and half.ended == inf:
            if rate < min(UP_AGAIN * least, usual.most_bps - 1):
                half.room_since = None
            elif half.ends(now):
                half.ended = now

    def _fps(self, index: int, sender: Sender, now: float) -> int | None:
        if not self.halved(index) or self._halves[index].needed_s(now) < PASSING_S:
            return None
        return max(round(sender.encodings[index].fps / 2), LEAST_FPS)

    def _reason(self, sender: Sender, plan: Plan, told: dict[int, float]) -> Reason:
        if not told:
            return Reason(0, 0, Why.NOT_WATCHED)
        top = max(told)
        most = sender.encodings[top].usual.most_bps
        return Reason(int(most), int(told[top]), plan.whys[sender.member, top])

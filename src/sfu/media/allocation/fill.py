"""Raises all streams together until a line is full: max-min fair over many lines.

A stream runs through rooms (directions of lines): its sender's, and that of each who watches.
Raised together, the first room to be full holds its streams where they are, the others go on
(progressive filling, Bertsekas and Gallager, Data Networks, section 6.5)::

    room A  |=== x ===|=== y ===|              full first: x, y stay
    room B  |=== x ===|======== z ========|    z has the rest
"""

import heapq
from dataclasses import dataclass, field

from sfu.media.allocation.cost import Cost


@dataclass(slots=True, eq=False)
class Room:
    """What is free in one direction of a line, bit/s of the line."""

    free_bps: float
    flows: "list[tuple[Flow, Cost]]" = field(default_factory=list)
    """Those being raised now."""


@dataclass(slots=True, eq=False)
class Flow:
    """One stream, and what it costs in each room; a room may be named twice."""

    most_bps: float
    rate_bps: float = 0.0
    """Of payload."""
    uses: list[tuple[Room, Cost]] = field(default_factory=list)
    raised: bool = False
    bound: Room | None = None
    """The room that holds it; None: it has its most."""

    def use(self, room: Room, cost: Cost) -> None:
        """Run through one room more, at the rate it has."""
        self.uses.append((room, cost))
        room.free_bps -= cost.bps(self.rate_bps)

    def set(self, rate_bps: float) -> None:
        """Take another rate."""
        for room, cost in self.uses:
            room.free_bps -= cost.bps(rate_bps) - cost.bps(self.rate_bps)
        self.rate_bps = rate_bps


def level(room: Room, least: float, most: float) -> float:
    """Return the rate up to which all flows of a room can be raised.

    Newton's method from above: what they take is convex, so it never ends below the answer.
    """
    flows = room.flows = [one for one in room.flows if one[0].raised]
    free = room.free_bps
    for flow, cost in flows:
        if flow.rate_bps:
            free += cost.bps(flow.rate_bps)
    rate = most
    for _ in range(2 * len(flows) + 2):
        taken = slope = 0.0
        for flow, cost in flows:
            if rate >= flow.rate_bps:
                thin = cost.thin_slope * rate + cost.thin_base
                full = cost.slope * rate + cost.base
                if thin >= full:
                    taken += thin
                    slope += cost.thin_slope
                else:
                    taken += full
                    slope += cost.slope
            else:
                taken += cost.bps(flow.rate_bps)
        if taken <= free + 1e-6 or not slope:
            break
        rate -= (taken - free) / slope
        if rate <= least:
            return least
    return rate


def fill(flows: list[Flow]) -> None:
    """Raise all flows together, each up to its most and as far as its rooms allow."""
    raised = [flow for flow in flows if flow.rate_bps < flow.most_bps]
    rooms: dict[int, Room] = {}
    for flow in raised:
        flow.raised, flow.bound = True, None
        for room, cost in flow.uses:
            if id(room) not in rooms:
                rooms[id(room)] = room
                room.flows = []
            room.flows.append((flow, cost))
    top = max((flow.most_bps for flow in raised), default=0.0)
    # what a room allows only grows while others are held, so an old entry is a lower bound
    heap: list[tuple[float, int]] = [(level(room, 0.0, top), key) for key, room in rooms.items()]
    heapq.heapify(heap)
    by_most = sorted(raised, key=lambda flow: flow.most_bps, reverse=True)
    while by_most:
        flow = by_most[-1]
        if not flow.raised:
            by_most.pop()
        elif not heap or flow.most_bps <= heap[0][0]:
            _hold(flow, flow.most_bps, None)
            by_most.pop()
        else:
            bps, key = heapq.heappop(heap)
            room = rooms[key]
            now_bps = level(room, bps, top)
            if not room.flows:
                continue
            if now_bps > bps + 1:
                heapq.heappush(heap, (now_bps, key))
                continue
            for each, _ in room.flows:
                if each.raised:
                    _hold(each, max(bps, each.rate_bps), room)


def _hold(flow: Flow, rate_bps: float, bound: Room | None) -> None:
    flow.raised, flow.bound = False, bound
    flow.set(rate_bps)

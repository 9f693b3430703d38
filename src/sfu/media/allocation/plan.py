"""One plan for all lines: who sees which layer, and at which rate it is sent.

::

    group by group (slides, main pictures, thumbnails; higher priority first):
        share of each viewer on his line, of each sender on his  ->  split: layer or nothing
        raise the new streams together, each up to what is good
    stills for main pictures that got nothing
    group by group: raise further, each up to what is of use

It depends on its world alone: the same world gives the same plan.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from sfu.media.allocation.cost import Cost
from sfu.media.allocation.event import Demand
from sfu.media.allocation.fill import Flow, Room, fill
from sfu.media.allocation.precedence import Precedence
from sfu.media.allocation.rung import Rung, Why
from sfu.media.allocation.split import HEADROOM, NOTHING, Rate, Viewer, split
from sfu.media.allocation.temporal import PART, half
from sfu.media.allocation.usual import HALF_RATE, Usual, slides
from sfu.media.allocation.world import (
    DOWN,
    SOUND_ONLY,
    STILL,
    UP,
    Choice,
    Encoding,
    LayerKey,
    Plan,
    Sender,
    World,
)
from sfu.media.engine.pacer import PictureClass
from sfu.model import LineId, MemberId, SinkId

PLENTY_BPS = 1e12
"""The share of who stands behind no line that is reckoned with."""
KEYFRAME_S = 0.5
"""A key frame is worth so much of its stream."""
KEYFRAME_WAIT_S = 0.9
"""So long it may take: the pacer drops the main picture after a second."""
DRAINS = 0.4
"""While a queue goes, so much of a layer's least will do: another begins with a key frame."""


def make(world: World, *, rising: bool = False) -> Plan:
    """Return the plan; `rising`: as it would be if every viewer were let up again."""
    return _Planner(world, rising).plan()


class _Planner:
    """The state of one plan in the making."""

    def __init__(self, world: World, rising: bool) -> None:
        self.world = world
        self.rising = rising
        self.rooms = {key: Room(bps) for key, bps in world.free_bps.items()}
        self.flows: dict[LayerKey, Flow] = {}
        self.meant: dict[LayerKey, float] = {}
        """The rate a stream was split for."""
        self.taken: dict[LayerKey, float] = {}
        """The most that all viewers of a stream take."""
        self.kept: set[LayerKey] = set()
        self.shares: dict[SinkId, float] = {}
        self.levels: dict[SinkId, int] = {}
        self.whys: dict[SinkId, Why] = {}
        self.tops = {
            each.sink: world.senders[each.member].top(each)
            for each in world.demands
            if each.member in world.senders
        }
        self.prices: dict[tuple[LineId | None, int, float, float], Cost | None] = {}
        self.stays = {one.sink: one for one in world.stays}
        self.halved: set[SinkId] = set()
        """Viewers who see half the pictures of their layer."""
        self.unmet: set[LineId] = set()
        """Lines whose main picture is not good yet."""
        self.precedence = Precedence(self.rooms)

    def plan(self) -> Plan:
        self._reserve()
        order = sorted(
            (each for each in self.world.demands if each.member in self.world.senders),
            key=lambda each: (each.picture_class, -each.priority, each.sink),
        )
        groups = [
            list(group)
            for _, group in groupby(order, key=lambda each: (each.picture_class, each.priority))
        ]
        streams = [self._serve(group) for group in groups]
        self._stills(order)
        for keys in streams:
            for key in keys:
                self.flows[key].most_bps = min(
                    self._usual(key).most_bps, self.taken.get(key, PLENTY_BPS)
                )
            fill([self.flows[key] for key in keys])
        return self._result(order)

    # ---- before anybody is served

    def _reserve(self) -> None:
        """Count what is sent in any case: by who cannot be steered, and layers just left."""
        for sender in self.world.senders.values():
            for index, encoding in enumerate(sender.encodings):
                key = (sender.member, index)
                if encoding.fixed_bps:
                    self._flow(sender, index).set(encoding.fixed_bps)
                elif key in self.world.kept:
                    flow = self._flow(sender, index)
                    flow.set(encoding.usual.floor_bps)
                    if flow.uses and flow.uses[0][0].free_bps < 0:
                        flow.set(0.0)
                    else:
                        self.kept.add(key)

    def _flow(self, sender: Sender, index: int) -> Flow:
        """Return a layer's stream, through its sender's line at first."""
        key = (sender.member, index)
        if key not in self.flows:
            flow = self.flows[key] = Flow(most_bps=0.0)
            encoding = sender.encodings[index]
            price = self._price(sender.line, sender.headers_bytes, encoding)
            if sender.line is not None and price is not None:
                flow.use(self.rooms[sender.line, UP], price)
        return self.flows[key]

    # ---- one group

    def _serve(self, group: list[Demand]) -> list[LayerKey]:
        """Split and raise one group; return the streams it brought."""
        self.precedence.begin(group)
        self._share(group)
        up = self._share_up(group)
        new: list[LayerKey] = []
        by_member: dict[MemberId, list[Demand]] = defaultdict(list)
        for each in group:
            by_member[each.member].append(each)
        for member, watchers in by_member.items():
            new += self._split(self.world.senders[member], watchers, up.get(member, PLENTY_BPS))
        for key in new:
            self.flows[key].most_bps = min(
                self._usual(key).good_bps, self.taken.get(key, PLENTY_BPS)
            )
        fill([self.flows[key] for key in new])
        self.precedence.served(each for each in group if self.levels[each.sink] >= 0)
        for each in group:
            if each.picture_class is PictureClass.MAIN and each.line is not None:
                level = self.levels[each.sink]
                limited = self._has(each) < self.tops[each.sink] and not self.rising
                short = limited or self.whys[each.sink] is Why.LINE_DOWN
                wanting = (level < self.tops[each.sink] and short) or each.sink in self.halved
                if wanting or (level >= 0 and self._held_here(each, level)):
                    self.unmet.add(each.line)
        return new

    def _held_here(self, demand: Demand, level: int) -> bool:
        """Tell whether a stream is less than good because of this viewer's line."""
        assert demand.line is not None
        flow = self.flows[demand.member, level]
        return flow.bound is not None and flow.bound is self.rooms.get((demand.line, DOWN))

    def _needs(self, demand: Demand) -> tuple[float, float, Encoding]:
        """Return the least and the most a viewer can do with, and the layer he asks for."""
        sender = self.world.senders[demand.member]
        top = self.tops[demand.sink]
        rates = [self._rate(sender, index, demand) for index in range(top + 1)]
        least = min(one.fixed_bps or one.floor_bps for one in rates)
        most = rates[top].fixed_bps or rates[top].most_bps
        if demand.max_bps:
            most = min(most, demand.max_bps)
        least = max(least, min(demand.floor_bps, most))
        return least, most, sender.encodings[top]

    def _share(self, group: list[Demand]) -> None:
        """Reckon what each viewer's line has for him, were he alone to decide of his stream."""
        by_line: dict[LineId | None, list[Demand]] = defaultdict(list)
        for each in group:
            by_line[each.line if each.line in self.world.lines else None].append(each)
        for each in by_line.pop(None, []):
            self.shares[each.sink] = each.max_bps or PLENTY_BPS
        for line, demands in by_line.items():
            assert line is not None
            # no thumbnails before the main picture has what is good for it
            served = [each for each in demands if not self._is_small(each, self.unmet)]
            self.shares.update({each.sink: 0.0 for each in demands})
            self.shares.update(self._share_line(self.rooms[line, DOWN], served))

    def _share_line(self, real: Room, demands: list[Demand]) -> dict[SinkId, float]:
        """Share one line out: first the least of as many as fit, then all alike."""
        shares = {each.sink: 0.0 for each in demands}
        room = Room(real.free_bps)
        flows: dict[SinkId, Flow] = {}
        wishes = []
        for each in demands:
            least, most, top = self._needs(each)
            low = self._has(each) < 0
            if low and self.rising:
                least *= HEADROOM
            if least <= most and (not low or self.rising):
                wishes.append((low, least, each, most, top))
        wishes.sort(key=lambda one: (one[0], one[1], one[2].sink))
        for _, least, each, most, top in wishes:
            price = self._price(each.line, each.headers_bytes, top)
            assert price is not None
            if price.bps(least) <= room.free_bps:
                flow = flows[each.sink] = Flow(most_bps=most)
                flow.use(room, price)
                flow.set(least)
        fill(list(flows.values()))
        shares.update({sink: flow.rate_bps for sink, flow in flows.items()})
        return shares

    @staticmethod
    def _is_small(demand: Demand, lines: set[LineId]) -> bool:
        return demand.picture_class is PictureClass.THUMBNAIL and demand.line in lines

    def _share_up(self, group: list[Demand]) -> dict[MemberId, float]:
        """Reckon what each sender's line has for him, all his new streams together."""
        wishes: dict[MemberId, list[float]] = defaultdict(list)
        for each in group:
            wishes[each.member].append(self.shares[each.sink])
        by_line: dict[LineId, dict[MemberId, Flow]] = defaultdict(dict)
        for member, shares in wishes.items():
            sender = self.world.senders[member]
            if sender.line is None or sender.line not in self.world.lines or max(shares) <= 0:
                continue
            most = min(max(shares), sender.encodings[-1].usual.most_bps)
            if len(shares) > 1:
                most += sum(one.usual.most_bps for one in sender.encodings[:-1])
            by_line[sender.line][member] = Flow(most_bps=most)
        found: dict[MemberId, float] = {}
        for line, flows in by_line.items():
            room = Room(self.rooms[line, UP].free_bps)
            for member, flow in flows.items():
                sender = self.world.senders[member]
                for index, encoding in enumerate(sender.encodings):
                    key = (member, index)
                    if key in self.world.kept and key not in self.meant:
                        room.free_bps += self._cost_up(sender, encoding, self.flows[key].rate_bps)
                price = self._price(line, sender.headers_bytes, sender.encodings[-1])
                assert price is not None
                flow.use(room, price)
            fill(list(flows.values()))
            found.update({member: flow.rate_bps for member, flow in flows.items()})
        return found

    def _cost_up(self, sender: Sender, encoding: Encoding, rate_bps: float) -> float:
        price = self._price(sender.line, sender.headers_bytes, encoding)
        return price.bps(rate_bps) if price else 0.0

    def _split(self, sender: Sender, watchers: list[Demand], up_bps: float) -> list[LayerKey]:
        """Decide who of one sender's viewers sees which layer; return the streams that begin."""
        rates = [self._rate(sender, index, watchers[0]) for index in range(len(sender.encodings))]
        if any(each.line in self.world.draining for each in watchers):
            rates = [replace(rate, floor_bps=DRAINS * rate.floor_bps) for rate in rates]
        viewers = []
        for each in watchers:
            has = self._has(each)
            best = self.tops[each.sink]
            viewers.append(
                Viewer(
                    self.shares[each.sink],
                    best if self.rising else max(min(best, has), NOTHING),
                    max(has, NOTHING),
                    each.floor_bps,
                    stay.level if (stay := self.stays.get(each.sink)) else NOTHING,
                    stay.worth if stay else 0.0,
                    each.sink in self.world.halved,
                )
            )
        given, meant, halved = self._together(watchers, viewers, rates, up_bps) or split(
            rates, viewers, up_bps
        )
        self.halved |= {watchers[index].sink for index in halved}
        new: list[LayerKey] = []
        for each, level in zip(watchers, given, strict=True):
            top = self.tops[each.sink]
            self.levels[each.sink] = level if level >= 0 else SOUND_ONLY
            self.whys[each.sink] = self._why(sender, each, level, top, up_bps)
            if level == NOTHING:
                continue
            key = (sender.member, level)
            flow = self._flow(sender, level)
            if key not in self.meant:
                self.meant[key] = meant[level]
                if not sender.encodings[level].fixed_bps:
                    flow.set(0.0)
                    new.append(key)
            halves = each.sink in self.halved
            if each.max_bps:
                most = each.max_bps / PART if halves else each.max_bps
                self.taken[key] = min(self.taken.get(key, PLENTY_BPS), most)
            price = self._price(each.line, each.headers_bytes, sender.encodings[level])
            if price is not None and each.line is not None:
                flow.use(self.rooms[each.line, DOWN], half(price) if halves else price)
        return new

    def _together(
        self, watchers: list[Demand], viewers: list[Viewer], rates: list[Rate], up_bps: float
    ) -> tuple[list[int], tuple[float, ...], frozenset[int]] | None:
        """Keep all viewers on one layer at the rate of those whose line fell just now.

        Where several lines fall at once one is heard of first.  To begin another layer for its
        viewers takes two key frames, there and back, at the worst moment; for the others to see
        less until theirs is heard of takes a blink.  While the queues of all go, what each line
        bears is a guess, and guesses that differ are no reason either.  None where one layer will
        not do.
        """
        fallen = [
            viewer.share_bps
            for each, viewer in zip(watchers, viewers, strict=True)
            if each.line in self.world.fell
        ]
        if all(each.line in self.world.draining for each in watchers):
            fallen = [viewer.share_bps for viewer in viewers]
        if not fallen or any(rate.fixed_bps for rate in rates):
            return None
        alike = [replace(one, share_bps=min(one.share_bps, *fallen)) for one in viewers]
        found = split(rates, alike, up_bps)
        return found if found[0] == [one.best for one in viewers] else None

    def _rate(self, sender: Sender, index: int, watcher: Demand) -> Rate:
        encoding = sender.encodings[index]
        running = self.meant.get((sender.member, index), 0.0) or encoding.fixed_bps
        usual = encoding.usual
        if watcher.picture_class is PictureClass.SLIDES:
            usual = slides(int(usual.most_bps))
        return Rate(usual.floor_bps, usual.most_bps, running, encoding.temporals > 1)

    def _why(self, sender: Sender, demand: Demand, level: int, top: int, up_bps: float) -> Why:
        """Say what keeps a viewer from the layer he asks for."""
        if level >= top:
            return Why.ROOM
        wanted = sender.encodings[max(level + 1, 0)]
        if sender.deaf:
            return Why.DEAF
        least = wanted.fixed_bps or wanted.usual.floor_bps
        needs = wanted.fixed_bps or max(least, demand.floor_bps)
        if demand.max_bps and demand.max_bps < needs:
            return Why.CEILING
        if self.shares[demand.sink] < needs:
            if self._is_small(demand, self.unmet):
                return Why.SPEAKER_FIRST
            price = self._price(demand.line, demand.headers_bytes, wanted)
            return self.precedence.why(demand, price, least, needs)
        return Why.LINE_UP if up_bps < needs else Why.OTHERS

    # ---- after all groups

    def _stills(self, order: Iterable[Demand]) -> None:
        """Give main pictures that have nothing a still now and then, where a key frame fits."""
        for each in order:
            if self.levels[each.sink] >= 0 or each.picture_class is PictureClass.THUMBNAIL:
                continue
            sender = self.world.senders[each.member]
            encoding = sender.encodings[0]
            key = (sender.member, 0)
            rate = self.flows[key].rate_bps if key in self.flows else 0.0
            rate = rate or encoding.fixed_bps or encoding.usual.floor_bps
            price = self._price(each.line, each.headers_bytes, encoding)
            if price is None or each.line is None:
                continue
            room = self.rooms[each.line, DOWN]
            takes = price.bps(rate * KEYFRAME_S / KEYFRAME_WAIT_S)
            rises = self._has(each) < STILL
            if rises and not self.rising:
                continue
            if takes * (HEADROOM if rises else 1) > room.free_bps:
                continue
            if key not in self.meant and not encoding.fixed_bps:
                flow = self._flow(sender, 0)
                if flow.rate_bps <= 0:
                    flow.set(encoding.usual.floor_bps)
                if flow.uses and flow.uses[0][0].free_bps < 0:
                    flow.set(0.0)
                    continue
                self.meant[key] = encoding.usual.floor_bps
            room.free_bps -= takes
            self.levels[each.sink] = STILL

    def _price(self, line: LineId | None, headers_bytes: int, encoding: Encoding) -> Cost | None:
        key = (line, headers_bytes, encoding.fps, encoding.packet_bytes)
        if key not in self.prices:
            self.prices[key] = self.world.cost(line, headers_bytes, encoding)
        return self.prices[key]

    def _usual(self, key: LayerKey) -> Usual:
        return self.world.senders[key[0]].encodings[key[1]].usual

    def _has(self, demand: Demand) -> int:
        return self.world.has.get(demand.sink, len(self.world.senders[demand.member].encodings))

    def _result(self, order: Iterable[Demand]) -> Plan:
        plan = Plan(kept=self.kept)
        for key in self.meant:
            plan.rates[key] = self.flows[key].rate_bps
            plan.whys[key] = self._bound(key)
        for each in order:
            key = each.member, self.levels[each.sink]
            if each.line in self.world.queued and key in plan.rates and key not in plan.shed:
                plan.shed[key] = self._shed(key)
            plan.choices[each.sink] = self._choice(each)
            self._want(plan, each)
        return plan

    def _shed(self, key: LayerKey) -> float:
        """Return the rate of which half the pictures take of the viewers' lines what all may.

        Told a fifth of its rate for the half second in which a queue goes, libvpx leaves pictures
        out until its own account is even; with half of the others left out here that is a freeze.
        """
        flow = self.flows[key]
        sender = self.world.senders[key[0]]
        encoding = sender.encodings[key[1]]
        if encoding.temporals < 2 or encoding.fixed_bps:
            return flow.rate_bps
        rate = min(flow.rate_bps / PART, max(encoding.usual.most_bps, flow.rate_bps))
        price = self._price(sender.line, sender.headers_bytes, encoding)
        if price is None or sender.line is None:
            return rate
        room = self.rooms[sender.line, UP]
        more = price.bps(rate) - price.bps(flow.rate_bps)
        if more > room.free_bps:
            return flow.rate_bps
        room.free_bps -= more
        return rate

    def _bound(self, key: LayerKey) -> Why:
        flow = self.flows[key]
        if flow.bound is None:
            return Why.ROOM
        line = self.world.senders[key[0]].line
        up = self.rooms.get((line, UP)) if line is not None else None
        return Why.LINE_UP if flow.bound is up else Why.LINE_DOWN

    def _choice(self, demand: Demand) -> Choice:
        sender = self.world.senders[demand.member]
        level = self.levels[demand.sink]
        top = self.tops[demand.sink]
        why = self.whys[demand.sink]
        share = self.shares[demand.sink]
        rung, wants = self._rung(demand, sender, level, top)
        halved = demand.sink in self.halved
        if halved and rung is Rung.HALF_RATE:
            why = Why.CEILING if 0 < demand.max_bps < wants else Why.LINE_DOWN
        elif rung is Rung.HALF_RATE:
            why = self._bound((demand.member, level))
            why = Why.CEILING if why is Why.ROOM else why
        price = self._price(demand.line, demand.headers_bytes, sender.encodings[top])
        return Choice(level, rung, _line(price, wants), _line(price, share), why, halved)

    def _rung(self, demand: Demand, sender: Sender, level: int, top: int) -> tuple[Rung, float]:
        """Name what a viewer has, and say what he would need for more (what he has, if full)."""
        small = demand.picture_class is PictureClass.THUMBNAIL
        lowest = sender.encodings[0]
        least = lowest.fixed_bps or max(lowest.usual.floor_bps, demand.floor_bps)
        if level == SOUND_ONLY:
            return (Rung.NO_THUMBNAILS if small else Rung.SOUND_ONLY), least
        if level == STILL:
            return Rung.STILL, least
        rate = self.flows[demand.member, level].rate_bps
        if demand.picture_class is PictureClass.SLIDES:
            good, slow = slides().good_bps, demand.sink in self.halved
            return (Rung.FULL, rate) if rate >= good and not slow else (Rung.SLIDES_SLOW, good)
        if level < top:
            return Rung.SMALL, max(sender.encodings[level + 1].usual.floor_bps, demand.floor_bps)
        if demand.sink in self.halved:
            return Rung.HALF_RATE, rate
        usual = sender.encodings[level].usual
        least = HALF_RATE * usual.floor_bps
        if rate < min(least, usual.most_bps) - 1 and not sender.encodings[level].fixed_bps:
            return Rung.HALF_RATE, least
        return Rung.FULL, rate

    def _want(self, plan: Plan, demand: Demand) -> None:
        """Count what a viewer would take of his line if it were wide."""
        sender = self.world.senders[demand.member]
        top = sender.encodings[self.tops[demand.sink]]
        price = self._price(demand.line, demand.headers_bytes, top)
        if price is None or demand.line is None:
            return
        most = top.fixed_bps or top.usual.most_bps
        if demand.max_bps:
            most = min(most, demand.max_bps)
        wanted = plan.wanted_bps.get(demand.line, 0.0)
        plan.wanted_bps[demand.line] = wanted + price.bps(most)


def _line(price: Cost | None, payload_bps: float) -> int:
    return int(price.bps(min(payload_bps, 1e9)) if price else 0)

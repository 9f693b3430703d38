"""Who gets how much of which picture, on all lines at once (docs/allocation.md).

::

    lines, senders, viewers --handle--> facts
        tick:  Share (rooms over time) -> plan.make -> falls at once, rises by Patience
               -> Give, SetCaps, Pace, Wants, SoundStep, only where they changed
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from sfu.media.allocation import plan as planning
from sfu.media.allocation.admission import Adds, Admission, admit
from sfu.media.allocation.budget import Budget, Sound, budget
from sfu.media.allocation.courtesy import Courtesy
from sfu.media.allocation.event import (
    AllocationEvent,
    Demand,
    DemandGone,
    Hearing,
    HearingGone,
    LineGone,
    LineState,
    Picture,
    PictureGone,
)
from sfu.media.allocation.output import (
    AllocationOrder,
    Give,
    Pace,
    Reason,
    SoundStep,
    StopPicture,
    Wants,
)
from sfu.media.allocation.patience import ANYTHING, Patience
from sfu.media.allocation.rung import Rung, Why
from sfu.media.allocation.senders import Senders
from sfu.media.allocation.share import Share
from sfu.media.allocation.steering import Steering
from sfu.media.allocation.stills import Stills
from sfu.media.allocation.stops import Stops, Uplink
from sfu.media.allocation.temporal import ALL, HOLD_S, highest
from sfu.media.allocation.voices import STEPS, Voices
from sfu.media.allocation.world import DOWN, SOUND_ONLY, STILL, UP, Choice, Plan, Stay, World
from sfu.media.engine.pacer import PictureClass
from sfu.model import LineId, MemberId, SinkId

TICK_S = 0.1
"""How often the shell ticks at least."""
LOOK_UP_S = 0.5
"""How often it is looked whether somebody may go up."""
MOVED = 0.02
"""A pace rises by no less; a fall is said at once."""
WANTS_MOVED = 0.05
DRAIN_S = 2.0
"""A queue goes, and what the line bears is believed again, within so long."""
FALL_S = 0.15
"""Lines that fall together are heard of within so long: their browsers report each 50 to 100 ms."""


@dataclass(slots=True)
class _Line:
    """What is known of one line over time."""

    state: LineState
    up: Share
    down: Share
    voices: Voices
    paced_bps: int = 0
    wanted_bps: int = 0
    congested_at: float = float("-inf")
    """When a queue towards the site was told of first."""


class Allocator:
    """Shares lines out; owns no socket, reads no clock."""

    def __init__(self) -> None:
        """Start with nobody there."""
        self.deadline: float | None = None
        self._senders = Senders()
        self._demands: dict[SinkId, Demand] = {}
        self._lines: dict[LineId, _Line] = {}
        self._hearing: dict[MemberId, Hearing] = {}
        self._patience: dict[SinkId, Patience] = {}
        self._steering: dict[MemberId, Steering] = {}
        self._given: dict[SinkId, Give] = {}
        self._stills = Stills()
        self._stops = Stops()
        self._used_up: dict[LineId, float] = {}
        """What all behind a line were asked for last, bit/s on it."""
        self._stepped: dict[MemberId, SoundStep] = {}
        self._courtesy = Courtesy()
        self._stays: frozenset[Stay] = frozenset()
        self._halved: dict[SinkId, tuple[int, float]] = {}
        """Who sees half the pictures of which layer, and when a plan said so last."""
        self._planned: deque[tuple[World, Plan]] = deque(maxlen=2)
        self._free: tuple[float, World, Plan] | None = None
        self._outputs: deque[AllocationOrder] = deque()

    @property
    def deaf(self) -> frozenset[MemberId]:
        """Return who goes on sending more than he was told."""
        return self._senders.deaf

    def handle(self, event: AllocationEvent, now: float) -> None:
        """Take in what is; what follows from it comes with the next `tick`."""
        self.deadline = now if self.deadline is None else min(self.deadline, now)
        match event:
            case Picture():
                line = self._lines.get(event.line) if event.line is not None else None
                pressed = line is not None and line.state.up.congested
                self._senders.handle(event, now, pressed=pressed)
                if event.member not in self._steering:
                    self._steering[event.member] = Steering(event.member)
            case PictureGone():
                self._senders.forget(event.member)
                self._steering.pop(event.member, None)
                self._outputs.extend(self._stops.forget(event.member))
            case Demand():
                self._demand(event, now)
            case DemandGone():
                self._demands.pop(event.sink, None)
                self._patience.pop(event.sink, None)
                self._stills.forget(event.sink)
                self._given.pop(event.sink, None)
                self._halved.pop(event.sink, None)
            case LineState():
                line = self._lines.get(event.line)
                if line is None:
                    line = _Line(event, Share(grows=False), Share(grows=True), Voices())
                    self._lines[event.line] = line
                if event.down.congested and not line.state.down.congested:
                    line.congested_at = now
                line.state = event
                line.up.update(event.up, now)
                line.down.update(event.down, now)
            case LineGone():
                self._lines.pop(event.line, None)
            case Hearing():
                self._hearing[event.viewer] = event
            case HearingGone():
                self._hearing.pop(event.viewer, None)
                self._stepped.pop(event.viewer, None)
            case _:
                assert_never(event)

    def tick(self, now: float) -> None:
        """Share out anew; orders wait in `poll`."""
        self.deadline = now + TICK_S if self._lines or self._demands else None
        for line in self._lines.values():
            line.up.update(line.state.up, now)
            line.down.update(line.state.down, now)
            self._hear(line, now)
        self._outputs.extend(self._stop(now))
        world, plan = self._court(now)
        if rose := self._settle(world, plan, now):
            plan = self._proven(rose, now)
        self._courtesy.given(plan.choices)
        self._count_up(world, plan)
        for line in self._lines.values():
            self._pace(line, plan)
        for member, steering in self._steering.items():
            sender = world.senders.get(member)
            if sender is None:
                continue
            order = steering.update(sender, plan, now)
            if order is not None:
                self._senders.told(member, order.caps, now)
                self._outputs.append(order)
        self._give(world, plan, now)

    def poll(self) -> Iterator[AllocationOrder]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    def what_if(self, line: LineId | None, adds: Adds) -> Admission:
        """Weigh a call against what its line carries now; changes nothing.

        Who hears several voices is counted with one: speech makes way for speech.
        """
        known = self._lines.get(line) if line is not None else None
        hearing = [
            one.voice for one in self._hearing.values() if one.line == line and one.voices > 0
        ]
        return admit(known.state if known else None, adds, hearing)

    # ---- what is there

    def _demand(self, event: Demand, now: float) -> None:
        before = self._demands.get(event.sink)
        if before is None or before.member != event.member:
            self._patience[event.sink] = Patience(event.member, begun_at=now)
            self._courtesy.forget(event.sink)
            self._halved.pop(event.sink, None)
            self._share_anew(event.viewer, now)
        elif before.picture_class is not event.picture_class:
            self._patience[event.sink] = Patience(event.member, begun_at=now)
            self._share_anew(event.viewer, now)
        self._demands[event.sink] = event

    def _share_anew(self, viewer: MemberId, now: float) -> None:
        """Another speaks, or is shown: what a viewer's other places lose by it is no fall."""
        for sink, demand in self._demands.items():
            if demand.viewer == viewer and sink in self._patience:
                self._patience[sink].shared_anew(now)

    def _budget(self, line: _Line, *, up: bool) -> Budget:
        state = line.state
        if up:
            return budget(
                line.up.capacity_bps, state.encapsulation, state.sounds_up, state.browsers_up
            )
        sounds = (*state.sounds_down, *self._heard(state.line))
        return budget(line.down.capacity_bps, state.encapsulation, sounds, state.browsers_down)

    def _heard(self, line: LineId) -> Iterator[Sound]:
        """Return the voices forwarded down a line, as they are now."""
        step = STEPS[self._lines[line].voices.step]
        for each in self._hearing.values():
            if each.line == line:
                yield from step.sounds(each)

    def _world(self, now: float) -> World:
        free: dict[tuple[LineId, bool], float] = {}
        for key, line in self._lines.items():
            free[key, UP] = line.up.free_bps(self._budget(line, up=True))
            free[key, DOWN] = line.down.free_bps(self._budget(line, up=False))
        stopped = self._stops.of
        return World(
            {key: one for key, one in self._senders.view().items() if not stopped(key)},
            tuple(one for one in self._demands.values() if not stopped(one.member)),
            {key: line.state.encapsulation for key, line in self._lines.items()},
            free,
            {sink: one.has for sink, one in self._patience.items() if one.has != ANYTHING},
            frozenset(key for member, one in self._steering.items() for key in one.kept(now)),
            self._stays,
            frozenset(sink for sink, (_, at) in self._halved.items() if now - at < HOLD_S),
            self._cut_within(DRAIN_S, now),
            self._cut_within(FALL_S, now),
            frozenset(key for key, one in self._lines.items() if one.state.down.congested),
        )

    def _cut_within(self, seconds: float, now: float) -> frozenset[LineId]:
        lines = self._lines.items()
        return frozenset(key for key, one in lines if now - one.congested_at < seconds)

    # ---- what follows

    def _stop(self, now: float) -> Iterator[StopPicture]:
        """Say who shall send no picture at all, and who may again."""
        uplinks = {key: self._uplink(line) for key, line in self._lines.items()}
        return self._stops.update(self._senders.view(), uplinks, self._place, now)

    def _uplink(self, line: _Line) -> Uplink:
        state = line.state
        shares = self._budget(line, up=True)
        nominal = budget(
            max(state.up.most_bps, shares.capacity_bps), state.encapsulation, state.sounds_up,
            state.browsers_up,
        )  # fmt: skip
        return Uplink(
            state.encapsulation, shares.picture_bps, line.up.free_bps(shares),
            line.up.free_bps(nominal), self._used_up.get(state.line, 0.0), state.up.congested,
        )  # fmt: skip

    def _count_up(self, world: World, plan: Plan) -> None:
        self._used_up = defaultdict(float)
        for (member, index), rate in plan.rates.items():
            sender = world.senders[member]
            price = world.cost(sender.line, sender.headers_bytes, sender.encodings[index])
            if price is not None and sender.line is not None:
                self._used_up[sender.line] += price.bps(rate)

    def _place(self, member: MemberId) -> int:
        """Tell how large a member is seen: nobody, in a small place, in a main one."""
        seen = [one.picture_class for one in self._demands.values() if one.member == member]
        if not seen:
            return 0
        return 2 if min(seen) <= PictureClass.MAIN else 1

    def _plan(self, world: World) -> Plan:
        for known, plan in self._planned:
            if known == world:
                return plan
        self._planned.append((world, planning.make(world)))
        return self._planned[-1][1]

    def _court(self, now: float) -> tuple[World, Plan]:
        """Plan, and again where somebody would make way for others too soon."""
        self._stays = frozenset()
        world = self._world(now)
        plan = self._plan(world)
        self._stays = self._courtesy.update(plan.choices, now)
        if not self._stays:
            return world, plan
        world = self._world(now)
        return world, self._plan(world)

    def _proven(self, rose: list[SinkId], now: float) -> Plan:
        """Plan with those who rose, and without those of them whom it brings nothing."""
        plan = self._plan(self._world(now))
        brought = [self._patience[sink].brought(plan.choices[sink].level, now) for sink in rose]
        return plan if all(brought) else self._plan(self._world(now))

    def _settle(self, world: World, plan: Plan, now: float) -> list[SinkId]:
        """Let viewers fall at once and rise with patience; return who rose."""
        limited = False
        for sink, choice in plan.choices.items():
            demand, patience = self._demands[sink], self._patience[sink]
            top = world.senders[demand.member].top(demand)
            patience.given(choice.level, top, now)
            limited |= patience.has < top
        if not limited:
            return []
        free = self._free_plan(world, now)
        rose = []
        for sink, before in plan.choices.items():
            patience, could = self._patience[sink], free.choices.get(sink)
            if patience.has == ANYTHING or could is None:
                continue
            if patience.rises(could.level, now):
                rose.append(sink)
            if could.level > before.level:
                plan.choices[sink] = replace(
                    before,
                    why=Why.SETTLING,
                    required_bps=could.required_bps,
                    available_bps=could.available_bps,
                )
            elif before.level < 0:
                plan.choices[sink] = replace(
                    before, why=could.why, available_bps=could.available_bps
                )
        return rose

    def _free_plan(self, world: World, now: float) -> Plan:
        """Return what all would have if all were let up, not older than `LOOK_UP_S`."""
        has = {sink: one.has for sink, one in self._patience.items() if one.has != ANYTHING}
        world = replace(world, has=has)  # what is above that needs its headroom
        known = self._free
        if known is None or (known[1] != world and now - known[0] >= LOOK_UP_S):
            known = self._free = (now, world, planning.make(world, rising=True))
        return known[2]

    def _hear(self, line: _Line, now: float) -> None:
        """Choose how many voices are forwarded down a line."""
        state = line.state
        hearing = [one for one in self._hearing.values() if one.line == state.line]
        if not hearing:
            return
        line.voices.update(
            state.encapsulation,
            line.down.capacity_bps,
            state.sounds_down,
            state.browsers_down,
            hearing,
            now,
        )
        step = STEPS[line.voices.step]
        wrap = state.encapsulation
        shares = self._budget(line, up=False)
        needs = sum(
            wrap.line_bps(sound.ip_bytes, sound.packets_per_s)
            for one in hearing
            for sound in STEPS[0].sounds(one)
        )
        why = Why.SPEECH if line.voices.step else Why.ROOM
        for each in hearing:
            order = SoundStep(
                each.viewer,
                step.forwarded,
                step.ptime_ms,
                step.max_bps,
                Reason(needs, shares.usable_bps - shares.control_bps, why),
            )
            if self._stepped.get(each.viewer) != order:
                self._stepped[each.viewer] = order
                self._outputs.append(order)

    def _pace(self, line: _Line, plan: Plan) -> None:
        """Hold all we send down a line; tell its estimator what room would be used."""
        state = line.state
        now_bps = budget(state.down.bps, state.encapsulation, (), 0).usable_bps
        if now_bps < line.paced_bps or now_bps > (1 + MOVED) * line.paced_bps:
            line.paced_bps = now_bps
            self._outputs.append(Pace(state.line, now_bps))
        shares = self._budget(line, up=False)
        wanted = plan.wanted_bps.get(state.line, 0.0) / line.down.ask
        capacity = _capacity(shares, wanted)
        if abs(capacity - line.wanted_bps) > WANTS_MOVED * line.wanted_bps:
            line.wanted_bps = capacity
            self._outputs.append(Wants(state.line, capacity))

    def _give(self, world: World, plan: Plan, now: float) -> None:
        for sink, demand in self._demands.items():
            sender = world.senders.get(demand.member)
            if stopped := self._stops.of(demand.member):
                small = demand.picture_class is PictureClass.THUMBNAIL
                rung = Rung.NO_THUMBNAILS if small else Rung.SOUND_ONLY
                order = Give(sink, None, ALL, rung, stopped)
            elif sender is None:
                order = Give(sink, None, ALL, Rung.FULL, Reason(0, 0, Why.NO_SOURCE))
            else:
                order = self._order(demand, plan.choices[sink], world, now)
            if self._given.get(sink) != order:
                self._given[sink] = order
                self._outputs.append(order)

    def _order(self, demand: Demand, choice: Choice, world: World, now: float) -> Give:
        sender = world.senders[demand.member]
        reason = Reason(choice.required_bps, choice.available_bps, choice.why)
        rung, temporal = choice.rung, ALL
        if choice.level != STILL:
            self._stills.forget(demand.sink)
        else:
            shown = self._stills.shown(demand.sink, now)
            source = sender.encodings[0].source if shown else None
            return Give(demand.sink, source, temporal, rung, reason)
        if choice.level == SOUND_ONLY:
            return Give(demand.sink, None, temporal, rung, reason)
        encoding = sender.encodings[choice.level]
        if choice.halved:
            self._halved[demand.sink] = choice.level, now
        level, at = self._halved.get(demand.sink, (choice.level, float("-inf")))
        halved = encoding.temporals > 1 and level == choice.level and now - at < HOLD_S
        steering = self._steering[demand.member]
        slow = halved or steering.halved(choice.level)
        if rung is Rung.FULL and slow:
            rung, reason = Rung.HALF_RATE, replace(reason, why=Why.SETTLING)
        shed = halved or steering.sheds(choice.level, now)
        temporal = highest(encoding.temporals, halved=shed)
        return Give(demand.sink, encoding.source, temporal, rung, reason)


def _capacity(shares: Budget, pictures_bps: float) -> int:
    """Return the capacity of which so much would be left for pictures."""
    part = shares.usable_bps / shares.capacity_bps if shares.capacity_bps else 1.0
    return int((shares.sound_bps + shares.control_bps + pictures_bps) / (part or 1.0))

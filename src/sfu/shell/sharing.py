r"""Every line's budget, driven: what rooms want goes in each tick, what lines bear comes out.

::

    legs, rooms, snapshot --> needs -----\
                                          >--> Allocator --> Give     a layer for a place
    departures, reports --> Estimates ---/                   SetCaps  rates for who sends
                              ^                              Pace     a rate for the engine
                              +------- Wants, probes --------'        words for page and log
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import structlog

from sfu.config import Settings
from sfu.media.allocation.admission import Adds, Admitted
from sfu.media.allocation.allocator import Allocator
from sfu.media.allocation.budget import USE
from sfu.media.allocation.event import (
    AllocationEvent,
    Capacity,
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
    Cap,
    Give,
    Pace,
    SetCaps,
    SoundStep,
    StopPicture,
    Wants,
)
from sfu.media.allocation.rung import Rung, Why
from sfu.media.allocation.shared_line import share
from sfu.media.engine.command import SetLine
from sfu.media.engine.snapshot import Snapshot
from sfu.model import LineId, MemberId, Protocol, RoomId, SinkId, SourceId
from sfu.shell.admission import (
    UNBOUND,
    Verdict,
    adds_of,
    server_state,
    together,
    weigh,
    worse,
)
from sfu.shell.estimates import Estimates
from sfu.shell.leg import Given, Leg
from sfu.shell.lines import AccessLine, Lines
from sfu.shell.meeting import Meeting
from sfu.shell.needs import (
    BOUNDLESS_BPS,
    Gauge,
    demands_of,
    foreseen,
    hearing_of,
    line_state,
    picture_of,
)
from sfu.shell.patchbay import Patchbay
from sfu.shell.picture_terms import KnownTerms, Terms, terms_of
from sfu.shell.places import Places
from sfu.shell.redundancy import Protection
from sfu.shell.upward import Upward
from sfu.shell.voices import Voices

log = structlog.get_logger()

UNSEEN_BPS = 150_000
"""Payload of a picture that nobody is shown yet."""

MANY = 200
"""With more than so many lines, pictures and places all is told at every other tick."""
USUAL_HEIGHT = 720
"""Of a stream whose sender told no size."""


@dataclass(slots=True)
class Tally:
    """What happened on one line since the start."""

    steps_down: int = 0
    steps_up: int = 0
    pictures_stopped: int = 0
    """Of senders behind it that heeded no limit."""


class Sharing:
    """All lines, and who gets what of them."""

    def __init__(self, settings: Settings, lines: Lines, patchbay: Patchbay) -> None:
        """State the configured lines to the engine; nobody stands behind them yet."""
        self.lines = lines
        self.estimates = Estimates(patchbay)
        self.upward = Upward(patchbay)
        self.allocator = Allocator()
        self.protection = Protection(self.estimates, lines)
        self.gives: dict[SinkId, Give] = {}
        self.tallies: dict[LineId, Tally] = {}
        self.admissions: Counter[tuple[LineId, str]] = Counter()
        self._settings = settings
        self._bay = patchbay
        self._terms = KnownTerms(settings)
        self._gauge = Gauge()
        self._ticks = 0
        self._told: dict[tuple[type, int | str], AllocationEvent] = {}
        self._mixed: set[MemberId] = set()
        """Who hears a mix because his line bears no voices one by one."""
        self._paces: dict[LineId, int] = {}
        self.wants: dict[LineId, int] = {}
        self._meetings: Mapping[RoomId, Meeting] = {}
        self._legs: dict[MemberId, Leg] = {}
        """Whoever was let in by signalling, in a room or before its door."""
        lines.on_open, lines.on_close = self._open, self._close
        for line in lines:
            self._open(line)

    # ---- lines

    def _open(self, line: AccessLine) -> None:
        self.estimates.watch(line)
        self.tallies[line.line] = Tally()
        self._pace(line, int(USE * line.send_bps) if line.send_bps is not None else 0)

    def _close(self, line: AccessLine) -> None:
        self.estimates.forget(line)
        self.upward.forget(line.line)
        self.tallies.pop(line.line, None)
        self._paces.pop(line.line, None)
        self.wants.pop(line.line, None)
        self._bay.close_line(line.line)

    def configure(self, settings: Settings, places: Places) -> None:
        """Share out these lines from now on; calls go on behind those that stay.

        Nobody may stand behind a line that is no more.
        """
        before = {one.line: one for one in self.lines}
        self._settings, self._terms = settings, KnownTerms(settings)
        self.lines.adopt(settings.line, settings.line_names(), places)
        after = {one.line: one for one in self.lines}
        for number in before.keys() - after.keys():
            self._close(before[number])
        for number, line in after.items():
            if number not in before:
                self._open(line)
            elif line != before[number]:
                self._change(line)

    def _change(self, line: AccessLine) -> None:
        self.estimates.change(line)
        self.upward.forget(line.line)
        self._paces.pop(line.line, None)
        self._pace(line, int(USE * line.send_bps) if line.send_bps is not None else 0)
        for leg in self.behind(line.line):
            leg.line = line
        log.info("line_adopted", site=line.site, line=line.name, send_bps=line.send_bps)

    def _pace(self, line: AccessLine, rate_bps: int) -> None:
        if self._paces.get(line.line) == rate_bps:
            return
        self._paces[line.line] = rate_bps
        cells = line.encapsulation
        self._bay.set_line(SetLine(line.line, rate_bps, cells.framing, cells.overhead_bytes))

    def pace_of(self, line: LineId) -> int:
        """Return the rate the engine holds a line to; 0: it counts only."""
        return self._paces.get(line, 0)

    # ---- who is there

    def arrive(self, leg: Leg) -> None:
        """Reserve speech for a call that was let in, before it stands in any room."""
        self._legs[leg.member] = leg

    def depart(self, leg: Leg) -> None:
        """Give back what a call had."""
        self._legs.pop(leg.member, None)

    def terms_of(self, leg: Leg) -> Terms:
        """Return on what terms a member is sent pictures, its room's left out."""
        return leg.terms.over(self._terms.of(leg.identity))

    def behind(self, line: LineId) -> list[Leg]:
        """Return whoever stands behind a line."""
        legs = self._legs.values()
        return [one for one in legs if one.line is not None and one.line.line == line]

    def by_line(self) -> defaultdict[LineId, list[Leg]]:
        """Return whoever stands behind each line, for who asks of many at once; empty: nobody."""
        legs: defaultdict[LineId, list[Leg]] = defaultdict(list)
        for one in self._legs.values():
            if one.line is not None:
                legs[one.line.line].append(one)
        return legs

    def carried(self, sink: SinkId, member: MemberId) -> tuple[SourceId | None, int] | None:
        """Return what a place was given of this member; None where nothing was decided."""
        give, demand = self.gives.get(sink), self._told.get((Demand, sink))
        if give is None or not isinstance(demand, Demand) or demand.member != member:
            return None
        return give.layer, give.temporal

    def weigh(
        self, line: AccessLine | None, voices: Voices, *, browser: bool, sees: bool, shows: bool,
        beside: bool = False, newcomer: MemberId | None = None,
    ) -> Verdict:  # fmt: skip
        """Say whether a call may come in, by its line and by the server's own.

        `beside`: it stands beside the server; `newcomer` is not counted where it is known already.
        """
        verdict = UNBOUND
        if line is not None:
            adds = adds_of(voices, line.encapsulation, browser=browser, sees=sees, shows=shows)
            others = [one for one in self.behind(line.line) if one.member != newcomer]
            state = self._state_of(line, others)
            verdict = weigh(line, [one.voices() for one in others], state, adds)
        server = self.lines.server
        if server is not None and line is not server and not beside:
            adds = adds_of(voices, server.encapsulation, browser=browser, sees=sees, shows=shows)
            spending = [one for one in self._spending() if one.member != newcomer]
            heard = [one.voices() for one in spending]
            browsers = sum(one.protocol is Protocol.WEBRTC for one in spending)
            state = server_state(server, heard, browsers)
            verdict = worse(verdict, weigh(server, heard, state, adds))
        return verdict

    def decided(self, verdict: Verdict, **who: object) -> None:
        """Count and tell what was decided on a call."""
        if verdict.line is None:
            return
        line, one = verdict.line, verdict.admission
        self.admissions[line.line, verdict.outcome.value] += 1
        tell = log.debug if verdict.outcome is Admitted.FULL else log.info
        tell(
            "call_weighed", outcome=verdict.outcome.value, site=line.site, line=line.name,
            required_bps=one.required_bps, available_bps=one.available_bps, why=one.why.value,
            **who,
        )  # fmt: skip

    def weigh_all(self, line: AccessLine, more: Iterable[Adds]) -> Verdict:
        """Say what would become of calls that came together, on one line alone."""
        behind = self.behind(line.line)
        voices = [one.voices() for one in behind]
        if line.server:
            voices = [one.voices() for one in self._spending()]
            browsers = sum(one.protocol is Protocol.WEBRTC for one in self._spending())
            state = server_state(line, voices, browsers)
        else:
            state = self._state_of(line, behind)
        return weigh(line, voices, state, together(more))

    def demands(self, line: LineId) -> list[Demand]:
        """Return what viewers behind a line want to see."""
        told = self._told.values()
        return [one for one in told if isinstance(one, Demand) and one.line == line]

    def lessened(self) -> Counter[LineId]:
        """Count the places behind each line that have less than they want."""
        wants = (one for one in self._told.values() if isinstance(one, Demand))
        given = ((one.line, self.gives.get(one.sink)) for one in wants)
        return Counter(line for line, give in given if line and give and give.rung.depth)

    def starved(self, line: LineId) -> int:
        """Count the pictures the pacer of a line dropped."""
        return self._bay.starved[line]

    def _spending(self) -> list[Leg]:
        """Return whoever spends from the server's own line."""
        return [one for one in self._legs.values() if one.line is not None and not one.line.beside]

    def _state_of(self, line: AccessLine, legs: Iterable[Leg]) -> LineState:
        """Return a line with these behind it, at what it bears by the last tick."""
        told = self._told.get((LineState, line.line))
        down = (
            told.down
            if isinstance(told, LineState)
            else Capacity(BOUNDLESS_BPS if line.send_bps is None else line.send_bps)
        )
        return line_state(line, down, self._up_of(line), legs)

    # ---- the rhythm

    def tick(self, meetings: Mapping[RoomId, Meeting], snapshot: Snapshot, now: float) -> None:
        """Take what was measured and what is wanted; carry out what follows."""
        self._meetings = meetings
        self._gauge.tick(snapshot)
        self.estimates.tick(snapshot, now)
        queues_s = {one.line: self.estimates.of(one.line).queue_s for one in self.lines}
        self.upward.tick(self.lines, snapshot, queues_s, now)
        for meeting in meetings.values():
            self._legs |= meeting.legs
        self._protect(snapshot, now)
        self._ticks += 1
        if len(self._told) < MANY or self._ticks % 2:
            self._tell(self._state(snapshot), now)
        self.allocator.tick(now)
        self._carry_out(now)
        self._bay.flush(now)

    def _protect(self, snapshot: Snapshot, now: float) -> None:
        """Have speech sent twice where that helps; what it costs is reckoned with at once."""
        told = list(self._told.values())
        states = [one for one in told if isinstance(one, LineState) and self.lines.find(one.line)]
        hearing = {one.viewer: one.voices for one in told if isinstance(one, Hearing)}
        self.protection.tick(states, hearing, self._legs.values(), snapshot, now)

    def _state(self, snapshot: Snapshot) -> Iterable[AllocationEvent]:
        yield from self.line_states()
        for meeting in self._meetings.values():
            yield from self._of_meeting(meeting, snapshot)

    def line_states(self) -> Iterable[LineState]:
        """Return all lines as they are now, those configured and those of browsers."""
        used = [*self.lines, *self.lines.owns.values()]
        down = {one.line: self.estimates.of(one.line) for one in used}
        behind = self.by_line()
        bounds = self._server_shares(used, behind, lambda one: down[one.line].capacity_bps)
        for one in used:
            estimate = down[one.line]
            bps = min(estimate.capacity_bps, bounds.get(one.line, estimate.capacity_bps))
            capacity = Capacity(
                bps, estimate.queue_s, estimate.congested, estimate.probed, estimate.proven_bps
            )
            yield line_state(one, capacity, self._up_of(one), behind[one.line], self._mixed)

    def _up_of(self, line: AccessLine) -> Capacity:
        """Return what a line bears towards us."""
        estimate = self.upward.of(line.line)
        if estimate is None:
            return Capacity(BOUNDLESS_BPS if line.receive_bps is None else line.receive_bps)
        most = line.receive_bps or 0
        return Capacity(estimate.capacity_bps, estimate.queue_s, estimate.congested, most_bps=most)

    def _server_shares(
        self,
        used: list[AccessLine],
        behind: Mapping[LineId, list[Leg]],
        most: Callable[[AccessLine], int],
    ) -> dict[LineId, int]:
        """Share the server's own line, where it has one, among all that is sent over it."""
        server = self.lines.server
        if server is None or server.send_bps is None:
            return {}
        spending = [one for one in used if not one.beside and (one is server or behind[one.line])]
        wanted = [
            (one.line, min(self.wants.get(one.line, most(one)), most(one))) for one in spending
        ]
        return share(self.estimates.of(server.line).capacity_bps, wanted)

    def _of_meeting(self, meeting: Meeting, snapshot: Snapshot) -> Iterable[AllocationEvent]:
        room = terms_of(self._settings.find_room(meeting.id))
        most_bps = self._settings.media.video_bps
        terms = {one: self.terms_of(leg).over(room) for one, leg in meeting.legs.items()}
        bound = any(leg.line is not None for leg in meeting.legs.values())
        layered = any(len(leg.streams.layers) > 1 for leg in meeting.legs.values())
        if not (bound or layered or any(one.most_bps for one in terms.values())):
            return
        rows = meeting.rows()
        now = snapshot.engine.at_us / 1e6
        due = [one for one, leg in meeting.legs.items() if leg.picture_due(now)]
        heard = {row.member for row in rows if row.sound}
        heard |= {one for one in due if meeting.legs[one].wants_sound()}
        for leg in meeting.legs.values():
            picture = picture_of(leg, self._gauge, snapshot, most_bps, USUAL_HEIGHT)
            if picture is not None and leg.wants_picture():
                yield picture
            places = foreseen(meeting.places(leg), [one for one in due if one != leg.member])
            yield from demands_of(leg, places, meeting.speaker, terms[leg.member])
            others = sum(one in heard for one in meeting.legs if one != leg.member)
            wished = meeting.voices_wished(leg.member)
            hearing = hearing_of(leg, others, wished, mixed=meeting.mixes)
            if hearing is not None:
                yield hearing

    def _tell(self, state: Iterable[AllocationEvent], now: float) -> None:
        """Hand over what is new, and what is no more."""
        before, self._told = self._told, {}
        for event in state:
            key = type(event), _key(event)
            self._told[key] = event
            if before.get(key) != event:
                self.allocator.handle(event, now)
        for kind, number in before.keys() - self._told.keys():
            self._gone(kind, before[kind, number], now)

    def _gone(self, kind: type, event: AllocationEvent, now: float) -> None:
        match event:
            case Picture():
                self.allocator.handle(PictureGone(event.member), now)
            case Demand():
                self.gives.pop(event.sink, None)
                self.allocator.handle(DemandGone(event.sink), now)
            case LineState():
                self.allocator.handle(LineGone(event.line), now)
            case Hearing():
                self._mixed.discard(event.viewer)
                self.allocator.handle(HearingGone(event.viewer), now)

    # ---- what follows

    def _carry_out(self, now: float) -> None:
        changed: set[MemberId] = set()
        for order in self.allocator.poll():
            self._obey(order, changed, now)
        for member in changed:
            if leg := self._legs.get(member):
                leg.tell_given(self.given_to(leg))

    def _obey(self, order: AllocationOrder, changed: set[MemberId], now: float) -> None:
        match order:
            case Give():
                self._give(order, changed)
            case Pace():
                if line := self.lines.find(order.line):
                    self._pace(line, order.rate_bps)
            case Wants():
                self.wants[order.line] = order.bps
                self.estimates.want(order.line, order.bps)
            case SetCaps():
                self._cap(order, now)
            case SoundStep():
                self._step(order, now)
            case StopPicture():
                self._stop(order)

    def _give(self, order: Give, changed: set[MemberId]) -> None:
        demand = self._told.get((Demand, order.sink))
        if not isinstance(demand, Demand):
            return
        before = self.gives.get(order.sink)
        self.gives[order.sink] = order
        self._bay.set_class(order.sink, demand.picture_class)
        meeting = self._meeting_of(demand.viewer)
        if meeting is None or demand.member in meeting.shown_to(demand.viewer):  # not only foreseen
            self._bay.want(order.sink, order.layer, order.temporal)
        changed.add(demand.viewer)
        rung = before.rung if before is not None else Rung.FULL
        if order.rung is rung:
            return
        line = self.lines.find(demand.line) if demand.line is not None else None
        if line is not None and line.line in self.tallies:
            tally = self.tallies[line.line]
            tally.steps_down += order.rung.depth > rung.depth
            tally.steps_up += order.rung.depth < rung.depth
        log.info(
            "picture_step", member=demand.viewer, about=demand.member, rung=order.rung.value,
            before=rung.value, site=line.site if line else "", line=line.name if line else "",
            required_bps=order.reason.required_bps, available_bps=order.reason.available_bps,
            why=order.reason.why.value,
        )  # fmt: skip

    def given_to(self, viewer: Leg) -> dict[SinkId, Given]:
        """Return what a viewer's places are given, those that want more than they have."""
        return {
            sink: Given(
                one.rung.value, one.reason.required_bps, one.reason.available_bps,
                one.reason.why.value,
            )
            for sink in viewer.streams.pictures
            if (one := self.gives.get(sink)) is not None and one.rung is not Rung.FULL
        }  # fmt: skip

    def _cap(self, order: SetCaps, now: float) -> None:
        leg = self._legs.get(order.member)
        if leg is None:
            return
        log.info(
            "picture_capped", member=order.member, why=order.reason.why.value,
            caps={one.rid or "-": one.max_bps if one.active else 0 for one in order.caps},
            required_bps=order.reason.required_bps, available_bps=order.reason.available_bps,
        )  # fmt: skip
        leg.set_caps(_kept(order))
        if order.reason.why is Why.NOT_WATCHED and leg.line is None:
            return  # a codec is not offered anew for what no line of ours feels
        meeting = self._meeting_of(order.member)
        if meeting is not None and len(order.caps) == 1 and order.caps[0].active:
            meeting.limit_sending(order.member, order.caps[0].max_bps, now)  # in any dialect

    def _stop(self, order: StopPicture) -> None:
        """Have a codec that heeds no limit send no picture, or let it send again."""
        leg = self._legs.get(order.member)
        if leg is None:
            return
        line = leg.line
        if line is not None and line.line in self.tallies:
            self.tallies[line.line].pictures_stopped += order.stopped
        log.info(
            "picture_stopped" if order.stopped else "picture_let_back", member=order.member,
            model=leg.model, site=line.site if line else "", line=line.name if line else "",
            required_bps=order.reason.required_bps, available_bps=order.reason.available_bps,
            why=order.reason.why.value,
        )  # fmt: skip
        leg.stop_picture(order)

    def _step(self, order: SoundStep, now: float) -> None:
        meeting = self._meeting_of(order.viewer)
        if meeting is None:
            return
        (self._mixed.discard if order.forwarded else self._mixed.add)(order.viewer)
        log.info(
            "sound_step", member=order.viewer, forwarded=order.forwarded, ptime_ms=order.ptime_ms,
            required_bps=order.reason.required_bps, available_bps=order.reason.available_bps,
            max_bps=order.max_bps, why=order.reason.why.value,
        )  # fmt: skip
        meeting.limit_voices(
            order.viewer, order.forwarded, now, ptime_ms=order.ptime_ms, max_bps=order.max_bps
        )

    def _meeting_of(self, member: MemberId) -> Meeting | None:
        return next((one for one in self._meetings.values() if member in one.legs), None)


def _key(event: AllocationEvent) -> int | str:
    match event:
        case Picture():
            return event.member
        case Demand():
            return event.sink
        case LineState():
            return event.line
        case Hearing():
            return event.viewer
        case _:
            raise AssertionError(event)


def _kept(order: SetCaps) -> tuple[Cap, ...]:
    """Return the caps, the lowest layer kept on where nobody watches any.

    A room shows only pictures that arrive, so one switched off before it was ever shown would never
    be; whether anybody could see it at all is for the room to say (`SendPicture.wanted`).
    """
    unwatched = order.reason.why is Why.NOT_WATCHED and not any(one.active for one in order.caps)
    if not unwatched or not order.caps:
        return order.caps
    lowest = replace(order.caps[0], active=True, max_bps=max(order.caps[0].max_bps, UNSEEN_BPS))
    return lowest, *order.caps[1:]

r"""Speech sent twice where a line loses and has room: measured each tick, told to legs (RFC 2198).

::

    transport-cc of browsers ---> Redundancy down --\                    sinks of voices and mix
    gaps in what they send  ----> Redundancy up -----> Leg.send_twice -> `send` {microphone}
    LineState: what it bears -----------------------/

Each direction of a line answers for its own losses: what is lost on the way up is taken out of the
packet behind it here, so that nobody else's line pays for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from sfu.media.allocation.budget import Sound
from sfu.media.allocation.event import LineState
from sfu.media.allocation.redundancy import Redundancy, speech_room_bps
from sfu.media.allocation.voices import STEPS, sound_bps
from sfu.media.bwe.word import Estimate
from sfu.media.engine.snapshot import Snapshot
from sfu.model import LineId, MemberId, SourceId
from sfu.shell.estimates import Estimates
from sfu.shell.leg import Leg
from sfu.shell.lines import Lines
from sfu.shell.voices import Twice

log = structlog.get_logger()

QUEUE_S = 0.03
"""A queue of its line that explains what is lost."""


@dataclass(slots=True)
class Ways:
    """Both directions of a line; `down` is towards the site."""

    down: Redundancy = field(default_factory=Redundancy)
    up: Redundancy = field(default_factory=Redundancy)
    lost: int = 0
    """On the way down, as the estimator has counted."""
    received: int = 0


class Protection:
    """Which lines have their speech sent twice."""

    def __init__(self, estimates: Estimates, lines: Lines) -> None:
        """Begin with none."""
        self._estimates = estimates
        self._lines = lines
        self._ways: dict[LineId, Ways] = {}
        self._counted: dict[SourceId, tuple[int, int]] = {}

    def of(self, line: LineId) -> Mapping[str, bool]:
        """Tell by direction, as the metrics name them, whether speech is sent twice."""
        ways = self._ways.get(line) or Ways()
        return {"send": ways.down.choice.twice, "receive": ways.up.choice.twice}

    def tick(
        self,
        states: Iterable[LineState],
        hearing: Mapping[MemberId, int],
        legs: Iterable[Leg],
        snapshot: Snapshot,
        now: float,
    ) -> None:
        """Measure, choose and tell; `hearing` is how many voices who hears several may hear."""
        behind: dict[LineId, list[Leg]] = defaultdict(list)
        for leg in legs:
            if leg.line is not None:
                behind[leg.line.line].append(leg)
        before, self._ways = self._ways, {}
        counted, self._counted = self._counted, {}
        for state in states:
            if not state.browsers_down:
                continue
            ways = self._ways[state.line] = before.get(state.line) or self._begin(state.line)
            self._measure(ways, state, behind[state.line], counted, snapshot, now)
            self._choose(ways, state, behind[state.line], hearing, now)
            for leg in behind[state.line]:
                twice = Twice(ways.down.choice.twice, ways.up.choice.twice)
                leg.send_twice(twice, ways.up.choice.why.value)

    def _begin(self, line: LineId) -> Ways:
        lost, received = self._estimates.losses(line)
        return Ways(lost=lost, received=received)

    def _measure(
        self, ways: Ways, state: LineState, legs: Iterable[Leg],
        counted: Mapping[SourceId, tuple[int, int]], snapshot: Snapshot, now: float,
    ) -> None:  # fmt: skip
        lost, received = self._estimates.losses(state.line)
        queued = _queued(self._estimates.of(state.line))
        ways.down.heard(lost - ways.lost, received - ways.received, now, queued=queued)
        ways.lost, ways.received = lost, received
        up_lost = up_received = 0
        for leg in legs:
            for source in _sources(leg):
                row = snapshot.sources.get(source)
                if row is None:
                    continue
                here = self._counted[source] = row.lost, row.packets
                since = counted.get(source, here)
                up_lost += here[0] - since[0]
                up_received += here[1] - since[1]
        ways.up.heard(up_lost, up_received, now)

    def _choose(
        self, ways: Ways, state: LineState, legs: list[Leg],
        hearing: Mapping[MemberId, int], now: float,
    ) -> None:  # fmt: skip
        voices: dict[str, list[Sound]] = {"send": [], "receive": []}
        others: dict[str, list[Sound]] = {"send": [], "receive": []}
        for leg in legs:
            able, sounds = leg.able_twice, leg.voices_twice()
            heard = min(hearing.get(leg.member, 0), STEPS[0].forwarded)
            voices["send"] += [sounds.forwarded] * heard if sounds.forwarded is not None else []
            others["send"] += sounds.down
            (voices if able.up else others)["receive"] += sounds.up
        bears = min(state.down.bps, self._estimates.of(state.line).capacity_bps)
        down = any(leg.able_twice.down for leg in legs)
        self._weigh(state, ways.down, bears, "send", voices, others, able=down, now=now)
        up = bool(voices["receive"])
        self._weigh(state, ways.up, state.up.bps, "receive", voices, others, able=up, now=now)

    def _weigh(
        self, state: LineState, way: Redundancy, bears_bps: int, direction: str,
        voices: Mapping[str, list[Sound]], others: Mapping[str, list[Sound]], *, able: bool,
        now: float,
    ) -> None:  # fmt: skip
        if not able:
            way.rest()
            return
        other_bps = sound_bps(state.encapsulation, others[direction])
        room = speech_room_bps(bears_bps, state.browsers_down, other_bps)
        if way.update(sound_bps(state.encapsulation, voices[direction]), room, now):
            self._tell(state.line, way, direction)

    def _tell(self, number: LineId, way: Redundancy, direction: str) -> None:
        line, choice = self._lines.find(number), way.choice
        log.info(
            "sound_twice" if choice.twice else "sound_once", site=line.site if line else "",
            line=line.name if line else "", direction=direction, why=choice.why.value,
            loss=round(way.loss, 4), required_bps=choice.required_bps,
            available_bps=choice.available_bps,
        )  # fmt: skip


def _queued(estimate: Estimate) -> bool:
    return estimate.congested or estimate.queue_s > QUEUE_S


def _sources(leg: Leg) -> list[SourceId]:
    sound = leg.streams.sound
    return [*([sound] if sound is not None else []), *(one.source for one in leg.streams.layers)]

"""A room is tried without anybody in it: called, shown a moving pattern, played a tone, judged.

::

    run --> dial into a room of its own --answered--> pattern and tone for TEST_S --> hang up
                                                      each LOOK_S: what comes of it --> Checked
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

import structlog

from sfu.errors import UseError
from sfu.media.checkup import Finding, Seen, judge
from sfu.model import CallId, RoomId, Tone
from sfu.shell.calls import Calls
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.house import House
from sfu.shell.visit import Dialled
from sfu.shell.waiting import TESTED
from sfu.shell.watch import SILENT_DBOV, Flow, Flows

log = structlog.get_logger()

TEST_S = 10.0
"""From the answer on: a unit has sent key frames, and rates have settled."""
LOOK_S = 1.0
MOST = 4
"""Tests at once."""

Dial = Callable[[str, RoomId], Awaitable[Dialled]]
"""Calls a number or address into a room; UseError where it cannot be called."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How a test went."""

    outcome: Dialled
    model: str = ""
    line: str = ""
    flows: Flows | None = None
    """As they were at the end."""
    keyframes: int = 0
    findings: tuple[Finding, ...] = ()


class RoomTests:
    """All tests of one house."""

    def __init__(
        self,
        house: House,
        calls: Calls,
        dial: Dial,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Begin with none under way."""
        self._house, self._calls, self._dial, self._sleep = house, calls, dial, sleep
        self._numbers = count(1)
        self._targets: set[str] = set()

    async def run(self, target: str) -> Checked:
        """Try a room; UseError where it cannot be called, or is being tried."""
        if target in self._targets or len(self._targets) >= MOST:
            raise UseError(f"{target} is being tried already, or too many others are")
        self._targets.add(target)
        try:
            outcome = await self._dial(target, RoomId(f"{TESTED}{next(self._numbers)}"))
            visit = self._calls.visit_of(outcome.call) if outcome.answered else None
            if visit is None:
                return Checked(outcome)
            try:
                checked = await self._look_on(outcome, visit.leg)
            finally:
                self._calls.hang_up(outcome.call)
        finally:
            self._targets.discard(target)
        log.info("room_tested", target=target, findings=[one.value for one in checked.findings])
        return checked

    async def _look_on(self, outcome: Dialled, leg: CodecLeg) -> Checked:
        line = leg.line.name if leg.line is not None else ""
        flows, keyframes, level, whole = Flows(), 0, SILENT_DBOV, True
        for _ in range(round(TEST_S / LOOK_S)):
            self._house.watch.look(self._house.clock())
            self._house.desk.play_tone(leg.member, Tone.TEST)
            await self._sleep(LOOK_S)
            whole = self._inside(outcome.call)
            if not whole:
                break
            flows = self._house.watch.flows.get(leg.member, flows)
            level = min(level, flows.level_dbov)
            keyframes = max(keyframes, self._keyframes(leg))
        able = leg.capability
        seen = Seen(
            bool(able.video_send), bool(able.pictures and able.video_receive),
            _bps(flows.picture_in), _loss(flows.picture_in), keyframes,
            _bps(flows.sound_in), _loss(flows.sound_in), level,
            max(_loss(flows.picture_out), _loss(flows.sound_out)), flows.rtt_s, whole,
        )  # fmt: skip
        return Checked(outcome, leg.model, line, flows, keyframes, judge(seen))

    def _inside(self, call: CallId) -> bool:
        visit = self._calls.visit_of(call)
        return visit is not None and visit.inside

    def _keyframes(self, leg: CodecLeg) -> int:
        snapshot = self._house.snapshot
        if snapshot is None:
            return 0
        rows = [snapshot.sources.get(one.source) for one in leg.streams.layers]
        return max((row.keyframes for row in rows if row is not None), default=0)


def _bps(flow: Flow | None) -> int:
    return max(flow.bps, 1) if flow is not None else 0


def _loss(flow: Flow | None) -> float:
    return flow.loss if flow is not None else 0.0

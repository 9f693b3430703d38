"""How many voices are forwarded to whom hears them one by one, on a line that is thin.

::

    3 voices -> the loudest -> a mix -> a mix of 40 ms, 16 kbit/s -> of 60 ms, 12 kbit/s

Down at once, where speech would take more than its part of what is sent; up one step at a time,
with a fifth to spare for 5 s.  All on one line have the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.media.allocation.budget import CONTROL_BPS, CONTROL_BROWSER_BPS, USE, Sound
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import Hearing
from sfu.media.allocation.patience import CLEAN_S, WAIT_S
from sfu.media.allocation.split import HEADROOM

PART = 0.35
"""Several voices for each may take so much of a line; below, the loudest of them is heard."""
OPUS_HEADERS_BYTES = 62


@dataclass(frozen=True, slots=True)
class Step:
    """What each viewer on a line hears; `max_bps` of Opus, 0 as ever."""

    forwarded: int
    ptime_ms: int
    max_bps: int

    def sounds(self, hearing: Hearing) -> tuple[Sound, ...]:
        """Return what one viewer costs."""
        if self.forwarded:
            return (hearing.voice,) * min(self.forwarded, hearing.voices)
        if self.max_bps:
            payload = self.max_bps * self.ptime_ms // 8000
            return (Sound(payload + OPUS_HEADERS_BYTES, 1000 / self.ptime_ms),)
        return (hearing.voice,) if hearing.voices else ()


STEPS = (Step(3, 20, 0), Step(1, 20, 0), Step(0, 40, 16_000), Step(0, 60, 12_000))


def sound_bps(wrap: Encapsulation, sounds: Sequence[Sound]) -> int:
    """Return what sounds take of a line."""
    return sum(wrap.line_bps(one.ip_bytes, one.packets_per_s) for one in sounds)


class Voices:
    """The steps of one line."""

    def __init__(self) -> None:
        """Forward three."""
        self.step = 0
        self._room_since: float | None = None
        self._fell_at = float("-inf")

    def update(
        self,
        wrap: Encapsulation,
        capacity_bps: int,
        fixed: Sequence[Sound],
        browsers: int,
        hearing: Sequence[Hearing],
        now: float,
    ) -> None:
        """Choose the step that the line bears now."""
        most = len(STEPS) - 1 if all(one.mixed for one in hearing) else 1
        room = USE * capacity_bps - CONTROL_BPS - CONTROL_BROWSER_BPS * browsers
        room -= sound_bps(wrap, fixed)
        part = min(PART * USE * capacity_bps, room)

        def fits(step: int, spare: float = 1.0) -> bool:
            """Several voices keep to their part, one takes what there is."""
            takes = sum(sound_bps(wrap, STEPS[step].sounds(one)) for one in hearing)
            return spare * takes <= (part if step == 0 else room)

        wanted = next((step for step in range(most + 1) if fits(step)), most)
        if wanted > self.step:
            self.step, self._fell_at, self._room_since = wanted, now, None
        elif self.step and fits(self.step - 1, HEADROOM):
            since = self._room_since = now if self._room_since is None else self._room_since
            if now - since >= CLEAN_S and now - self._fell_at >= WAIT_S:
                self.step, self._room_since = self.step - 1, None
        else:
            self._room_since = None

"""Whether a call's lines bear it: speech of those who are there goes before who comes.

::

    call, join, dial-out --> Adds: its speech, the least of pictures --> admit, on its own line
                                                                     --> admit, on the server's
    the worse of both:  FULL | SOUND_ONLY | REFUSED, with what was needed and what was free
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sfu.media.allocation.admission import Adds, Admission, Admitted, admit
from sfu.media.allocation.budget import Sound
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import Capacity, LineState
from sfu.media.allocation.rung import Why
from sfu.shell.lines import AccessLine
from sfu.shell.voices import Voices

LEAST_PICTURE_BPS = 64_000
"""Payload of the smallest picture worth a place."""
PACKET_BYTES = 1_200
REPORTS = Sound(96, 10.0)
"""Transport-wide feedback and consent of one browser, as packets."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided on a call, and on which line."""

    line: AccessLine | None
    admission: Admission

    @property
    def outcome(self) -> Admitted:
        """Full, sound only, or refused."""
        return self.admission.admitted

    @property
    def sentence(self) -> str:
        """Say what was needed and what was free, for Warning and log."""
        one, line = self.admission, self.line
        name = line.name if line is not None and line.known else "the way"
        needs, free = one.required_bps // 1000, one.available_bps // 1000
        return f"line {name} has no room: {needs} kbit/s are needed, {free} are free"


UNBOUND = Verdict(None, Admission(Admitted.FULL, 0, 0, Why.ROOM))


def adds_of(
    voices: Voices, cells: Encapsulation, *, browser: bool, sees: bool, shows: bool
) -> Adds:
    """Return what a call brings: speech both ways, and pictures at their least."""
    heard = [voices.forwarded] if voices.forwarded is not None and not voices.down else []
    return Adds(
        (*voices.down, *heard),
        voices.up,
        browser,
        least_picture_bps(cells, voices.headers_down) if sees else 0,
        least_picture_bps(cells, voices.headers_up) if shows else 0,
    )


def together(more: Iterable[Adds]) -> Adds:
    """Return several calls as one; browsers beyond the first have their reports as speech."""
    calls = list(more)
    reports = [REPORTS] * max(0, sum(one.browser for one in calls) - 1)
    return Adds(
        (*(sound for one in calls for sound in one.sounds_down), *reports),
        (*(sound for one in calls for sound in one.sounds_up), *reports),
        any(one.browser for one in calls),
        sum(one.picture_down_bps for one in calls),
        sum(one.picture_up_bps for one in calls),
    )


def least_picture_bps(cells: Encapsulation, headers_bytes: int) -> int:
    """Return what the smallest picture takes of a line."""
    return cells.line_bps(PACKET_BYTES + headers_bytes, LEAST_PICTURE_BPS / 8 / PACKET_BYTES)


def least_heard(voices: Iterable[Voices]) -> list[Sound]:
    """Return what forwarded voices cost at their least: one for each who hears no mix now."""
    return [one.forwarded for one in voices if one.forwarded is not None and not one.down]


def weigh(
    line: AccessLine | None, behind: Iterable[Voices], state: LineState | None, adds: Adds
) -> Verdict:
    """Weigh a call against one line as it is now."""
    if line is None or state is None:
        return UNBOUND
    return Verdict(line, admit(state, adds, least_heard(behind)))


def worse(one: Verdict, other: Verdict) -> Verdict:
    """Return the verdict that decides."""
    order = list(Admitted)
    return max(one, other, key=lambda verdict: order.index(verdict.outcome))


def server_state(line: AccessLine, voices: Iterable[Voices], browsers: int) -> LineState:
    """Return the server's own line with the speech of everybody who spends from it."""
    all_of_them = list(voices)
    return LineState(
        line.line,
        line.encapsulation,
        Capacity(line.receive_bps or 0),
        Capacity(line.send_bps or 0),
        tuple(sound for one in all_of_them for sound in one.down),
        tuple(sound for one in all_of_them for sound in one.up),
        browsers,
        browsers,
    )

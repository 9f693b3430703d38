r"""The gate before a room with a PIN, for units that have only keys: tone, digits, hash.

::

    asking --digits #, right------------------------> Granted
       |  \-digits #, wrong, tries left--> tone, asking again
       |  \-digits #, third wrong--------------------> Refused(TRIES)
       \--nothing pressed for PATIENCE_S-------------> Refused(TIME)

A star begins anew, and gives no more time.  Digits without a hash count once DIGIT_GAP_S has passed
since the last, or as soon as they are the PIN.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sfu.room.directory import is_same_pin

TRIES = 3
PATIENCE_S = 30.0
"""A tone every REPEAT_S until then: somebody has to find the remote control."""
REPEAT_S = 10.0
DIGIT_GAP_S = 4.0
"""Longer than anybody looks for the next key on a remote control."""
MOST_DIGITS = 32


class Tone(StrEnum):
    """What is played to the caller."""

    ASK = "ask"
    WRONG = "wrong"


class Refusal(StrEnum):
    """Why the gate stays shut."""

    TRIES = "tries"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key: 0-9, star, hash, A-D, by whatever way it came."""

    digit: str


@dataclass(frozen=True, slots=True)
class PlayTone:
    """Play a tone to the caller."""

    tone: Tone


@dataclass(frozen=True, slots=True)
class Granted:
    """Let the caller in."""


@dataclass(frozen=True, slots=True)
class Refused:
    """End the call."""

    cause: Refusal


PinOutput = PlayTone | Granted | Refused


class PinGate:
    """One caller before one room."""

    def __init__(self, pin: str, now: float, tries: int = TRIES) -> None:
        """Ask at once."""
        self._pin = pin
        self._tries = tries
        self._digits = ""
        self.wrong = 0
        """Wrong PINs so far."""
        self._outputs: deque[PinOutput] = deque([PlayTone(Tone.ASK)])
        self._open_until: float | None = now + PATIENCE_S
        self._repeat_at = now + REPEAT_S
        self._gap_at: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the caller was let in or refused."""
        return self._open_until is None

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        if self._open_until is None:
            return None
        if self._gap_at is not None:
            return self._gap_at
        return min(self._open_until, self._repeat_at)

    def handle(self, event: Pressed, now: float) -> None:
        """Take one key."""
        self.tick(now)
        if self._open_until is None:
            return  # a key pressed while the answer was on its way
        match event.digit:
            case "#":
                self._judge(now)
            case "*" if len(self._digits) >= len(self._pin):
                self._judge(now)  # that was a guess; fewer digits are a slip
            case "*":
                self._digits, self._gap_at = "", None
            case digit if len(digit) == 1 and digit in "0123456789":
                self._collect(digit, now)
            case _:
                pass  # A-D, flash: no part of a PIN

    def tick(self, now: float) -> None:
        """Let time pass: digits without a hash are judged, a silent caller is asked and let go."""
        if self._open_until is None or self.deadline is None or now < self.deadline:
            return
        if self._gap_at is not None:
            self._judge(now)
        elif now >= self._open_until:
            self._end(Refused(Refusal.TIME))
        else:
            self._repeat_at = now + REPEAT_S
            self._outputs.append(PlayTone(Tone.ASK))

    def poll(self) -> Iterator[PinOutput]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    def _collect(self, digit: str, now: float) -> None:
        self._digits = (self._digits + digit)[:MOST_DIGITS]
        self._gap_at = now + DIGIT_GAP_S
        if is_same_pin(self._digits, self._pin):
            self._end(Granted())

    def _judge(self, now: float) -> None:
        """Compare; a hash alone costs no try."""
        given, self._digits, self._gap_at = self._digits, "", None
        if is_same_pin(given, self._pin):
            self._end(Granted())
            return
        self.wrong += bool(given)
        if self.wrong == self._tries:
            self._end(Refused(Refusal.TRIES))
            return
        self._outputs.append(PlayTone(Tone.WRONG if given else Tone.ASK))
        self._wait(now)

    def _wait(self, now: float) -> None:
        self._open_until, self._repeat_at = now + PATIENCE_S, now + REPEAT_S

    def _end(self, output: Granted | Refused) -> None:
        self._outputs.append(output)
        self._open_until = self._gap_at = None

r"""The attendant: whoever dials no room is asked for its number, and for its PIN where it has one.

::

    number --a room's, or digits #, or DIGIT_GAP_S--> known? --no PIN--------------> Enter
       ^                                                |  \---PIN---> PinGate -----> Enter
       |            unknown, full: said, asked again ---/                 |
       |                                                                  |
       \-- third unknown number, third wrong PIN, nobody there --> goodbye --> Refuse

A number counts as soon as no longer one could be meant.  A key ends what is being said.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from sfu.model import RoomId
from sfu.room import pin
from sfu.room.directory import Directory, Found
from sfu.room.pin import DIGIT_GAP_S, MOST_DIGITS, REPEAT_S, TRIES, Pressed

ASKED = 3
"""So often somebody is asked who presses nothing."""
SPOKEN_S = 20.0
"""Longer than any prompt takes: the end of one may be lost with the mixer that said it."""
GOODBYE_S = 6.0
"""The same, of the last words."""


class Prompt(StrEnum):
    """What can be said: `worker/voices` holds each in each language."""

    WELCOME = "welcome"
    NUMBER = "number"
    UNKNOWN = "unknown"
    PIN = "pin"
    WRONG = "wrong"
    FULL = "full"
    GOODBYE = "goodbye"


class Card(StrEnum):
    """What can be shown: `shell/cards` holds each."""

    NUMBER = "number"
    PIN = "pin"
    WAITING = "waiting"
    """Beyond the door: nobody else is there."""
    PATTERN = "pattern"
    """A room is tried: something that moves."""
    HELD = "held"
    """Before the door: a moderator lets in who waits."""


class Refusal(StrEnum):
    """Why somebody is let go."""

    TRIES = "tries"
    """Wrong PINs."""
    TIME = "time"
    NO_ROOM = "no_room"
    """Numbers of no room, or of rooms that are full."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What was to be said has been said."""


@dataclass(frozen=True, slots=True)
class Full:
    """The room entered last takes nobody more."""


@dataclass(frozen=True, slots=True)
class PlayPrompt:
    """Say this now, instead of what is being said; nothing: be silent."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class ShowCard:
    """Show this from now on."""

    card: Card


@dataclass(frozen=True, slots=True)
class Enter:
    """Let the caller into this room."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class Refuse:
    """End the call."""

    reason: Refusal


AttendantEvent = Pressed | Finished | Full
AttendantOutput = PlayPrompt | ShowCard | Enter | Refuse


class Attendant:
    """One caller; `now` is monotonic seconds."""

    def __init__(self, directory: Directory, now: float, tries: int = TRIES) -> None:
        """Ask at once."""
        self._directory = directory
        self._tries = tries
        self.wrong = 0
        """Wrong PINs so far, of whatever room."""
        self._unknown = 0
        self._digits = ""
        self._asked = 0
        self._gap_at: float | None = None
        self._next_at: float | None = None
        """When something is said again, or the last word has been said."""
        self._room: Found | None = None
        self._gate: pin.PinGate | None = None
        self._sealed = False
        """The number was complete by itself: a hash behind it says nothing more."""
        self._leaving: Refusal | None = None
        self._speaking = False
        self._outputs: deque[AttendantOutput] = deque()
        self._ask(now, Prompt.WELCOME)

    @property
    def is_over(self) -> bool:
        """Whether the caller was let in or let go."""
        return self._next_at is None and self._gate is None

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        if self._gate is not None:
            return self._gate.deadline
        return self._gap_at if self._gap_at is not None else self._next_at

    def handle(self, event: AttendantEvent, now: float) -> None:
        """Take one event; what follows from it waits in `poll`."""
        self.tick(now)
        match event:
            case Pressed():
                self._press(event, now)
            case Finished():
                self._finished(now)
            case Full():
                self._room = None
                self._failed(Prompt.FULL, now)
            case _:
                assert_never(event)

    def tick(self, now: float) -> None:
        """Let time pass: a number without a hash counts, a silent caller is asked and let go."""
        if self._gate is not None:
            self._gate.tick(now)
            self._pass_gate(now)
        elif self._gap_at is not None:
            if now >= self._gap_at:
                self._judge(now)
        elif self._next_at is not None and now >= self._next_at:
            if self._leaving is not None:
                self._refuse()
            elif self._asked == ASKED:
                self._farewell(Refusal.TIME, now)
            else:
                self._ask(now)

    def poll(self) -> Iterator[AttendantOutput]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    # ---- keys

    def _press(self, event: Pressed, now: float) -> None:
        if self.is_over or self._leaving is not None:
            return  # a key pressed while the answer was on its way
        sealed, self._sealed = self._sealed, False
        if sealed and event.digit == "#":
            return
        self._say()
        if self._gate is not None:
            self._gate.handle(event, now)
            self._pass_gate(now)
            return
        self._asked, self._next_at = 1, now + REPEAT_S
        match event.digit:
            case "#":
                self._judge(now)
            case "*":
                self._digits, self._gap_at = "", None
            case digit if len(digit) == 1 and digit in "0123456789":
                self._collect(digit, now)
            case _:
                pass  # A-D, flash: no part of a number

    def _collect(self, digit: str, now: float) -> None:
        self._digits = (self._digits + digit)[:MOST_DIGITS]
        self._gap_at = now + DIGIT_GAP_S
        found = self._directory.find(self._digits)
        if isinstance(found, Found) and not self._directory.may_go_on(self._digits):
            self._sealed = True
            self._judge(now)

    def _judge(self, now: float) -> None:
        """Look for the room; a hash alone costs no try."""
        given, self._digits, self._gap_at = self._digits, "", None
        found = self._directory.find(given)
        if isinstance(found, Found):
            self._found(found, now)
        elif given:
            self._failed(Prompt.UNKNOWN, now)
        else:
            self._ask(now)

    # ---- what follows

    def _found(self, found: Found, now: float) -> None:
        self._room = found
        if not found.pin:
            self._enter()
            return
        self._next_at = None
        self._gate = pin.PinGate(found.pin, now, self._tries)
        self._outputs.append(ShowCard(Card.PIN))
        self._pass_gate(now)

    def _pass_gate(self, now: float) -> None:
        assert self._gate is not None
        for output in self._gate.poll():
            match output:
                case pin.PlayTone(pin.Tone.ASK):
                    self._say(Prompt.PIN)
                case pin.PlayTone():
                    self.wrong += 1
                    self._say(Prompt.WRONG, Prompt.PIN)
                case pin.Granted():
                    self._enter()
                case pin.Refused(pin.Refusal.TRIES):
                    self.wrong += 1
                    self._farewell(Refusal.TRIES, now, Prompt.WRONG)
                case pin.Refused():
                    self._farewell(Refusal.TIME, now)
                case _:
                    assert_never(output)

    def _enter(self) -> None:
        assert self._room is not None
        self._next_at = self._gap_at = self._gate = None
        self._outputs.append(Enter(self._room.room))

    def _failed(self, why: Prompt, now: float) -> None:
        self._unknown += 1
        if self._unknown == self._tries:
            self._farewell(Refusal.NO_ROOM, now, why)
        else:
            self._asked = 0
            self._ask(now, why)

    def _ask(self, now: float, *before: Prompt) -> None:
        self._asked += 1
        self._next_at = now + SPOKEN_S + REPEAT_S
        self._outputs.append(ShowCard(Card.NUMBER))
        self._say(*before, Prompt.NUMBER)

    def _say(self, *prompts: Prompt) -> None:
        if prompts or self._speaking:
            self._outputs.append(PlayPrompt(prompts))
        self._speaking = bool(prompts)

    def _finished(self, now: float) -> None:
        self._speaking = False
        if self._leaving is not None and self._next_at is not None:
            self._refuse()
        elif self._next_at is not None and self._gap_at is None:
            self._next_at = min(self._next_at, now + REPEAT_S)

    def _farewell(self, reason: Refusal, now: float, *before: Prompt) -> None:
        self._gate = self._gap_at = None
        self._leaving, self._next_at = reason, now + GOODBYE_S
        self._say(*before, Prompt.GOODBYE)

    def _refuse(self) -> None:
        assert self._leaving is not None
        self._next_at = None
        self._outputs.append(Refuse(self._leaving))

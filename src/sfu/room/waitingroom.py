r"""Before a room that is not open to everybody: who comes waits until a moderator says yes.

::

    knocks --may come in, or nothing holds it--> LetIn
       \-- held: the room has a waiting room, or is locked --> Waits --Admitted--> LetIn
                                                                 |--TurnedAway, PATIENCE_S, too
                                                                 |  many wait----> TurnAway
                                                                 \--no longer held--> LetIn

A waiting room is a room's setting, and a moderator's switch; a lock is a moderator's, and ends with
the meeting.  Those who may come in anyway: moderators, and whom the server called itself.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from sfu.model import MemberId

PATIENCE_S = 1800.0
"""Nobody waits longer: who should say yes has forgotten, or does not come."""
MOST_WAITING = 64
"""Of one room; more would fill the page of who has to decide."""


class Away(StrEnum):
    """Why somebody does not come in."""

    REFUSED = "refused"
    TIME = "time"
    CROWDED = "crowded"


@dataclass(frozen=True, slots=True)
class Knocked:
    """Somebody wants to come in; `free`: whatever holds the others."""

    visitor: MemberId
    name: str
    free: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody who waited is gone."""

    visitor: MemberId


@dataclass(frozen=True, slots=True)
class Admitted:
    """A moderator says yes."""

    visitor: MemberId


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A moderator says no."""

    visitor: MemberId


@dataclass(frozen=True, slots=True)
class LockSet:
    """A moderator locks the room, or opens it."""

    locked: bool


@dataclass(frozen=True, slots=True)
class WaitingSet:
    """A moderator switches the waiting room."""

    waiting: bool


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """The room's setting is another: it holds from now on, whatever moderators switched."""

    waiting: bool


@dataclass(frozen=True, slots=True)
class MeetingEnded:
    """Nobody is inside any more: what moderators set is over."""


Event = (
    Knocked | Left | Admitted | TurnedAway | LockSet | WaitingSet | SettingChanged | MeetingEnded
)


@dataclass(frozen=True, slots=True)
class LetIn:
    """Let this one in."""

    visitor: MemberId


@dataclass(frozen=True, slots=True)
class Wait:
    """Tell this one to wait."""

    visitor: MemberId


@dataclass(frozen=True, slots=True)
class TurnAway:
    """Send this one away."""

    visitor: MemberId
    why: Away


@dataclass(frozen=True, slots=True)
class Changed:
    """Tell moderators anew who waits, and what holds them."""


Output = LetIn | Wait | TurnAway | Changed


class WaitingRoom:
    """Who waits before one room; owns no socket, reads no clock."""

    def __init__(self, *, waiting: bool = False) -> None:
        """Begin with nobody; `waiting`: the room's setting."""
        self.locked = False
        self.waiting = waiting
        self.names: dict[MemberId, str] = {}
        """Who waits, who came first at the head."""
        self.setting = waiting
        self._until: dict[MemberId, float] = {}
        self._outputs: deque[Output] = deque()

    @property
    def holds(self) -> bool:
        """Whether who comes has to wait."""
        return self.locked or self.waiting

    @property
    def same_as_begun(self) -> bool:
        """Whether it could as well be made anew: nobody waits, nothing was switched."""
        return not self.names and (self.locked, self.waiting) == (False, self.setting)

    @property
    def deadline(self) -> float | None:
        """When somebody has waited too long."""
        return min(self._until.values(), default=None)

    def handle(self, event: Event, now: float) -> None:
        """Take one event; what follows from it waits in `poll`."""
        match event:
            case Knocked():
                self._knock(event, now)
            case Left():
                self._forget(event.visitor)
            case Admitted():
                if self._forget(event.visitor):
                    self._outputs.append(LetIn(event.visitor))
            case TurnedAway():
                if self._forget(event.visitor):
                    self._outputs.append(TurnAway(event.visitor, Away.REFUSED))
            case LockSet():
                self._set(locked=event.locked, waiting=self.waiting)
            case WaitingSet():
                self._set(locked=self.locked, waiting=event.waiting)
            case SettingChanged():
                self.setting = event.waiting
                self._set(locked=self.locked, waiting=event.waiting)
            case MeetingEnded():
                self._set(locked=False, waiting=self.setting)
            case _:
                assert_never(event)

    def tick(self, now: float) -> None:
        """Let time pass: who has waited too long is sent away."""
        for visitor in [one for one, until in self._until.items() if now >= until]:
            self._forget(visitor)
            self._outputs.append(TurnAway(visitor, Away.TIME))

    def poll(self) -> Iterator[Output]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    def _knock(self, event: Knocked, now: float) -> None:
        if event.visitor in self.names:
            return  # it knocks again: it waits already
        if event.free or not self.holds:
            self._outputs.append(LetIn(event.visitor))
        elif len(self.names) >= MOST_WAITING:
            self._outputs.append(TurnAway(event.visitor, Away.CROWDED))
        else:
            self.names[event.visitor] = event.name
            self._until[event.visitor] = now + PATIENCE_S
            self._outputs += [Wait(event.visitor), Changed()]

    def _forget(self, visitor: MemberId) -> bool:
        """Take somebody off the list; False where it did not wait."""
        if self.names.pop(visitor, None) is None:
            return False
        del self._until[visitor]
        self._outputs.append(Changed())
        return True

    def _set(self, *, locked: bool, waiting: bool) -> None:
        if (locked, waiting) == (self.locked, self.waiting):
            return
        self.locked, self.waiting = locked, waiting
        self._outputs.append(Changed())
        if not self.holds:
            for visitor in list(self.names):
                self._forget(visitor)
                self._outputs.append(LetIn(visitor))

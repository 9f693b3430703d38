"""Who is alone in a room sees its name on a card, until somebody comes; who is tried, a pattern.

Pages tell in words who is there; a room codec has its picture alone to tell it by.
"""

from sfu.model import MemberId, SinkId
from sfu.room.attendant import Card
from sfu.shell.house import House
from sfu.shell.leg import Leg
from sfu.shell.screen import Screen

TESTED = "test~"
"""Rooms begin so in which a unit is tried; nobody can dial them."""


class Waiting:
    """The cards of those who wait in one house's rooms."""

    def __init__(self, house: House, screen: Screen) -> None:
        """Begin with nobody."""
        self._house, self._screen = house, screen
        self._sinks: dict[MemberId, set[SinkId]] = {}
        """Where a card is shown."""

    def look(self, leg: Leg, now: float) -> None:
        """Show the card, or no more: who is there, and where it is shown, may have changed."""
        card, title = self._card(leg)
        places = set(leg.streams.pictures) if card else set()
        before = self._sinks.get(leg.member, set())
        if not places and not before:
            return
        for sink in before - places:
            self._screen.leave(sink)
        for sink in places:
            assert card is not None
            self._screen.show(sink, card, leg.capability, now, title)
        self._sinks[leg.member] = places
        if not places:
            del self._sinks[leg.member]
        self._house.patchbay.flush(now)

    def leave(self, leg: Leg) -> None:
        """Show nothing to who leaves its room."""
        for sink in self._sinks.pop(leg.member, set()):
            self._screen.leave(sink)

    def _card(self, leg: Leg) -> tuple[Card | None, str]:
        """Return its card, with the name of the room it is alone in; None where it is not."""
        meeting = self._house.meeting_of(leg)
        if (
            meeting is None
            or len(meeting.legs) > 1
            or meeting.id == self._house.directory.echo_test
        ):
            return None, ""
        if meeting.id.startswith(TESTED):
            return Card.PATTERN, ""
        if "~" in meeting.id:
            return None, ""  # a unit that was called by another, which comes in a moment
        return Card.WAITING, meeting.name or meeting.id

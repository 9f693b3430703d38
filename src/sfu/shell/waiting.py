"""Who is alone in a room sees its name on a card, until somebody comes.

Pages tell in words who is there; a room codec has its picture alone to tell it by.
"""

from sfu.model import MemberId, SinkId
from sfu.room.attendant import Card
from sfu.shell.house import House
from sfu.shell.leg import Leg
from sfu.shell.screen import Screen


class Waiting:
    """The cards of those who wait in one house's rooms."""

    def __init__(self, house: House, screen: Screen) -> None:
        """Begin with nobody."""
        self._house, self._screen = house, screen
        self._sinks: dict[MemberId, set[SinkId]] = {}
        """Where a card is shown."""

    def look(self, leg: Leg, now: float) -> None:
        """Show the card, or no more: who is there, and where it is shown, may have changed."""
        title = self._title(leg)
        places = set(leg.streams.pictures) if title else set()
        before = self._sinks.get(leg.member, set())
        if not places and not before:
            return
        for sink in before - places:
            self._screen.leave(sink)
        for sink in places:
            self._screen.show(sink, Card.WAITING, leg.capability, now, title)
        self._sinks[leg.member] = places
        if not places:
            del self._sinks[leg.member]
        self._house.patchbay.flush(now)

    def leave(self, leg: Leg) -> None:
        """Show nothing to who leaves its room."""
        for sink in self._sinks.pop(leg.member, set()):
            self._screen.leave(sink)

    def _title(self, leg: Leg) -> str:
        """Return what its card says: the name of the room it is alone in, "" where it is not."""
        meeting = self._house.meeting_of(leg)
        if (
            meeting is None
            or len(meeting.legs) > 1
            or meeting.id == self._house.directory.echo_test
        ):
            return ""
        if "~" in meeting.id:
            return ""  # a unit that was called by another, which comes in a moment
        return meeting.name or meeting.id

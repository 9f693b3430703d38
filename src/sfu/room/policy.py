"""Who sees whom: one rule for a codec's single picture and a browser's many tiles.

For each viewer the others stand in a row: who led latest first, then who is shown already, then
who joined first.  As many as the viewer has places are shown, each where it stood before::

    a room codec (1 place):   the speaker; on the speaker's own screen, who spoke before
    in a call of two:         the other
    a browser (n places):     everybody; the latest speakers where places are fewer than members

A member without picture is passed over, so it may lead in sound while the picture stays.
"""

from collections.abc import Mapping, Sequence

from sfu.model import Codec, MemberId
from sfu.room.member import Member, Members
from sfu.room.picture import takes

MOST_PLACES = 64
"""More tiles than this no page shows, whatever its capability says."""


class Places:
    """The places of one viewer's screen."""

    def __init__(self) -> None:
        """Start with an empty screen."""
        self.shown: tuple[MemberId | None, ...] = ()
        self._homes: dict[MemberId, int] = {}
        """Where a member stood last: it comes back there if it can."""

    def show(self, chosen: Sequence[MemberId], size: int) -> None:
        """Put exactly these members on the screen, nobody moving without need."""
        places: list[MemberId | None] = [m if m in chosen else None for m in self.shown[:size]]
        places += [None] * (size - len(places))
        for member in (m for m in chosen if m not in places):
            place = self._free_place(places, member)
            places[place] = member
            self._homes[member] = place
        self.shown = tuple(places)

    def forget(self, member: MemberId) -> None:
        """Give the place of a member that left to whoever comes."""
        self._homes.pop(member, None)

    def _free_place(self, places: Sequence[MemberId | None], member: MemberId) -> int:
        free = [n for n, occupant in enumerate(places) if occupant is None]
        if self._homes.get(member) in free:
            return self._homes[member]
        others = {home for m, home in self._homes.items() if m != member}
        return next((n for n in free if n not in others), free[0])


def places_of(viewer: Member) -> int:
    """Return how many pictures a viewer shows at once."""
    return min(viewer.capability.pictures, MOST_PLACES) if viewer.views_pictures else 0


def line_up(
    viewer: Member, members: Members, recent: Sequence[MemberId], shown: Sequence[MemberId | None]
) -> list[MemberId]:
    """Return all others, best first."""
    stay = [m for m in shown if m is not None]
    row = dict.fromkeys([*recent, *stay, *members])
    return [m for m in row if m in members and m != viewer.member]


def choose(viewer: Member, members: Members, row: Sequence[MemberId]) -> list[MemberId]:
    """Return whom of the row the viewer is shown: pictures that arrive and that it can take."""
    live = [m for m in row if _is_live_for(viewer, members[m])]
    return live[: places_of(viewer)]


def wish(
    viewer: Member, members: Members, row: Sequence[MemberId], codecs: Mapping[MemberId, Codec]
) -> list[MemberId]:
    """Return whose pictures must be sent for this viewer.

    All of the row down to the last one shown: who stands before it would be shown if only its
    picture came, so it is not told to stop.
    """
    wished: list[MemberId] = []
    left = places_of(viewer)
    for member in row:
        if left == 0:
            break
        codec = codecs.get(member)
        live = _is_live_for(viewer, members[member])
        if codec is not None and (live or takes(viewer, members[member], codec)):
            wished.append(member)
        left -= live
    return wished


def _is_live_for(viewer: Member, sender: Member) -> bool:
    return sender.picture is not None and takes(viewer, sender, sender.picture)

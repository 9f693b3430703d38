"""Which room a dialled target means, and who may enter.

A target is what stands before the @, percent escapes undone, or what was typed into the page.
Units write room and PIN in many ways::

    4201            the room
    4201##1234      the room and its PIN
    203.0.113.5##4201, 203.0.113.5##4201##1234    what a unit dials that knows no user part
    morez           an alias of a configured room
    accueil, 203.0.113.5, nothing at all          the attendant, where there is one

A room exists by configuration, or by its first caller if its number is in the open range.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from sfu.errors import UseError
from sfu.model import RoomId, is_address

LONGEST_TARGET = 64
"""Nobody dials more; it bounds what a stranger can make us keep."""
SEPARATOR = "##"
ECHO_NAME = "Écho"
OPEN_NUMBERS = range(4000, 5000)
"""What anybody may open where nothing else is configured."""


@dataclass(frozen=True, slots=True)
class RoomSetting:
    """A room by configuration."""

    number: RoomId
    name: str = ""
    pin: str = ""
    """Empty: none is asked."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What was dialled, taken apart."""

    number: str
    pin: str


@dataclass(frozen=True, slots=True)
class Found:
    """The room is there and may be entered, perhaps after a PIN."""

    room: RoomId
    name: str
    pin: str
    """What a `PinGate` must still hear; empty: come in."""


@dataclass(frozen=True, slots=True)
class UnknownRoom:
    """No such room, and none may be made by this number: SIP 404."""

    number: str


@dataclass(frozen=True, slots=True)
class WrongPin:
    """The room is there; the PIN that came along is not its PIN: SIP 403."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class Reception:
    """No room was named, but whoever asks for one: the attendant takes the call."""


Outcome = Found | UnknownRoom | WrongPin | Reception


def read_target(target: str) -> Target:
    """Take a dialled target apart; what cannot be a room gives an empty number."""
    parts = [part.strip() for part in target.strip()[: LONGEST_TARGET + 1].split(SEPARATOR)]
    if len(target.strip()) > LONGEST_TARGET or len(parts) > 3:
        return Target("", "")
    if len(parts) > 1 and _is_host(parts[0]):
        parts = parts[1:]
    number, pin = parts[0], parts[1] if len(parts) > 1 else ""
    return Target(number, pin) if len(parts) < 3 else Target("", "")


def is_same_pin(given: str, pin: str) -> bool:
    """Compare in a time that tells nothing of how much was right."""
    # JSON can carry half a surrogate pair, which plain UTF-8 has no bytes for
    return hmac.compare_digest(*(text.encode("utf-8", "surrogatepass") for text in (given, pin)))


class Directory:
    """All rooms that are or may be."""

    def __init__(
        self,
        rooms: Iterable[RoomSetting] = (),
        numbers: Iterable[range] = (OPEN_NUMBERS,),
        attendant: Iterable[str] = (),
        echo_test: str = "",
    ) -> None:
        """Take the configured rooms and the ranges of numbers anybody may open.

        `attendant` are names of the attendant, who also takes calls to no user; none: there is
        no attendant.  `echo_test` is the number where each hears itself, empty for none.
        A configured room goes before either.
        Raises UseError where two rooms share a number or an alias.
        """
        self._open = tuple(numbers)
        self.rooms: dict[RoomId, RoomSetting] = {}
        self._names: dict[str, RoomSetting] = {}
        for room in rooms:
            self.rooms[room.number] = room
            for name in (room.number, *room.aliases):
                if self._names.setdefault(name.casefold(), room) is not room:
                    raise UseError(f"two rooms are called {name}")
        names = frozenset(map(str.casefold, attendant))
        self._has_attendant, self._attendant = bool(names), names - self._names.keys()
        self.echo_test = RoomId("" if echo_test.casefold() in self._names else echo_test)

    def reach(self, target: str) -> Outcome:
        """Say what a dialled target means: a room, or the attendant."""
        number = read_target(target).number
        blank = not target.strip() or is_address(number)
        if self._has_attendant and (blank or number.casefold() in self._attendant):
            return Reception()
        return self.find(target)

    def may_go_on(self, number: str) -> bool:
        """Tell whether some room has a longer number that begins so."""
        if any(name.isdigit() and len(name) > len(number) and name.startswith(number)
               for name in (*self._names, self.echo_test)):  # fmt: skip
            return True
        return (
            number.isascii()
            and number.isdigit()
            and any(_begins_one_of(number, numbers) for numbers in self._open if numbers)
        )

    def find(self, target: str, pin: str = "") -> Found | UnknownRoom | WrongPin:
        """Say which room a target means; a PIN typed apart counts as one in the target."""
        asked = read_target(target)
        given = asked.pin or pin
        room = self._names.get(asked.number.casefold())
        if room is None:
            return self._find_open(asked.number)
        if not room.pin or is_same_pin(given, room.pin):
            return Found(room.number, room.name, pin="")
        return WrongPin(room.number) if given else Found(room.number, room.name, room.pin)

    def _find_open(self, number: str) -> Found | UnknownRoom:
        if number and number == self.echo_test:
            return Found(self.echo_test, ECHO_NAME, pin="")
        canonical = number.isascii() and number.isdigit() and not number.startswith("0")
        if canonical and any(int(number) in numbers for numbers in self._open):
            return Found(RoomId(number), "", pin="")
        return UnknownRoom(number)


def _begins_one_of(number: str, numbers: range) -> bool:
    """Tell whether a longer number of a range begins with these digits."""
    for more in range(1, len(str(numbers.stop)) - len(number) + 1):
        first = int(number) * 10**more
        if number[0] != "0" and first < numbers.stop and first + 10**more > numbers.start:
            return True
    return False


def _is_host(text: str) -> bool:
    """Tell an IPv4 or IPv6 address or a dotted name from a room's number or alias."""
    return "." in text or ":" in text

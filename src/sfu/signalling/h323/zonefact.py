"""What goes into our gatekeeper and comes out of it, and what it asks of the house."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sfu.model import Address


@dataclass(frozen=True, slots=True)
class Heard:
    """A datagram came."""

    remote: Address
    local: Address
    """Ours, as the sender shall know it."""
    data: bytes
    calendar: float
    """Seconds since 1970."""
    multicast: bool = False
    """It was sent to all gatekeepers: only who is meant answers."""
    at: str = ""
    """The address of ours it came to, as the kernel says; "" where that is not known."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """To be sent."""

    remote: Address
    data: bytes
    source: str = ""
    """The address of ours it leaves from: where the request came to; "" for any."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An endpoint can be called; told at first and when its names or address change."""

    identifier: str
    names: tuple[str, ...]
    signalling: Address
    account: str
    model: str


@dataclass(frozen=True, slots=True)
class Left:
    """An endpoint is gone: it said so, or its time is over."""

    identifier: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrongPassword:
    """A password was wrong."""

    host: str
    account: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody was told no, and why, for the operator's log."""

    host: str
    request: str
    why: str


GatekeeperFact = Enrolled | Left | WrongPassword | Refused


@dataclass(frozen=True, slots=True)
class Questions:
    """What the gatekeeper asks of the house."""

    account_of: Callable[[str], str | None]
    """The account that a name or number is, as configured: case of letters makes no difference."""
    password_of: Callable[[str], str | None]
    listed: Callable[[str], bool]
    """Whether devices at this address may register without a password."""
    may_try: Callable[[str, str], bool]
    """Whether a host may still try passwords of an account."""
    takes: Callable[[str], bool]
    """Whether we take calls to this number: a room, or somebody by another protocol."""
    budget_bps: Callable[[str, str], int | None]
    """What the line of a host and account has, both ways together; None: no line is known."""
    is_room: Callable[[str], bool] = lambda number: False
    """Whether this number is a room's: all that strangers may learn."""
    neighbour: Callable[[str], bool] = lambda host: False
    """Whether a gatekeeper at this address may learn of everybody who is registered."""
    may_ask: Callable[[str], bool] = lambda host: True
    """Whether a stranger may still ask for numbers."""
    asked_wrong: Callable[[str], None] = lambda host: None
    """Hears of a stranger that asked for a number that is no room."""
    has_place: Callable[[Iterable[str]], bool] = lambda names: True
    """Whether the house can keep these names as well."""

"""Rooms, the codecs that are called into them, and what is granted to who books them."""

from dataclasses import field
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import StringConstraints

from sfu.config.section import Bps, Name, Number, Priority, section


class Policy(StrEnum):
    """Who a room is for."""

    MULTIPOINT = "multipoint"
    POINT_TO_POINT = "point_to_point"
    """Two members at most."""
    SHARED = "shared"
    """Multipoint, and lent to others than its owner."""


class Language(StrEnum):
    """What the attendant speaks."""

    FRENCH = "fr"
    ENGLISH = "en"


@section
class Rooms:
    """Rooms that exist by being dialled."""

    numbers: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]+(-[0-9]+)?$")], ...] = (
        "4000-4999",
    )
    """Numbers and ranges anybody may open a room with; empty: configured rooms only."""
    pin_tries: Annotated[int, Ge(1), Le(10)] = 3
    attendant: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")], ...] = (
        "accueil",
        "0",
    )
    """Users whose calls are asked for a room, as are calls to no user; empty: nobody is asked."""
    languages: Annotated[tuple[Language, ...], MinLen(1)] = (Language.FRENCH, Language.ENGLISH)
    """What callers are spoken to in, one after the other."""
    invited_only: bool = False
    """Pages come into a room by a guest's link or its PIN; a number alone does not open it."""
    echo_test: Annotated[str, StringConstraints(pattern=r"^([0-9]{1,20})?$")] = "9196"
    """Number where each hears and sees itself; empty: none."""


@section
class Room:
    """A configured room."""

    number: Number
    name: str = ""
    pin: Annotated[str, StringConstraints(pattern=r"^([0-9]{4,12})?$")] = field(
        default="", repr=False
    )
    """Four to twelve digits; empty: none."""
    aliases: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")], ...] = ()
    policy: Policy = Policy.MULTIPOINT
    site: str = ""
    """The site that owns it."""
    owner: str = ""
    """The organisation that owns it, as people write it; empty: that of its site."""
    lent_to: tuple[Name, ...] = ()
    """Organisations that may book it besides its owner; empty and shared: all."""
    units: tuple[Number, ...] = ()
    """Numbers of [[endpoint]]s that are called when it is booked; empty: those of its site."""
    waiting_room: bool = False
    """Whether who comes waits until a moderator lets it in."""
    moderator_pin: Annotated[str, StringConstraints(pattern=r"^([0-9]{4,12})?$")] = field(
        default="", repr=False
    )
    """Who gives it comes in and decides who else does; empty: none."""
    max_members: Annotated[int, Ge(0), Le(500)] = 0
    """0: as [limits] says."""
    priority: Priority = 5
    """Whose pictures go first where rooms meet on one line; 9 is the first."""
    picture_floor_bps: Bps = 0
    """The speaker's picture gets this before anybody gets more; 0: none."""
    picture_max_bps: Bps = 0
    """Most a picture of this room takes; 0: as [media] says."""


@section
class Endpoint:
    """A room codec that can be called into a meeting."""

    number: Number
    uri: Annotated[str, StringConstraints(pattern=r"^(sips?|h323):[^\s<>]+$")]
    name: str = ""
    site: str = ""
    priority: Priority | None = None
    """Of what it is shown; this and the next two left out: as its room, or its account, says."""
    picture_floor_bps: Bps | None = None
    picture_max_bps: Bps | None = None


@section
class Bookings:
    """What is granted to who books rooms; docs/bookings.md."""

    numbers: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]+(-[0-9]+)?$")], ...] = ()
    """Numbers that meetings get for the day; empty: they meet in the first room they booked."""
    most_hours: Annotated[float, Gt(0), Le(24)] = 12.0
    ahead_days: Annotated[int, Ge(1), Le(1000)] = 400
    grace_min: Annotated[float, Ge(1), Le(120)] = 15.0
    """A room whose unit has not come by then is freed."""
    warn_min: Annotated[float, Ge(0), Le(60)] = 5.0
    """So long before the end units and pages are told."""

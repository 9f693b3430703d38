"""What a call asks of the gatekeeper that we are registered at, and what it is told."""

from dataclasses import dataclass

from sfu.model import Address, CallId
from sfu.signalling.h323.alias import Alias


@dataclass(frozen=True, slots=True)
class Ask:
    """Whether a call may be made, and where it goes; or whether it may be taken."""

    call: CallId
    identifier: bytes
    conference: bytes
    reference: int
    answering: bool
    destination: tuple[Alias, ...] = ()
    source: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class Over:
    """A call that was asked about has ended."""

    call: CallId


@dataclass(frozen=True, slots=True)
class Admitted:
    """Yes."""

    call: CallId
    signalling: Address | None
    """Where it goes; of a call we take it says nothing."""


@dataclass(frozen=True, slots=True)
class Denied:
    """No, with the reason in the standard's words."""

    call: CallId
    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """The gatekeeper ends a call that it let through (H.225.0 DRQ)."""

    call: CallId

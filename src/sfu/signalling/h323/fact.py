"""What the H.245 of a call tells the call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settled:
    """Media may begin."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Channels, or what the peer takes, are others than before."""


@dataclass(frozen=True, slots=True)
class Wished:
    """The peer wants a key frame."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """The peer pressed keys."""

    keys: str


@dataclass(frozen=True, slots=True)
class Alive:
    """The peer answered a round trip."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The peer ended the session, or it cannot go on; `reason` for the log."""

    reason: str
    silent: bool = False


Fact = Settled | Changed | Wished | Keyed | Alive | Ended

"""Who we are towards H.323 peers."""

from dataclasses import dataclass

from sfu.signalling.h323 import h225


@dataclass(frozen=True, slots=True)
class Identity:
    """What our messages say of us."""

    name: str
    endpoint: h225.Endpoint
    tunnelling: bool = False
    """Prefer H.245 in the tunnel to a connection of its own."""
    prefixes: tuple[str, ...] = ()
    """With which numbers begin that a foreign gatekeeper sends us."""

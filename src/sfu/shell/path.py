"""One path of packets as the patchbay knows it, beside what the engine does."""

from collections.abc import Callable
from dataclasses import dataclass

from sfu.media.engine.event import SourceAppeared, TelephoneEventReceived, TransportLatched
from sfu.media.report import EstimateHeard, LimitNoted, RateLimited
from sfu.model import LineId

Listener = Callable[[SourceAppeared | TelephoneEventReceived | TransportLatched], None]
"""Told what the engine says of one transport."""
RateFact = RateLimited | LimitNoted | EstimateHeard
"""What the peer of one transport says of rates."""


@dataclass(slots=True)
class Path:
    """A transport, as it was stated last."""

    listener: Listener
    locked: bool = False
    """It is secure, and has no keys yet."""
    line: LineId | None = None
    ipv6: bool = False
    fed_back: bool = False
    """Its peer says when each packet came."""
    limited: Callable[[RateFact], None] | None = None
    """Who hears what its peer says of rates."""

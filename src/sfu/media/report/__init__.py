"""What we report to peers and what we hear from theirs: see `reporter`."""

from sfu.media.report.fact import (
    ArrivalsHeard,
    ByeHeard,
    EstimateHeard,
    Fact,
    LimitNoted,
    PictureAsked,
    RateLimited,
    ReceptionHeard,
)
from sfu.media.report.ledger import Reception
from sfu.media.report.reporter import Reporter

__all__ = [
    "ArrivalsHeard",
    "ByeHeard",
    "EstimateHeard",
    "Fact",
    "LimitNoted",
    "PictureAsked",
    "RateLimited",
    "Reception",
    "ReceptionHeard",
    "Reporter",
]

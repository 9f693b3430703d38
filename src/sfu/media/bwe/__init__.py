"""What a line bears at this moment, one direction of it: see docs/bwe.md."""

from sfu.media.bwe.estimator import LineEstimator
from sfu.media.bwe.legs import Legs, PlainLegs
from sfu.media.bwe.word import (
    Acked,
    Closed,
    Estimate,
    Event,
    Fed,
    Heard,
    Limited,
    Opposite,
    Output,
    ProbeEnded,
    Received,
    Reported,
    Sent,
    StartProbe,
    StopProbe,
    Used,
    Why,
    acked,
)

__all__ = [
    "Acked",
    "Closed",
    "Estimate",
    "Event",
    "Fed",
    "Heard",
    "Legs",
    "Limited",
    "LineEstimator",
    "Opposite",
    "Output",
    "PlainLegs",
    "ProbeEnded",
    "Received",
    "Reported",
    "Sent",
    "StartProbe",
    "StopProbe",
    "Used",
    "Why",
    "acked",
]

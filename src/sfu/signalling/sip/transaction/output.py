"""What a transaction asks of its layer."""

from dataclasses import dataclass

from sfu.signalling.sip.message import Response


@dataclass(frozen=True, slots=True)
class Transmit:
    """Put these bytes on the transaction's flow."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pass:
    """Hand this response up to who asked."""

    response: Response


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No answer came in time (timer B or F): who asked shall take it for a 408."""


ClientOutput = Transmit | Pass | GiveUp

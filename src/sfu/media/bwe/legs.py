"""All legs behind one line, as its estimator sees them: a few numbers a message, none a packet.

::

    Sent -----------> each leg's ring --.
                                        +--> the queue of each packet --> Delays; losses
    Acked, Fed ----> numbers, arrivals -'    what was sent, what a probe sent, what got through

`PlainLegs` is the reference; a server that runs has the engine's (`shell.legs`), which reckons
the same.
"""

from dataclasses import dataclass
from typing import Protocol

from sfu.errors import PeerError
from sfu.media.bwe.delays import Delays, PlainDelays
from sfu.media.bwe.leg import Leg, carried_bps
from sfu.media.bwe.word import Acked, Fed, Sent, Wrapping, acked
from sfu.media.rtp.rtcp.transport_cc import parse_transport_feedback, peek
from sfu.model import TransportId

IP_UDP_BYTES, IP6_UDP_BYTES = 28, 48

Told = tuple[int, int]
"""Of one message: lost (told missing, less those missed before that came late), received."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What left while a probe ran: two departures in us, and the line bytes after the first."""

    first_us: int
    last_us: int
    line_bytes: int


class Legs(Protocol):
    """The legs of one line."""

    delays: Delays
    """Where the queues go that packets are told to have met."""

    def sent(self, packet: Sent) -> None:
        """Take a departure."""

    def take_sent(self) -> int:
        """Return the line bytes sent since the last time."""

    def knows(self, message: Acked | Fed) -> bool:
        """Tell whether the last packet a message tells of is known to have left."""

    def told(self, message: Acked | Fed, standing_us: float) -> Told | None:
        """Match one message; None where it is broken, or its leg has sent nothing.

        `standing_us` is the queue other legs see now.
        """

    def carried_bps(self, window_us: int, *, busy: bool = False) -> float | None:
        """Return the rate at which packets got through, up to what all legs have told of.

        `busy`: only since the line last stood idle; None where that is too short to tell.
        """

    def probe(self, began: float, ends: float) -> None:
        """Sum up what leaves between two instants."""

    @property
    def probed(self) -> Probed | None:
        """What has left since `probe`; None for nothing."""

    def close(self, transport: TransportId) -> None:
        """Forget a leg."""

    def __len__(self) -> int:
        """Count the legs that sent something."""


class PlainLegs:
    """The reference: a packet is a call."""

    def __init__(self, encapsulation: Wrapping) -> None:
        """Know no leg; `encapsulation` is the line's."""
        self.delays: Delays = PlainDelays()
        self._encapsulation = encapsulation
        self._costs: dict[int, int] = {}
        self._legs: dict[TransportId, Leg] = {}
        self._sent = 0
        self._window = (0.0, -1.0)
        self._probed: Probed | None = None

    def __len__(self) -> int:
        """Count the legs that sent something."""
        return len(self._legs)

    def sent(self, packet: Sent) -> None:
        """Take a departure."""
        ip_bytes = packet.size_bytes + (IP6_UDP_BYTES if packet.ipv6 else IP_UDP_BYTES)
        line_bytes = self._costs.get(ip_bytes)
        if line_bytes is None:
            line_bytes = self._costs[ip_bytes] = self._encapsulation.line_bytes(ip_bytes)
        leg = self._legs.get(packet.transport)
        if leg is None:
            leg = self._legs[packet.transport] = Leg()
        leg.sent(packet.sequence, packet.at_us, line_bytes)
        self._sent += line_bytes
        self._count(packet.at_us, line_bytes)

    def take_sent(self) -> int:
        """Return the line bytes sent since the last time."""
        sent, self._sent = self._sent, 0
        return sent

    def knows(self, message: Acked | Fed) -> bool:
        """Tell whether the last packet a message tells of is known to have left."""
        leg = self._legs.get(message.transport)
        last = last_of(message)
        return leg is not None and last is not None and leg.knows(last)

    def told(self, message: Acked | Fed, standing_us: float) -> Told | None:
        """Match one message; None where it is broken, or its leg has sent nothing."""
        leg = self._legs.get(message.transport)
        if leg is None:
            return None
        if isinstance(message, Fed):
            try:
                message = acked(message.transport, parse_transport_feedback(message.message))
            except PeerError:
                return None
        for sample in leg.acked(message.arrivals, 0.0, standing_us):
            self.delays.add(sample.departed_us, sample.queue_us)
        return leg.take_losses()

    def carried_bps(self, window_us: int, *, busy: bool = False) -> float | None:
        """Return the rate at which packets got through, up to what all legs have told of."""
        return carried_bps(self._legs.values(), window_us, busy=busy)

    def probe(self, began: float, ends: float) -> None:
        """Sum up what leaves between two instants."""
        self._window, self._probed = (began, ends), None

    @property
    def probed(self) -> Probed | None:
        """What has left since `probe`; None for nothing."""
        return self._probed

    def _count(self, at_us: int, line_bytes: int) -> None:
        """Sum up from the second packet on."""
        began, ends = self._window
        if not began <= at_us / 1e6 <= ends:
            return
        before = self._probed
        if before is None:
            self._probed = Probed(at_us, at_us, 0)
            return
        self._probed = Probed(
            before.first_us, max(before.last_us, at_us), before.line_bytes + line_bytes
        )

    def close(self, transport: TransportId) -> None:
        """Forget a leg."""
        self._legs.pop(transport, None)


def last_of(message: Acked | Fed) -> int | None:
    """Return the number of the last packet a message tells of; None for no packet."""
    if isinstance(message, Acked):
        return message.arrivals[-1][0] if message.arrivals else None
    base, count = peek(message.message)
    return base + count - 1 & 0xFFFF if count else None

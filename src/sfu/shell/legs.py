"""The legs of all lines, matched with their feedback by the engine's code: `media.bwe.legs` in C.

::

    departures of the snapshot, as rows --> LegBank --by transport--> EngineLegs of each line
    feedback, as it came --> LineEstimator --> EngineLegs.told --> losses; EngineDelays

No packet becomes an object; `native/legs.h` says what is reckoned.
"""

from itertools import count

import structlog

from sfu._native import ffi as _ffi
from sfu._native import lib as _lib
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.bwe.delays import Delays
from sfu.media.bwe.legs import Probed, Told, last_of
from sfu.media.bwe.word import Acked, Fed, Sent
from sfu.media.engine import layout, wire
from sfu.media.rtp.rtcp.transport_cc import TICK_US, TransportFeedback, compose_transport_feedback
from sfu.model import Ssrc, TransportId

log = structlog.get_logger()

_BROKEN = -1


class LegBank:
    """Who stands behind which line, and what they were sent."""

    def __init__(self) -> None:
        """Know no line."""
        self.legs = _ffi.gc(_lib.sfu_legs_open(), _lib.sfu_legs_close)
        if self.legs == _ffi.NULL:
            raise MemoryError
        self._ids = count(1)
        self._stand: dict[TransportId, tuple[int, bool]] = {}

    def line(self, encapsulation: Encapsulation) -> "EngineLegs":
        """Open a line without legs."""
        number = next(self._ids)
        framing = wire.FRAMINGS[encapsulation.framing]
        if _lib.sfu_legs_line(self.legs, number, framing, encapsulation.overhead_bytes) != 0:
            raise MemoryError
        return EngineLegs(self, number)

    def put(self, transport: TransportId, line: "EngineLegs", *, ipv6: bool) -> None:
        """Have a leg stand behind a line; said again, it changes nothing."""
        stand = line.number, ipv6
        if self._stand.get(transport) != stand:
            self._stand[transport] = stand
            if _lib.sfu_legs_put(self.legs, transport, line.number, ipv6) != 0:
                raise MemoryError

    def forget(self, transport: TransportId, line: "EngineLegs") -> None:
        """Forget a leg, if it stands behind this line."""
        if (stand := self._stand.get(transport)) and stand[0] == line.number:
            del self._stand[transport]
            _lib.sfu_legs_forget(self.legs, transport)

    def forget_line(self, line: "EngineLegs") -> None:
        """Forget a line with its legs."""
        self._stand = {one: at for one, at in self._stand.items() if at[0] != line.number}
        _lib.sfu_legs_forget_line(self.legs, line.number)

    def departed(self, rows: bytes) -> None:
        """Take departures, `layout.LOG_ROW` each; those of nobody's legs are passed over."""
        _lib.sfu_legs_sent(self.legs, rows, len(rows) // layout.LOG_ROW.size)


class EngineDelays:
    """The queue of one line: see `media.bwe.delays.Delays`."""

    def __init__(self, bank: LegBank, line: int) -> None:
        """Know of no packet."""
        self._legs, self._line = bank.legs, line
        self._queue = _ffi.new("sfu_queue *")
        self._bytes = _ffi.buffer(self._queue)
        self.floor_us = self.slope = self.rise = 0.0
        self.newest_us = 0
        self.over = False

    def add(self, departed_us: int, queue_us: float) -> None:
        """Take one packet."""
        _lib.sfu_legs_pool(self._legs, self._line, departed_us, queue_us)

    def judge(self) -> None:
        """Read floor, trend and rise anew."""
        if _lib.sfu_legs_judge(self._legs, self._line, self._queue):
            read = layout.QUEUE.unpack(self._bytes)
            self.floor_us, self.slope, self.rise, self.newest_us, over = read
            self.over = over != 0

    def floor_at(self, at_us: int) -> float:
        """Return the least queue of the packets that left last before an instant."""
        return float(_lib.sfu_legs_floor(self._legs, self._line, at_us))


class EngineLegs:
    """The legs of one line: see `media.bwe.legs.Legs`."""

    def __init__(self, bank: LegBank, number: int) -> None:
        """Be made by a bank."""
        self.number = number
        self.delays: Delays = EngineDelays(bank, number)
        self._bank = bank
        self._legs = bank.legs
        self._told = _ffi.new("sfu_told *")
        self._bytes = _ffi.buffer(self._told)
        self._probed = _ffi.new("int64_t[3]")

    def __len__(self) -> int:
        """Count the legs that sent something."""
        return int(_lib.sfu_legs_count(self._legs, self.number))

    def sent(self, packet: Sent) -> None:
        """Take a departure of a leg, which stands here from now on."""
        self._bank.put(packet.transport, self, ipv6=packet.ipv6)
        self._bank.departed(
            layout.LOG_ROW.pack(packet.transport, packet.sequence, packet.size_bytes, packet.at_us)
        )

    def take_sent(self) -> int:
        """Return the line bytes sent since the last time."""
        return int(_lib.sfu_legs_take_sent(self._legs, self.number))

    def knows(self, message: Acked | Fed) -> bool:
        """Tell whether the last packet a message tells of is known to have left."""
        last = last_of(message)
        return last is not None and bool(
            _lib.sfu_legs_know(self._legs, self.number, message.transport, last)
        )

    def told(self, message: Acked | Fed, standing_us: float) -> Told | None:
        """Match one message; None where it is broken, or its leg has sent nothing."""
        raw = message.message if isinstance(message, Fed) else _composed(message)
        done = _lib.sfu_legs_told(
            self._legs, self.number, message.transport, raw, len(raw), standing_us, self._told
        )
        if done == _BROKEN:
            log.debug("rtcp_refused", transport=message.transport, reason="feedback is cut short")
        if done != 1:
            return None
        return layout.TOLD.unpack(self._bytes)

    def carried_bps(self, window_us: int, *, busy: bool = False) -> float | None:
        """Return the rate at which packets got through, up to what all legs have told of."""
        bps: float = _lib.sfu_legs_carried(self._legs, self.number, window_us, busy)
        return bps if bps >= 0 else None

    def probe(self, began: float, ends: float) -> None:
        """Sum up what leaves between two instants."""
        _lib.sfu_legs_probe(self._legs, self.number, began, ends)

    @property
    def probed(self) -> Probed | None:
        """What has left since `probe`; None for nothing."""
        if not _lib.sfu_legs_probed(self._legs, self.number, self._probed):
            return None
        return Probed(*self._probed)

    def close(self, transport: TransportId) -> None:
        """Forget a leg."""
        self._bank.forget(transport, self)


def _composed(message: Acked) -> bytes:
    """Write as a message what was read already: packets in a row, as it only can be."""
    ticks = tuple(None if at_us is None else at_us // TICK_US for _, at_us in message.arrivals)
    base = message.arrivals[0][0] if ticks else 0
    return compose_transport_feedback(TransportFeedback(Ssrc(0), Ssrc(0), base, 0, ticks))

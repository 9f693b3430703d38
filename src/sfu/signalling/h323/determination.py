"""Who leads a call: masterSlaveDetermination (H.245 section 8.2, C.2).

::

    larger terminal type leads; of equal ones d = (theirs - ours) mod 2^24 decides:
    d = 0 or 2^23   nobody: both choose anew        d < 2^23   we lead
    the Ack tells its receiver what that is: whoever leads says "slave"

Each side hears an Ack: who only answered our request waits for ours (figure C.2, incoming).
"""

from dataclasses import dataclass
from enum import Enum, auto

from sfu.signalling.h323.h245 import (
    H245,
    Determination,
    DeterminationAck,
    DeterminationReject,
)

TERMINAL_TYPE = 240
"""An active MC leads every terminal, gateway and idle MCU (H.323 table 1)."""
MODULUS = 1 << 24
TRIES = 5


class Lead(Enum):
    """How far it is."""

    OPEN = auto()
    MASTER = auto()
    SLAVE = auto()
    FAILED = auto()


@dataclass(slots=True)
class MasterSlave:
    """One determination; `number` is random, 24 bits."""

    number: int
    lead: Lead = Lead.OPEN
    tries: int = 0
    acknowledged: bool = False
    """The peer agreed: H.245 may open channels."""
    _told: bool = False
    """We have said in this round what the peer is."""

    def begin(self) -> Determination:
        """Make our request."""
        self.tries += 1
        self._told = False
        return Determination(TERMINAL_TYPE, self.number)

    def renewed(self, number: int) -> "MasterSlave":
        """Determine anew; until that is done, what was agreed stands."""
        return MasterSlave(number, self.lead, acknowledged=self.acknowledged)

    def receive(self, message: H245, fresh: int) -> list[H245]:
        """Take one of its messages, return what to answer; `fresh` is another random number."""
        match message:
            case Determination():
                return self._asked(message, fresh)
            case DeterminationAck():
                # what it calls us stands even where we reckon otherwise: it acts by it
                self.lead = Lead.MASTER if message.master else Lead.SLAVE
                self.acknowledged = True
                return [] if self._told else [self._ack()]
            case DeterminationReject():
                return self._again(fresh)
        return []

    def _asked(self, message: Determination, fresh: int) -> list[H245]:
        lead = _lead(self.number, message)
        if lead is Lead.OPEN:
            return [DeterminationReject(), *self._again(fresh)]
        self.lead = lead
        return [self._ack()]

    def _ack(self) -> DeterminationAck:
        self._told = True
        return DeterminationAck(master=self.lead is Lead.SLAVE)

    def _again(self, fresh: int) -> list[H245]:
        if self.tries >= TRIES:
            self.lead = Lead.FAILED
            return []
        self.number = fresh % MODULUS
        return [self.begin()]


def _lead(number: int, theirs: Determination) -> Lead:
    if theirs.terminal_type != TERMINAL_TYPE:
        return Lead.MASTER if theirs.terminal_type < TERMINAL_TYPE else Lead.SLAVE
    distance = (theirs.number - number) % MODULUS
    if distance in (0, MODULUS // 2):
        return Lead.OPEN
    return Lead.MASTER if distance < MODULUS // 2 else Lead.SLAVE

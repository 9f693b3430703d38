"""What every leg of a room codec needs of the house."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.config import OfferedEncryption
from sfu.media.connect.dtls import Identity
from sfu.shell.lines import Lines
from sfu.shell.patchbay import Patchbay
from sfu.shell.ports import PortRange
from sfu.signalling.call import CallOrder
from sfu.signalling.sdp.local import Policy


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Handed to each leg."""

    patchbay: Patchbay
    ports: PortRange
    order: Callable[[CallOrder], None]
    entropy: Callable[[int], bytes]
    gso: bool
    vanish_s: float
    policy: Policy = field(default_factory=Policy)
    """What is asked of senders."""
    identity: Identity | None = None
    """Our certificate; None: no DTLS with room codecs."""
    offered: OfferedEncryption = OfferedEncryption.AUTO
    """How our own offers are encrypted."""
    lines: Lines | None = None
    """The lines codecs stand behind; None: nobody reckons with any."""

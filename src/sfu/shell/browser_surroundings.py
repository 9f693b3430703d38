"""What every leg of a browser needs of the house."""

from collections.abc import Callable
from dataclasses import dataclass

from sfu.media.connect.turn import TurnServer
from sfu.shell.icedoor import IceDoor
from sfu.shell.lines import Lines
from sfu.shell.patchbay import Patchbay


@dataclass(frozen=True, slots=True)
class BrowserSurroundings:
    """Handed to each leg."""

    patchbay: Patchbay
    door: IceDoor
    entropy: Callable[[int], bytes]
    video_bps: int
    video_fs: int
    vanish_s: float
    gso: bool
    lines: Lines | None = None
    """The lines browsers stand behind; None: nobody reckons with any."""
    sound_twice: bool = True
    """Sound may be sent with the packet before beside it."""
    turn: TurnServer | None = None
    """A relay for those that come by nothing else."""

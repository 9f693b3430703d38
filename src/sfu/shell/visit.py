"""A call of a room codec as the shell knows it, from its first sign to its end."""

import asyncio
from dataclasses import dataclass

from sfu.model import CallId, RoomId
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.door import Door
from sfu.shell.record import Direction

NO_ROOM = RoomId("")
"""Where a caller is that the attendant asks."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """How a call of ours went."""

    call: CallId
    answered: bool
    cause: str
    status: int
    text: str


@dataclass(slots=True)
class Visit:
    """A call, from its first sign to its end."""

    leg: CodecLeg
    room: RoomId
    caller: str
    host: str
    direction: Direction
    account: str | None = None
    """What its caller proved to be."""
    replaces: CallId | None = None
    """The call that makes way for it."""
    door: Door | None = None
    """What it stands before, or has passed."""
    inside: bool = False
    unproven: bool = False
    """Nothing came since our 200: its address may be forged, and it gets no place yet."""
    ending: bool = False
    """It was told to go: nothing lets it in any more."""
    probed_at: float = 0.0
    dialled: asyncio.Future[Dialled] | None = None

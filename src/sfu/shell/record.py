"""What is remembered of a call: who, where, how long, and why it ended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from sfu.model import MemberId, Protocol, RoomId

RecordId = NewType("RecordId", int)
"""A row of the call records; never used again, over restarts too."""

SERVER_STOPPED = "server_stopped"
"""Cause of the calls that were open when a server ended without a word."""


class Direction(StrEnum):
    """Who called whom."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Joining:
    """Somebody comes in."""

    room: RoomId
    member: MemberId
    name: str
    protocol: Protocol
    caller: str
    """Its address, "" for browsers whose address is not kept."""
    model: str
    direction: Direction = Direction.IN
    site: str = ""
    """Where it is, "" where nobody knows."""
    organisation: str = ""
    """Who holds the meeting, for the first who joins."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Sums over a whole call, as the engine counted them."""

    received_bytes: int = 0
    sent_bytes: int = 0
    received_packets: int = 0
    lost_packets: int = 0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A row, as read back.  Times are seconds since 1970, UTC."""

    id: RecordId
    meeting_id: int
    room: str
    member: str
    name: str
    protocol: str
    direction: str
    caller: str
    model: str
    joined_at: float
    last_seen_at: float
    left_at: float | None
    """None: it lasts."""
    cause: str | None
    """A word of `signalling.call.End`, or `SERVER_STOPPED`."""
    status: int
    status_text: str
    received_bytes: int
    sent_bytes: int
    received_packets: int
    lost_packets: int
    site: str = ""
    """Where it was, "" where nobody knows."""

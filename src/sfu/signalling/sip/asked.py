"""A request of ours: as drafted, and as sent."""

from dataclasses import dataclass
from enum import Enum, auto

from sfu.model import CallId
from sfu.signalling.sip.body import SDP
from sfu.signalling.sip.flow import Flow
from sfu.signalling.sip.message import Header, Request


class Purpose(Enum):
    """Why we sent a request, so where its answer goes."""

    REGISTER = auto()
    """We register at a trunk's registrar."""
    DIAL = auto()
    OFFER = auto()
    REFRESH = auto()
    PROBE = auto()
    REFER = auto()
    NOTIFY = auto()
    PICTURE = auto()
    OTHER = auto()
    """BYE, PRACK, CANCEL: the answer changes nothing."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A request without what depends on its flow: Via and Contact."""

    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes = b""
    content_type: str = SDP
    contact: str | None = None
    """User part of a Contact, None for no Contact."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that waits for its answer; flow and request are known once it was sent."""

    call: CallId
    draft: Draft
    purpose: Purpose
    proven: tuple[str, ...] = ()
    """Names of the headers by which we answered challenges to this request, one for each."""
    flow: Flow | None = None
    request: Request | None = None
    trunk: str = ""
    """The trunk whose own request this is, "" for a call's."""
    turn: int = 0
    """Which of the trunk's tries it belongs to: an answer to an older one comes too late."""

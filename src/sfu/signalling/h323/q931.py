"""Q.931 messages as H.225.0 section 7.2 uses them: a few octets around the user-user element.

::

    08 02 crv16 type   element*      crv bit 15: sent by whom was called
    element            1xxxxxxx | id len8 octets | 7E len16 05 H323-UserInformation

What a unit writes into bearer capability differs from unit to unit and means nothing to us.
"""

from dataclasses import dataclass
from enum import IntEnum

from sfu.errors import PeerError

PROTOCOL = 0x08
MAX_MESSAGE = 65_531
MAX_ELEMENTS = 64
X209 = 0x05
"""Protocol discriminator of the user-user element: ASN.1."""
CALLED = 0x8000
"""Set in the call reference by whom was called."""
MULTIRATE = bytes((0x88, 0x18, 0x80, 0xA5))
"""Bearer capability: unrestricted digital, circuit mode, multirate, H.221 and H.242."""


class Type(IntEnum):
    """Message types, Q.931 table 4-2."""

    ALERTING = 0x01
    CALL_PROCEEDING = 0x02
    PROGRESS = 0x03
    SETUP = 0x05
    SETUP_ACKNOWLEDGE = 0x0D
    CONNECT = 0x07
    RELEASE_COMPLETE = 0x5A
    FACILITY = 0x62
    NOTIFY = 0x6E
    STATUS_ENQUIRY = 0x75
    INFORMATION = 0x7B
    STATUS = 0x7D


class Element(IntEnum):
    """Information elements, Q.931 table 4-3."""

    BEARER_CAPABILITY = 0x04
    CAUSE = 0x08
    CALL_STATE = 0x14
    DISPLAY = 0x28
    KEYPAD = 0x2C
    CALLING_NUMBER = 0x6C
    CALLED_NUMBER = 0x70
    USER_USER = 0x7E


class CallState(IntEnum):
    """How a call is, as Status tells it: Q.931 section 4.5.7."""

    INITIATED = 1
    OUTGOING_PROCEEDING = 3
    INCOMING_PROCEEDING = 9
    ACTIVE = 10


@dataclass(frozen=True, slots=True)
class Message:
    """One message; elements in the order in which they came, the first of a kind counts."""

    type: int
    """A `Type` where it is known."""
    reference: int
    """Call reference, 15 bits."""
    from_called: bool
    elements: tuple[tuple[int, bytes], ...] = ()

    def element(self, wanted: int) -> bytes | None:
        """Return the octets of an element, None where there is none."""
        return next((octets for kind, octets in self.elements if kind == wanted), None)

    @property
    def user_user(self) -> bytes | None:
        """The H323-UserInformation, aligned PER; None where there is none."""
        octets = self.element(Element.USER_USER)
        return octets[1:] if octets and octets[0] == X209 else None

    @property
    def display(self) -> str:
        """The name shown, "" for none."""
        return (self.element(Element.DISPLAY) or b"").rstrip(b"\0").decode("utf-8", "replace")

    @property
    def cause(self) -> int:
        """Q.850 cause, 0 for none."""
        octets = self.element(Element.CAUSE) or b""
        at = 2 if octets and not octets[0] & 0x80 else 1  # octet 3a, where octet 3 goes on
        return octets[at] & 0x7F if len(octets) > at else 0

    @property
    def called_number(self) -> str:
        """Digits of the called party number, "" for none."""
        return _digits(self.element(Element.CALLED_NUMBER))

    @property
    def calling_number(self) -> str:
        """Digits of the calling party number, "" for none."""
        return _digits(self.element(Element.CALLING_NUMBER))


def _digits(octets: bytes | None) -> str:
    """Skip octet 3 (and 3a where it goes on) of a number, Q.931 section 4.5.8."""
    if not octets:
        return ""
    start = 1 if octets[0] & 0x80 else 2
    return octets[start:].decode("ascii", "replace")


def parse(data: bytes) -> Message:
    """Read a message; PeerError where it is none."""
    if len(data) < 5 or data[0] != PROTOCOL or data[1] != 2:
        raise PeerError("not a Q.931 message with a call reference of two octets")
    reference = int.from_bytes(data[2:4])
    elements = tuple(_elements(data))
    return Message(data[4], reference & ~CALLED, bool(reference & CALLED), elements)


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 5
    while at < len(data):
        kind = data[at]
        if kind & 0x80:  # one octet: a shift, congestion level, repeat
            at += 1
            continue
        wide = kind == Element.USER_USER
        start = at + (3 if wide else 2)
        length = int.from_bytes(data[at + 1 : start])
        if start > len(data) or start + length > len(data):
            raise PeerError("an element goes beyond the end of its message")
        if len(found) >= MAX_ELEMENTS:
            raise PeerError("too many elements")
        found.append((kind, data[start : start + length]))
        at = start + length
    return found


def write(message: Message) -> bytes:
    """Put a message into octets."""
    reference = message.reference | (CALLED if message.from_called else 0)
    head = bytes((PROTOCOL, 2)) + reference.to_bytes(2) + bytes((message.type,))
    return head + b"".join(_element(kind, octets) for kind, octets in message.elements)


def _element(kind: int, octets: bytes) -> bytes:
    return bytes((kind,)) + len(octets).to_bytes(2 if kind == Element.USER_USER else 1) + octets


def user_user(information: bytes) -> tuple[int, bytes]:
    """Make the user-user element of an encoded H323-UserInformation."""
    return Element.USER_USER, bytes((X209,)) + information


def display(name: str) -> tuple[int, bytes]:
    """Make the display element: at most 82 octets, the end marked as units expect it."""
    return Element.DISPLAY, name.encode()[:81] + b"\0"


def cause(value: int) -> tuple[int, bytes]:
    """Make the cause element: ITU coding, private network serving the remote user."""
    return Element.CAUSE, bytes((0x80 | 0x05, 0x80 | value))

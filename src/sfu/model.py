"""The nouns everything else speaks of: identities, kinds, codecs, addresses, keys.

All are frozen.  `Codec`, `Kind`, `SrtpSuite`, `Component` and `Latch` have the numbers of
`native/engine.h`.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import ip_address
from typing import NewType

RoomId = NewType("RoomId", str)
"""The number a room is dialled by, say "4201"."""
MemberId = NewType("MemberId", str)
"""One endpoint in one room, say "m7"; unique in the process, never used again."""
CallId = NewType("CallId", int)
"""One member's signalling, whatever the protocol; chosen by us, never on the wire."""

SocketId = NewType("SocketId", int)
TransportId = NewType("TransportId", int)
SourceId = NewType("SourceId", int)
SinkId = NewType("SinkId", int)
LineId = NewType("LineId", int)
"""Ids of the engine: uint32 chosen by us, never 0, never used again."""
Ssrc = NewType("Ssrc", int)


class Role(StrEnum):
    """What somebody may do by the API, the least first; who has a role has those before it too."""

    READ_ONLY = "read_only"
    """See rooms, calls, lines."""
    ORGANISER = "organiser"
    """Book rooms."""
    OPERATOR = "operator"
    """Call, send on, hang up, end."""
    ADMINISTRATOR = "administrator"
    """Accounts, tokens, audit, restoring."""

    def covers(self, needed: "Role") -> bool:
        """Tell whether this role is enough."""
        roles = list(Role)
        return roles.index(self) >= roles.index(needed)


class Kind(IntEnum):
    """What a stream carries."""

    AUDIO = 1
    VIDEO = 2
    CAMERA = 3
    """Keys pressed for the far end's camera (H.224, RFC 4573)."""


class Codec(IntEnum):
    """An algorithm; a room's hardware codec is an endpoint.  H.264 is one codec in both modes."""

    OPUS = 1
    G722 = 2
    PCMU = 3
    PCMA = 4
    CN = 5
    TELEPHONE_EVENT = 6
    H224 = 7
    RED = 8
    """Opus with the packet before sent again beside it (RFC 2198); the engine alone knows it."""
    H264 = 16
    VP8 = 17
    H263 = 18
    """As RFC 2190 packs it, PT 34."""
    H261 = 19
    H263_1998 = 20
    """As RFC 4629 packs it: another stream for who receives it, though the pictures are alike."""

    @property
    def is_old(self) -> bool:
        """Whether it is H.263 or H.261: pictures of a few fixed sizes."""
        return self in (Codec.H263, Codec.H263_1998, Codec.H261)

    @property
    def kind(self) -> Kind:
        """Whether it carries sound, a picture or something else."""
        if self is Codec.H224:
            return Kind.CAMERA
        return Kind.AUDIO if self < Codec.H264 else Kind.VIDEO

    @property
    def clock_hz(self) -> int:
        """RTP clock (RFC 3551: G.722 counts 8000 although it samples at 16 kHz)."""
        if self.kind is Kind.VIDEO:
            return 90_000
        if self is Codec.H224:
            return 4_800
        return 48_000 if self in (Codec.OPUS, Codec.RED) else 8_000


class Protocol(StrEnum):
    """How a member reached us; the metric label `protocol`."""

    SIP = "sip"
    H323 = "h323"
    WEBRTC = "webrtc"


class Framing(StrEnum):
    """What a line adds to each IP packet."""

    PLAIN = "plain"
    """Ethernet, or a rate sold and shaped as IP."""
    EFM = "efm"
    """64/65-octet coding of IEEE 802.3 clause 61."""
    ATM = "atm"
    """AAL5 cells of 53 bytes for 48."""

    @property
    def usual_overhead_bytes(self) -> int:
        """The most this framing commonly adds: too much costs picture, too little costs sound."""
        match self:
            case Framing.PLAIN:
                return 0
            case Framing.EFM:
                return 34  # PPPoE with a VLAN tag
            case Framing.ATM:
                return 40  # PPPoE over LLC/SNAP


class Venue(StrEnum):
    """Where people would have met, had they driven: what the ledger reckons with."""

    NEAREST = "nearest"
    """At the site to which all others together have the least to drive."""
    LARGEST = "largest"
    """Where most people sat."""
    ROOM = "room"
    """At the site of the room."""
    SEAT = "seat"
    """At one site, always."""


class Tone(StrEnum):
    """What a room hears from the server itself: beeps by their meaning."""

    PIN = "pin"
    """Enter the PIN now."""
    PIN_WRONG = "pin_wrong"
    WELCOME = "welcome"
    """You are in."""
    JOINED = "joined"
    """Somebody else came."""
    LEFT = "left"
    TEST = "test"
    """A room is tried: heard again and again."""


class SrtpSuite(IntEnum):
    """SRTP suites (RFC 3711, RFC 4568, RFC 6188, RFC 7714).

    The value is the DTLS profile number; AES-256-CM, which has none, takes unassigned ones.
    """

    AES_CM_128_HMAC_SHA1_80 = 0x0001
    AES_CM_128_HMAC_SHA1_32 = 0x0002
    AES_256_CM_HMAC_SHA1_80 = 0x0003
    AES_256_CM_HMAC_SHA1_32 = 0x0004
    AEAD_AES_128_GCM = 0x0007
    AEAD_AES_256_GCM = 0x0008

    @property
    def key_bytes(self) -> int:
        """Length of the master key."""
        return 32 if "256" in self.name else 16

    @property
    def salt_bytes(self) -> int:
        """Length of the master salt."""
        return 12 if self >= SrtpSuite.AEAD_AES_128_GCM else 14


class Component(IntEnum):
    """What a pair of keys protects: DTLS makes one for each port (RFC 5764 section 4.1)."""

    BOTH = 0
    RTP = 1
    RTCP = 2


class Latch(IntEnum):
    """From whom a transport takes media, and so where it sends (RFC 4961)."""

    FIXED = 0
    """Only the given remote address."""
    SAME_HOST = 1
    """Any port of the given remote host; we then send to that port."""
    FIRST_VALID = 2
    """The first sender of a valid packet (authenticated where SRTP is on) is kept."""
    CONNECTED = 3
    """The socket is connected (a worker): no addresses at all."""


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address in text form without brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Show as host:port, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_address(text: str) -> bool:
    """Tell whether this is an IP address, as somebody dials it."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Keys:
    """One direction's SRTP master key, salt and, where the peer uses one, its MKI."""

    suite: SrtpSuite
    key: bytes
    salt: bytes
    mki: bytes = b""

    def __repr__(self) -> str:
        """Show the suite, never the secret."""
        return f"Keys({self.suite.name})"

"""STUN messages (RFC 8489), as far as ICE speaks them.

::

    |0 0| type 14 | length 16 | magic cookie 0x2112A442 | transaction id 96 |
    | attribute type 16 | length 16 | value, padded to 4 | ...
    | MESSAGE-INTEGRITY: HMAC-SHA1 of all before it | FINGERPRINT: CRC-32 of all before it |

Both closing attributes are reckoned with a header length that ends just behind themselves.
"""

import hmac
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv6Address, ip_address

from sfu.errors import PeerError
from sfu.model import Address

COOKIE = 0x2112A442
HEADER_BYTES = 20
_FINGERPRINT_XOR = 0x5354554E
_SHA1_BYTES = 20


class StunType(IntEnum):
    """Method Binding in its four classes."""

    REQUEST = 0x0001
    INDICATION = 0x0011
    SUCCESS = 0x0101
    ERROR = 0x0111


class Attribute(IntEnum):
    """Attributes of RFC 8489 section 18.3 and RFC 8445 section 16.1."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


@dataclass(frozen=True, slots=True)
class StunMessage:
    """A message as it came; of attributes told twice the first counts."""

    kind: int
    transaction: bytes
    attributes: dict[int, bytes]
    protected: bytes | None = None
    """All bytes before MESSAGE-INTEGRITY, the length set as that attribute wants it."""

    def text(self, attribute: Attribute) -> str:
        """Read a text attribute; empty where there is none."""
        try:
            return self.attributes.get(attribute, b"").decode()
        except UnicodeDecodeError as error:
            raise PeerError("STUN text is not UTF-8") from error

    def authentic(self, password: str) -> bool:
        """Tell whether MESSAGE-INTEGRITY is there and of this short-term password."""
        if self.protected is None:
            return False
        wanted = hmac.digest(password.encode(), self.protected, "sha1")
        return hmac.compare_digest(wanted, self.attributes[Attribute.MESSAGE_INTEGRITY])


def parse(data: bytes) -> StunMessage:
    """Read a message; PeerError for anything that is none, or whose FINGERPRINT is wrong."""
    if len(data) < HEADER_BYTES or data[0] >> 6:
        raise PeerError("not a STUN message")
    kind, length, cookie = struct.unpack_from("!HHI", data)
    if cookie != COOKIE or length != len(data) - HEADER_BYTES or length % 4:
        raise PeerError("STUN header disagrees with the datagram")
    attributes: dict[int, bytes] = {}
    protected = None
    at = HEADER_BYTES
    while at < len(data):
        number, value = _attribute(data, at)
        if protected is None or number == Attribute.FINGERPRINT:  # 14.5: the rest is ignored
            attributes.setdefault(number, value)
        if number == Attribute.MESSAGE_INTEGRITY and protected is None:
            protected = _ending(data[:at], 4 + _SHA1_BYTES)
        if number == Attribute.FINGERPRINT:
            _check_fingerprint(data, at, value)
        at += 4 + len(value) + -len(value) % 4
    return StunMessage(kind, data[8:20], attributes, protected)


def _attribute(data: bytes, at: int) -> tuple[int, bytes]:
    number, length = struct.unpack_from("!HH", data, at)
    if at + 4 + length > len(data):
        raise PeerError("STUN attribute runs over its message")
    return number, data[at + 4 : at + 4 + length]


def _check_fingerprint(data: bytes, at: int, value: bytes) -> None:
    if at + 8 != len(data) or value != _fingerprint(data[:at]):
        raise PeerError("STUN fingerprint is wrong")


def _ending(head: bytes, attribute_bytes: int) -> bytes:
    """Give `head` the length it has once an attribute of this many bytes follows."""
    length = len(head) - HEADER_BYTES + attribute_bytes
    return head[:2] + length.to_bytes(2) + head[4:]


def _fingerprint(head: bytes) -> bytes:
    return (zlib.crc32(_ending(head, 8)) ^ _FINGERPRINT_XOR).to_bytes(4)


def compose(
    kind: int,
    transaction: bytes,
    attributes: Iterable[tuple[int, bytes]],
    password: str | None = None,
) -> bytes:
    """Write a message with FINGERPRINT and, given a password, MESSAGE-INTEGRITY."""
    body = b"".join(_compose_attribute(number, value) for number, value in attributes)
    head = struct.pack("!HHI", kind, len(body), COOKIE) + transaction + body
    if password is not None:
        mac = hmac.digest(password.encode(), _ending(head, 4 + _SHA1_BYTES), "sha1")
        head += _compose_attribute(Attribute.MESSAGE_INTEGRITY, mac)
    head += _compose_attribute(Attribute.FINGERPRINT, _fingerprint(head))
    return _ending(head, 0)


def _compose_attribute(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)


def compose_error(code: int, reason: str) -> tuple[int, bytes]:
    """Write an ERROR-CODE attribute."""
    return Attribute.ERROR_CODE, struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()


def compose_xor_address(address: Address, transaction: bytes) -> tuple[int, bytes]:
    """Write an XOR-MAPPED-ADDRESS attribute; IPv4 within IPv6 is told as IPv4."""
    ip = ip_address(address.host.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    family = 1 if ip.version == 4 else 2
    head = struct.pack("!BBH", 0, family, address.port ^ COOKIE >> 16)
    return Attribute.XOR_MAPPED_ADDRESS, head + _xored(ip.packed, transaction)


def parse_xor_address(value: bytes, transaction: bytes) -> Address:
    """Read the value of an XOR-MAPPED-ADDRESS attribute."""
    if len(value) not in (8, 20) or value[1] != (1 if len(value) == 8 else 2):
        raise PeerError("XOR-MAPPED-ADDRESS of no known family")
    port = int.from_bytes(value[2:4]) ^ COOKIE >> 16
    return Address(str(ip_address(_xored(value[4:], transaction))), port)


def _xored(packed: bytes, transaction: bytes) -> bytes:
    mask = COOKIE.to_bytes(4) + transaction
    return bytes(byte ^ other for byte, other in zip(packed, mask, strict=False))

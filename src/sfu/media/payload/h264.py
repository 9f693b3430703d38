"""A look into H.264 payloads (RFC 6184), never decoding.

::

    single NAL   | F NRI type | ...                              type 1-23
    STAP-A       | F NRI 24   | size | NAL | size | NAL ...
    FU-A         | F NRI 28   | S E R type | fragment
"""

from dataclasses import dataclass

from sfu.errors import PeerError

SLICE = 1
IDR = 5
SPS = 7
PPS = 8
STAP_A = 24
FU_A = 28
UNITS_MAX = 32
"""NAL units in a STAP-A; nobody sends more."""


@dataclass(frozen=True, slots=True)
class Look:
    """What forwarding has to know."""

    keyframe: bool = False
    """The first slice of an IDR picture begins here."""
    sps: bool = False
    pps: bool = False


def nal_type(payload: bytes) -> int:
    """Give the type in the first byte."""
    return payload[0] & 31


def temporal(payload: bytes) -> int:
    """Give 1 for a picture nothing refers to (nal_ref_idc 0; of a STAP-A the highest), else 0."""
    if not payload or payload[0] & 0x60:
        return 0
    fragment = nal_type(payload) == FU_A and len(payload) > 1
    return int((payload[1] & 31 if fragment else nal_type(payload)) in (SLICE, STAP_A))


def look(payload: bytes) -> Look:
    """Look at single NAL units, all of a STAP-A, and the first fragment of an FU-A."""
    if not payload:
        return Look()
    if nal_type(payload) == STAP_A:
        looks = [_look_at(unit[0] & 31, unit[1:]) for unit in _units_so_far(payload)]
        return Look(
            any(it.keyframe for it in looks),
            any(it.sps for it in looks),
            any(it.pps for it in looks),
        )
    if nal_type(payload) == FU_A:
        starts = len(payload) > 2 and bool(payload[1] & 0x80)
        return _look_at(payload[1] & 31, payload[2:]) if starts else Look()
    return _look_at(nal_type(payload), payload[1:])


def _look_at(kind: int, body: bytes) -> Look:
    """first_mb_in_slice is ue(v), so zero is a leading one bit."""
    first_slice = kind == IDR and bool(body) and bool(body[0] & 0x80)
    return Look(first_slice, kind == SPS, kind == PPS)


def _units_so_far(payload: bytes) -> list[bytes]:
    units = []
    at = 1
    while at + 2 <= len(payload):
        size = int.from_bytes(payload[at : at + 2])
        if size == 0 or at + 2 + size > len(payload):
            break
        units.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    return units


def units(payload: bytes) -> list[bytes]:
    """Cut a STAP-A into its NAL units."""
    found = _units_so_far(payload)
    if not 1 <= len(found) <= UNITS_MAX or 1 + sum(2 + len(unit) for unit in found) != len(payload):
        raise PeerError("malformed STAP-A")
    return found


def parameter_sets(payload: bytes) -> list[bytes]:
    """Give the SPS and PPS that stand whole in a packet."""
    if not payload:
        return []
    found = _units_so_far(payload) if nal_type(payload) == STAP_A else [payload]
    return [unit for unit in found if unit[0] & 31 in (SPS, PPS)]


def parameter_set_id(unit: bytes) -> int | None:
    """seq_parameter_set_id or pic_parameter_set_id; None where the set is too short for one."""
    at = 4 if unit[0] & 31 == SPS else 1
    if len(unit) <= at:
        return None
    return _exp_golomb(unit[at : at + 3])


def _exp_golomb(start: bytes) -> int:
    """ue(v) up to 254; 255 stands for any larger."""
    bits = f"{int.from_bytes(start.ljust(3, bytes(1))):024b}"
    zeros = bits.find("1")
    if not 0 <= zeros < 8:
        return 255
    return int(bits[: 2 * zeros + 1], 2) - 1


def unfragmented_header(payload: bytes) -> bytes:
    """Give the NAL unit header that an FU-A stands for."""
    return bytes([payload[0] & 0xE0 | payload[1] & 0x1F])

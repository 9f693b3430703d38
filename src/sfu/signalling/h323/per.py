"""The only door to the ASN.1 of H.225.0, RAS and H.245, in aligned PER (X.691), by pycrate.

Its objects are global: setting a value and encoding it happen in one call here, and nobody else
imports the library.  Values are what it speaks: a CHOICE is (name, value), a SEQUENCE a dict, NULL
is 0, a BIT STRING (number, bits), an OBJECT IDENTIFIER a tuple of numbers.

It is loaded when the server begins to listen (`load`): half a second and 16 MiB that a house
without H.323 does not pay, and no first call waits for.
"""

import sys
from collections.abc import Callable
from enum import Enum
from functools import cache
from types import CodeType
from typing import Any, Final

from sfu.errors import PeerError

Value = Any
"""What pycrate gives and takes; typed once it is one of our messages."""
MAX_PDU = 16_384
"""The largest capability sets in the field have 2,000 octets; decoding costs 4 us an octet."""


VALUES, VALUES_PER_OCTET = 1_000, 8
"""Values one PDU may hold: a count of 65,536 takes one octet, and its elements may take none."""
RAS_VALUES, RAS_VALUES_PER_OCTET = 300, 1
"""Of RAS: anybody may send one, by a datagram."""


class Pdu(Enum):
    """What is spoken where."""

    H225 = "H323-UserInformation"
    """In the user-user element of Q.931."""
    RAS = "RasMessage"
    H245 = "MultimediaSystemControlMessage"
    TOKEN = "ClearToken"
    """Of H.235: hashed, never sent."""


def decode(pdu: Pdu, octets: bytes) -> Value:
    """Read one message; PeerError whatever is wrong with it."""
    if len(octets) > MAX_PDU:
        raise PeerError(f"{pdu.value} of {len(octets)} octets")
    rule = _rules()[pdu]
    try:
        few = pdu is Pdu.RAS
        each = RAS_VALUES_PER_OCTET if few else VALUES_PER_OCTET
        _work.left = (RAS_VALUES if few else VALUES) + each * len(octets)
        rule.from_aper(octets)
        return rule.get_val()
    # the library raises whatever its depths raise: no list of types would be whole
    except Exception as error:
        raise PeerError(f"no {pdu.value}: {type(error).__name__}") from None


def encode(pdu: Pdu, value: Value) -> bytes:
    """Put one message into octets; PeerError where it has a value that cannot be said."""
    rule = _rules()[pdu]
    try:
        rule.set_val(value)
        octets = rule.to_aper()
    except Exception as error:  # as in `decode`
        raise PeerError(f"no {pdu.value}: {type(error).__name__}") from None
    assert isinstance(octets, bytes)
    return octets


def load() -> None:
    """Load the library now rather than at the first call; ImportError where it is missing."""
    _rules()


@cache
def _rules() -> dict[Pdu, Any]:
    from pycrate_asn1dir import H225, H235, H245

    _mend(H245)
    _bound()
    return {
        Pdu.H225: H225.H323_MESSAGES.H323_UserInformation,
        Pdu.RAS: H225.H323_MESSAGES.RasMessage,
        Pdu.H245: H245.MULTIMEDIA_SYSTEM_CONTROL.MultimediaSystemControlMessage,
        Pdu.TOKEN: H235.H235_SECURITY_MESSAGES.ClearToken,
    }


# ---- what pycrate does not bound: how many values it reads, how far it looks up


class _Work:
    """What the PDU at hand may still cost."""

    left = 0


_work = _Work()


def _bound() -> None:
    """Have every value that is read counted; a PDU of too many is none."""
    from pycrate_asn1rt.asnobj import ASN1Obj

    kinds = [ASN1Obj]
    for kind in kinds:
        kinds += [one for one in kind.__subclasses__() if one not in kinds]
    for kind in kinds:
        reader = kind.__dict__.get("_from_per")
        if reader is not None:
            kind._from_per = _counted(reader)
    ASN1Obj.fullname = _name


def _name(self: Any) -> str:
    """Name an object for the library's own log.

    Its way spells the way up to the top, which has no end once a PDU that broke off in the midst of
    a type within itself has left the objects in a ring.
    """
    name = self._name
    assert isinstance(name, str)
    return name


def _counted(reader: Callable[..., Any]) -> Callable[..., Any]:
    def read_value(self: Any, *given: Any) -> Any:
        _work.left -= 1
        if _work.left < 0:
            raise PeerError("too many values")
        return reader(self, *given)

    return read_value


# ---- a fault of pycrate 0.8.1 in extension additions, mended from outside

CANARY: Final = ("H263Options", bytes.fromhex("800000000c0180"))
"""All flags of the root false, videoBadMBsCap true; the fault adds an octet of zeros."""


def _mend(h245: Any) -> None:
    """Have additions padded from an octet's edge, where X.691 has them begin.

    The library reckons their padding from where the root ends.  A library without the fault is
    left as it is; one that stays wrong is not used.
    """
    if _canary(h245) == CANARY[1]:
        return
    from pycrate_asn1rt.asnobj_construct import _CONSTRUCT
    from pycrate_asn1rt.codecs import ASN1CodecPER

    for form in ("", "_ws"):
        additions = getattr(_CONSTRUCT, f"_to_per{form}").__code__
        for name in (f"encode_unconst_open{form}", f"encode_unconst_buf{form}"):
            encoder = getattr(ASN1CodecPER, name).__func__
            setattr(ASN1CodecPER, name, classmethod(_from_an_edge(encoder, additions)))
    if _canary(h245) != CANARY[1]:
        raise ImportError("this pycrate writes extension additions wrong")


def _canary(h245: Any) -> bytes:
    options = getattr(h245.MULTIMEDIA_SYSTEM_CONTROL, CANARY[0])
    flags = {name: False for name in options._root if not options._cont[name]._opt}
    options.set_val({**flags, "videoBadMBsCap": True})
    octets = options.to_aper()
    assert isinstance(octets, bytes)
    return octets


def _from_an_edge(encoder: Callable[..., Any], additions: CodeType) -> Callable[..., Any]:
    def encode_addition(codec: Any, content: Any) -> Any:
        if not codec.ALIGNED or sys._getframe(1).f_code is not additions:
            return encoder(codec, content)
        before, codec._off[-1] = codec._off[-1], 0
        octets = encoder(codec, content)
        codec._off[-1] += before
        return octets

    return encode_addition

"""Keys in the SDP: `a=crypto` (RFC 4568 section 9.1, RFC 6188 section 6, RFC 7714 section 14.1).

::

    1 AES_CM_128_HMAC_SHA1_80 inline:<base64 of key and salt>|2^31|1:4 WSH=64
    tag suite                 key parameters          lifetime MKI:bytes  session parameters

Each end names the keys it sends with, and how many packets it will send with them.  Nobody is held
to that: the engine itself stops at 2^48 packets of RTP and 2^31 of RTCP (RFC 3711 section 9.2).
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.model import Keys, SrtpSuite

SUITES = {suite.name: suite for suite in SrtpSuite}
DEFAULT_LIFETIME = 1 << 48
"""RFC 3711 section 9.2: as many packets as one key may protect, where nothing is said."""
_MAX_MKI_BYTES = 128

_ATTRIBUTE = re.compile(r"([0-9]{1,9})\s+([A-Za-z0-9_]{1,64})\s+(inline:\S+)((?:\s+\S+)*)\s*")
_IGNORED_PARAMETERS = ("WSH=", "-", "KDR=0")
"""A window hint, what is marked optional, and a default; any other would change the packets."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One `a=crypto` line of a suite we speak."""

    tag: int
    keys: Keys
    lifetime: int = DEFAULT_LIFETIME
    several: bool = False
    """More keys stand behind this one, for the sender to change to by their MKI: we would not."""


def parse(value: str) -> Crypto | None:
    """Read what follows `a=crypto:`; None for suites and parameters we do not speak."""
    matched = _ATTRIBUTE.fullmatch(value.strip())
    if matched is None:
        raise PeerError("a=crypto that is none", status=488)
    tag, name, parameters, session = matched.groups()
    suite = SUITES.get(name.upper())
    if suite is None or not all(each.startswith(_IGNORED_PARAMETERS) for each in session.split()):
        return None
    # several keys may be offered for MKI to switch among: the first is the one in use
    first, *others = parameters.split(";")
    secret, *rest = first.removeprefix("inline:").split("|")
    master = _decode(secret)
    if len(master) != suite.key_bytes + suite.salt_bytes:
        raise PeerError("a=crypto with a key of the wrong length", status=488)
    lifetime, mki = _parse_rest(rest)
    keys = Keys(suite, master[: suite.key_bytes], master[suite.key_bytes :], mki)
    return Crypto(int(tag), keys, lifetime, bool(others))


def _decode(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.rstrip("=") + "=" * (-len(secret.rstrip("=")) % 4))
    except (binascii.Error, ValueError) as error:
        raise PeerError("a=crypto with a key that is no base64", status=488) from error


def _parse_rest(rest: Sequence[str]) -> tuple[int, bytes]:
    """Read lifetime and MKI: either may stand alone, the MKI has a colon."""
    lifetime, mki = DEFAULT_LIFETIME, b""
    for part in rest:
        if ":" in part:
            mki = _parse_mki(part)
        else:
            lifetime = _parse_lifetime(part)
    return lifetime, mki


def _parse_lifetime(text: str) -> int:
    power = text.removeprefix("2^")
    if not re.fullmatch(r"[0-9]{1,20}", power):
        raise PeerError("a=crypto with a lifetime that is no number", status=488)
    if power == text:
        return int(text)
    return 1 << min(int(power), 48)


def _parse_mki(text: str) -> bytes:
    matched = re.fullmatch(r"([0-9]{1,310}):([0-9]{1,3})", text)
    if matched is None:
        raise PeerError("a=crypto with an MKI that is none", status=488)
    value, length = int(matched[1]), int(matched[2])
    if not 0 < length <= _MAX_MKI_BYTES or value >> 8 * length:
        raise PeerError("a=crypto with an MKI of the wrong length", status=488)
    return value.to_bytes(length)


def compose(crypto: Crypto) -> str:
    """Write what follows `a=crypto:`; an ordinary lifetime is left out."""
    keys = crypto.keys
    text = f"{crypto.tag} {keys.suite.name} inline:"
    text += base64.b64encode(keys.key + keys.salt).decode()
    if crypto.lifetime != DEFAULT_LIFETIME:
        text += f"|{crypto.lifetime}"
    if keys.mki:
        text += f"|{int.from_bytes(keys.mki)}:{len(keys.mki)}"
    return text


def material_bytes(suite: SrtpSuite) -> int:
    """Tell how many random bytes `own` wants."""
    return suite.key_bytes + suite.salt_bytes


def own(tag: int, suite: SrtpSuite, material: bytes) -> Crypto:
    """Make our line of random bytes: to offer, or in answer under the offered tag and suite."""
    assert len(material) == material_bytes(suite)
    return Crypto(tag, Keys(suite, material[: suite.key_bytes], material[suite.key_bytes :]))


def choose(offered: Iterable[Crypto], preference: Sequence[SrtpSuite]) -> Crypto | None:
    """Take the offered line of the suite we like best; among equals the offerer's first.

    A line of one key goes before one of several, and of one suite a line without MKI before one
    with: the engine reads an MKI, but of one key only.
    """

    def rank(crypto: Crypto) -> tuple[bool, int, bool]:
        return crypto.several, preference.index(crypto.keys.suite), bool(crypto.keys.mki)

    return min((one for one in offered if one.keys.suite in preference), key=rank, default=None)

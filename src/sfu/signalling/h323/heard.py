"""What a message of the peer says: its H.225.0 part, or its type where that cannot be read.

::

    Q.931 --read--> Heard(body, tunnelling, control, keys)
       |----------- user-user part missing or broken: the type is enough for some
"""

from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.signalling.h323 import h225, q931

DISCONNECT, RELEASE = 0x45, 0x4D
"""Of ISDN: H.225.0 has none of them, gateways pass them on all the same (Q.931 table 4-2)."""
ENDS = (q931.Type.RELEASE_COMPLETE, DISCONNECT, RELEASE)

_ON_ITS_WAY = (q931.Type.CALL_PROCEEDING, q931.Type.PROGRESS, q931.Type.ALERTING)


@dataclass(frozen=True, slots=True)
class Heard:
    """One message, as far as it can be read."""

    body: h225.Body | None
    """None for what is passed over."""
    whole: bool = True
    """Whether its H.225.0 part was read; of others the body is what the type alone says."""
    tunnelling: bool = False
    control: tuple[bytes, ...] = ()
    """H.245 in its tunnel."""
    keys: str = ""


def read(message: q931.Message) -> Heard:
    """Return what a message says."""
    keys = ""
    if message.type == q931.Type.INFORMATION:
        keys = (message.element(q931.Element.KEYPAD) or b"").decode("ascii", "replace")
    information = _information(message)
    if information is None:
        return Heard(_of_type(message), whole=False, keys=keys)
    body = information.body
    if message.type in ENDS and isinstance(body, h225.Other):
        body = h225.ReleaseComplete(b"", None)
    return Heard(body, True, information.tunnelling, information.control, keys)


def _of_type(message: q931.Message) -> h225.Body | None:
    """Return what somebody must mean of whom no more can be read than the type."""
    if message.type in ENDS:
        return h225.ReleaseComplete(b"", None)
    if message.type in _ON_ITS_WAY:
        return h225.Proceeding(b"", message.type == q931.Type.ALERTING)
    return None


def _information(message: q931.Message) -> h225.Information | None:
    """Read what a message carries; None where that is nothing, or nothing that can be read."""
    octets = message.user_user
    if octets is None:
        return None
    try:
        return h225.read(octets)
    except PeerError:
        return None

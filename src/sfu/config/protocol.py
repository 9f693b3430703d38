"""SIP and H.323, as room codecs speak them to us."""

from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import StringConstraints

from sfu.config.address import IpNetwork, Port
from sfu.config.section import section


class MediaEncryption(StrEnum):
    """Whether room codecs may come in clear."""

    AS_OFFERED = "as_offered"
    REQUIRED = "required"
    """Sound or picture without keys is refused."""


class OfferedEncryption(StrEnum):
    """What we offer whom we call, and who leaves the offer to us."""

    AUTO = "auto"
    """SDES to sips: addresses and where encryption is required, else none."""
    BEST_EFFORT = "best_effort"
    """SDES, and in clear with who does not know it."""
    SDES = "sdes"
    DTLS = "dtls"


@section
class Sip:
    """SIP for room codecs."""

    udp_port: Port = 5060
    tcp_port: Port = 5060
    tls_port: Port = 5061
    domain: str = ""
    """Realm of passwords and host part of our own address; empty: the host's address."""
    media_encryption: MediaEncryption = MediaEncryption.AS_OFFERED
    offered_encryption: OfferedEncryption = OfferedEncryption.AUTO
    messages_per_s: Annotated[float, Ge(1), Le(10_000)] = 30.0
    """Messages outside calls that one address may send, four seconds' worth at once."""
    calls_per_min: Annotated[float, Ge(1), Le(100_000)] = 60.0
    """Calls that one address may begin, a third of them at once."""
    wrong_passwords_per_min: Annotated[float, Ge(1), Le(1000)] = 10.0
    """Wrong passwords of one account from one address; then right ones are refused there too."""
    strangers_per_s: Annotated[float, Ge(10), Le(100_000)] = 100.0
    """Messages of all addresses together that have no call, registration or listed network."""


@section
class H323:
    """H.323 for room codecs, where the ASN.1 library is installed (`pip install '.[h323]'`)."""

    enabled: bool = True
    port: Port = 1720
    """TCP, call signalling."""
    h245_ports: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}-[0-9]{1,5}$")] = (
        "22000-22199"
    )
    """TCP, one for each call that does not tunnel its H.245."""
    tunnelling: bool = False
    """Prefer H.245 within call signalling to a connection of its own."""
    gatekeeper: bool = True
    """Be a gatekeeper: room codecs register here, as `[register]` and `[[account]]` allow."""
    ras_port: Port = 1719
    """UDP, the gatekeeper."""
    gatekeeper_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "sfu"
    """What room codecs call it that are set to one of several."""
    registration_s: Annotated[int, Ge(20), Le(3600)] = 120
    """How long a registration holds at most if it is not refreshed."""
    neighbours: tuple[IpNetwork, ...] = ()
    """Gatekeepers that may ask where rooms and registered room codecs are (LRQ)."""
    discovery: bool = False
    """Answer who looks for a gatekeeper by multicast (UDP 1718, group 224.0.1.41)."""

    @property
    def h245_range(self) -> range:
        """The ports of `h245_ports`, the last included."""
        first, _, last = self.h245_ports.partition("-")
        return range(int(first), int(last) + 1)

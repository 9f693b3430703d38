"""What the SIP core is told by configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.signalling.sip.digest import Secret
from sfu.signalling.sip.flow import Network, in_networks
from sfu.signalling.sip.trunk import TrunkSetting


@dataclass(frozen=True, slots=True)
class SipSettings:
    """Policy and limits; the defaults are those of a server without configuration."""

    realm: str = "sfu"
    domain: str = ""
    """Host part of the addresses we give out; "" for the one a unit reached us at."""
    user_agent: str = "sfu"
    accounts: Mapping[str, str] = field(default_factory=dict)
    """User names and passwords of those who may register, or call where that takes an account."""
    account_for_calls: bool = False
    """Whether an INVITE needs an account; otherwise anybody may reach a room."""
    networks: tuple[Network, ...] = ()
    """Networks whose hosts may register and call without a password."""
    secrets: tuple[Secret, ...] = ()
    """What we answer to others' challenges, the first whose realm fits."""
    trunks: tuple[TrunkSetting, ...] = ()
    """Where we register ourselves."""
    max_calls: int = 2000
    max_early: int = 64
    """Calls of one source address that are not yet confirmed."""
    ring_s: float = 180.0
    """How long a call may go unanswered, either way."""
    session_s: int = 1800
    """Session-Expires of our own calls (RFC 4028); 0: none is wished for."""
    min_session_s: int = 90
    """Min-SE (RFC 4028 section 5: never below 90)."""

    def trusts(self, host: str) -> bool:
        """Tell whether a source address is in a listed network."""
        return in_networks(host, self.networks)

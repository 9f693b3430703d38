"""A trunk: a PBX or provider that we register at, as the SIP core keeps it; `registering` acts.

::

    resolve -> REGISTER -> 401 -> REGISTER -> 200: registered --refresh in time--> REGISTER ...
       ^  next place: 503, silence   |            |  OPTIONS unanswered, connection gone
       |<----------------------------+<-----------+
       `<-- pause of 30 s, twice as long each time, up to 30 min <-- no place left, refused

A name may stand for several places (RFC 3263).  One that was silent is left out for a while; the
next refresh after that asks for the best one again, so a trunk returns to its first place.
"""

import math
from dataclasses import dataclass, field
from enum import Enum, auto

from sfu.signalling.sip.address import NameAddr
from sfu.signalling.sip.digest import Secret
from sfu.signalling.sip.flow import Flow, Hop, Network, Place
from sfu.signalling.sip.text import Params
from sfu.signalling.sip.uri import Uri, escape


class TrunkAlarm(Enum):
    """What a trunk waits for."""

    REGISTER = auto()
    """It is time to register, again or at last."""
    PATIENCE = auto()
    """The place that was asked is silent."""
    PROBE = auto()
    """It is time to ask whether the place lives."""
    EXPIRY = auto()
    """Our registration has run out."""


@dataclass(frozen=True, slots=True)
class TrunkSetting:
    """A trunk by configuration."""

    name: str
    registrar: Hop
    """Its host is the domain of our address there."""
    user: str
    secret: Secret
    proxy: Hop | None = None
    """Where all requests go first; None: to the registrar."""
    expires_s: int = 3600
    probe_s: float = 25.0
    """How often the place we are registered at is asked whether it lives."""
    room: str = ""
    """Where calls go whose number is no room; "" for nowhere."""
    numbers: frozenset[str] = frozenset()
    """Numbers by which others reach us through it, without a leading plus."""
    registers: bool = True
    """False: it knows us by our address, and is up while it answers OPTIONS."""
    networks: tuple[Network, ...] = ()
    """Where its calls come from, beside the places it is asked at."""

    @property
    def hop(self) -> Hop:
        """Where requests go."""
        return self.proxy or self.registrar

    @property
    def identity(self) -> Uri:
        """Our address there (address of record): what From and To say."""
        return Uri("sip", escape(self.user), self.registrar.host)


@dataclass(frozen=True, slots=True)
class TrunkChanged:
    """How a trunk stands has changed, or a try to register has failed."""

    trunk: str
    registered: bool
    status: int
    reason: str
    place: Place | None
    """Where it is registered, or was when it was lost."""
    expires_in_s: float
    """How long the registration lasts, 0 for none."""
    again_in_s: float
    """When it is tried again, 0 for at once or in time."""


@dataclass(frozen=True, slots=True)
class TrunkReading:
    """How a trunk stands at one instant."""

    name: str
    registered: bool
    status: int
    """Of the last answer to a REGISTER; 408 for silence, 503 for no place, 0 before the first."""
    reason: str
    """Why it is not registered, or was not at the last try."""
    expires_in_s: float
    failures: int
    """Tries that ended without a registration, and registrations lost, since the start."""
    place: str
    """Where it is registered: carrier and address, "" for nowhere."""
    host: str
    """The host of that address."""


@dataclass(slots=True)
class Trunk:
    """Everything known of one."""

    setting: TrunkSetting
    call_id: str
    tag: str
    cseq: int = 0
    asks_s: int = 0
    """The time we ask for: what is set, or the registrar's least (423)."""
    turn: int = 0
    """Counts tries; what belongs to an older one is too late."""
    flow: Flow | None = None
    """The way to where we are registered."""
    expires_at: float | None = None
    """When our registration runs out, None where there is none; never where none is needed."""
    routes: tuple[NameAddr, ...] = ()
    """Service-Route: the proxies our calls shall pass (RFC 3608)."""
    challenges: dict[str, tuple[dict[str, str], int]] = field(default_factory=dict)
    """By header: the challenge answered last and how often; answered again before it is put."""
    silent: dict[Place, float] = field(default_factory=dict)
    """Places that did not answer, and until when they are left out."""
    hosts: set[str] = field(default_factory=set)
    """Where we were registered: calls from there come by this trunk."""
    asking: Flow | None = None
    """Where our last REGISTER or OPTIONS went."""
    tries: int = 0
    """Failed in a row."""
    failures: int = 0
    status: int = 0
    reason: str = ""
    stopped: bool = False

    @property
    def registered(self) -> bool:
        """Whether a registration holds."""
        return self.expires_at is not None

    @property
    def preset(self) -> tuple[NameAddr, ...]:
        """The route of requests before anything was learnt: the outbound proxy alone."""
        proxy = self.setting.proxy
        if proxy is None:
            return ()
        params: Params = (("lr", None),)
        if proxy.carrier is not None:
            params = (("transport", str(proxy.carrier)), *params)
        return (NameAddr("", Uri("sip", "", proxy.host, proxy.port, params)),)

    def left_s(self, now: float) -> float:
        """Return how long our registration lasts: 0 for none, or where none is needed."""
        if self.expires_at is None or math.isinf(self.expires_at):
            return 0.0
        return max(0.0, self.expires_at - now)

    def reading(self, now: float) -> TrunkReading:
        """Show how it stands."""
        left = self.left_s(now)
        place = self.flow.place if self.flow is not None and self.registered else None
        where = "" if place is None else f"{place.carrier} {place.address}"
        return TrunkReading(
            self.setting.name, self.registered, self.status, self.reason, left,
            self.failures, where, place.address.host if place else "",
        )  # fmt: skip

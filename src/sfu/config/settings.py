"""Every setting with its default, as frozen objects; config/sfu.toml shows the same, commented.

These are plain dataclasses: who receives them needs no pydantic.  The annotations carry the
ranges, which `load` has pydantic hold.  An empty string or list means "choose yourself".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Annotated, TypeVar, dataclass_transform

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import StringConstraints

from sfu.model import Framing, Venue

T = TypeVar("T")

NAMED_HOST = r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$"
"""A host name, an IPv4 address or an IPv6 one in brackets, and a port where one is told."""

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network
Port = Annotated[int, Ge(1), Le(65535)]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
Name = Annotated[str, MinLen(1)]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def section(cls: type[T]) -> type[T]:
    """Make a frozen dataclass whose unknown keys are refused."""
    # what pydantic looks for on a class it did not make
    cls.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
    make: Callable[[type[T]], type[T]] = dataclass(frozen=True, kw_only=True)
    return make(cls)


class Policy(StrEnum):
    """Who a room is for."""

    MULTIPOINT = "multipoint"
    POINT_TO_POINT = "point_to_point"
    """Two members at most."""
    SHARED = "shared"
    """Multipoint, and lent to others than its owner."""


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


class Language(StrEnum):
    """What the attendant speaks."""

    FRENCH = "fr"
    ENGLISH = "en"


class Transport(StrEnum):
    """What carries SIP to a trunk."""

    AUTO = "auto"
    """As the name servers say of its domain (NAPTR, SRV), else UDP."""
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    """Console on a terminal, JSON elsewhere."""
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@section
class Network:
    """Where we listen and how others reach us."""

    listen: tuple[IpAddress, ...] = ()
    """Empty: all addresses, IPv4 and, where the host has it, IPv6."""
    public_addresses: tuple[IpAddress, ...] = ()
    """What browsers and codecs are told to send to, where a router translates addresses."""


@section
class Tls:
    """The certificate of page, API and SIP over TLS."""

    certificate: str = ""
    """PEM file with the chain; empty: one is made at first start in the data directory."""
    private_key: str = ""
    names: tuple[Name, ...] = ()
    """Names and addresses the self-made certificate holds besides those of the host."""


@section
class Http:
    """Page, API, metrics."""

    tls_port: Port = 8443
    local_port: Port = 8080
    """Loopback only, without TLS: metrics, health, `sfu call`."""
    public_metrics: bool = False
    """Answer /metrics on the TLS port too."""


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
    discovery: bool = False
    """Answer who looks for a gatekeeper by multicast (UDP 1718, group 224.0.1.41)."""

    @property
    def h245_range(self) -> range:
        """The ports of `h245_ports`, the last included."""
        first, _, last = self.h245_ports.partition("-")
        return range(int(first), int(last) + 1)


@section
class Gatekeeper:
    """A foreign gatekeeper that we register at, as an MCU with prefixes."""

    host: Annotated[str, StringConstraints(pattern=f"^$|{NAMED_HOST}")] = ""
    """Host, or host:port (1719); empty: nowhere."""
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "sfu"
    """Our h323-ID there; the password belongs to it."""
    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,20}$")] = ""
    """Our E.164 number there; empty: none."""
    prefixes: tuple[Number, ...] = ()
    """Beginnings of the numbers that it shall send us."""
    password: str = field(default="", repr=False)
    expires_s: Annotated[int, Ge(20), Le(3600)] = 120
    """How long a registration is asked for; the gatekeeper may grant less."""
    dial: tuple[Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{0,20}$")], ...] = ()
    """Beginnings of the numbers that may be called by it; "" for all; none: no calls out."""


@section
class Webrtc:
    """Browsers' media."""

    udp_port: Port = 10000


@section
class Rtp:
    """Room codecs' media: pairs of UDP ports, outside the kernel's ephemeral range."""

    first_port: Port = 20000
    last_port: Port = 21999


@section
class Rooms:
    """Rooms that exist by being dialled."""

    numbers: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]+(-[0-9]+)?$")], ...] = (
        "4000-4999",
    )
    """Numbers and ranges anybody may open a room with; empty: configured rooms only."""
    pin_tries: Annotated[int, Ge(1), Le(10)] = 3
    attendant: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")], ...] = (
        "accueil",
        "0",
    )
    """Users whose calls are asked for a room, as are calls to no user; empty: nobody is asked."""
    languages: Annotated[tuple[Language, ...], MinLen(1)] = (Language.FRENCH, Language.ENGLISH)
    """What callers are spoken to in, one after the other."""
    invited_only: bool = False
    """Pages come into a room by a guest's link or its PIN; a number alone does not open it."""
    echo_test: Annotated[str, StringConstraints(pattern=r"^([0-9]{1,20})?$")] = "9196"
    """Number where each hears and sees itself; empty: none."""


@section
class DialOut:
    """Who may have the server call somebody: an account, or a listed network."""

    networks: tuple[IpNetwork, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    accounts: tuple[Name, ...] = ()
    """Users of [[account]] who may, from anywhere."""
    proxy: str = ""
    """Host, or host:port, that numbers of no [[endpoint]] are sent to; empty: refused."""


@section
class Register:
    """Who may register: any account by its password, or a listed network without."""

    networks: tuple[IpNetwork, ...] = ()


@section
class Media:
    """What is asked of senders, and what the machine gives."""

    mix_workers: Annotated[int, Ge(0), Le(1)] = 1
    """The process that decodes and mixes sound; 0: forward only, room codecs hear one voice."""
    gso: bool = True
    """Hand the kernel several packets in one go; off for captures."""
    video_bps: Annotated[int, Ge(64_000), Le(20_000_000)] = 1_350_000
    """Most that is asked of one sender's picture."""
    video_fs: Annotated[int, Ge(99), Le(8160)] = 3600
    """Largest picture in macroblocks of 16 x 16: 3600 is 1280 x 720."""
    forwarded_sounds: Annotated[int, Ge(0), Le(3)] = 3
    """Loudest members a browser hears untouched; 0: the mix."""
    sound_twice: bool = True
    """Send browsers' sound twice over where a line loses packets and has room (RFC 2198)."""


@section
class Marks:
    """DSCP values written on each packet sent (RFC 2474); 0: not marked."""

    sound: Annotated[int, Ge(0), Le(63)] = 46
    """Expedited forwarding: a router with such a queue lets speech pass."""
    picture: Annotated[int, Ge(0), Le(63)] = 34
    slides: Annotated[int, Ge(0), Le(63)] = 26
    other: Annotated[int, Ge(0), Le(63)] = 24
    """Reports, checks of addresses, key exchange."""


@section
class Limits:
    """What one server takes."""

    max_members: Annotated[int, Ge(2), Le(500)] = 40
    """Members of one room."""
    max_calls: Annotated[int, Ge(2), Le(10_000)] = 500
    vanish_s: Annotated[float, Ge(5), Le(600)] = 40.0
    """A member that sends nothing at all is gone after this time."""


@section
class Log:
    """Log lines, on standard error."""

    format: LogFormat = LogFormat.AUTO
    level: LogLevel = LogLevel.INFO


@section
class Store:
    """Call records."""

    url: str = ""
    """SQLAlchemy URL; empty: SQLite in the data directory."""


@section
class Oidc:
    """OpenID Connect: another house vouches for people who operate the server."""

    issuer: Annotated[str, StringConstraints(pattern=r"^$|^https?://[^\s]{1,500}$")] = ""
    """As it calls itself; empty: nobody vouches."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    redirect_url: Annotated[str, StringConstraints(pattern=r"^$|^https?://[^\s]{1,500}$")] = ""
    """Where it sends people back: https://HOST:8443/api/v1/session/oidc/callback."""
    scopes: tuple[Name, ...] = ("openid", "profile", "email")
    name_claim: Name = "preferred_username"
    role_claim: Name = "groups"
    administrators: tuple[Name, ...] = ()
    """What values of `role_claim` make an administrator; the others alike."""
    operators: tuple[Name, ...] = ()
    organisers: tuple[Name, ...] = ()
    read_only: tuple[Name, ...] = ()


@section
class Retention:
    """How many days things are kept; 0: until somebody deletes them."""

    people_days: Annotated[int, Ge(0), Le(36_500)] = 365
    """Names and addresses in call records; the rest of a record stays."""
    records_days: Annotated[int, Ge(0), Le(36_500)] = 0
    """Call records as a whole."""
    audit_days: Annotated[int, Ge(0), Le(36_500)] = 365
    """Who did what by the API."""


@section
class Ledger:
    """How the kilometres are reckoned that a meeting saved; docs/ledger.md has the rule."""

    venue: Venue = Venue.NEAREST
    """Where people would have met."""
    seat: str = ""
    """A site, for `venue` "seat" and "room"."""
    people_per_unit: Annotated[int, Ge(1), Le(100)] = 1
    """People before a room codec."""
    people_per_car: Annotated[int, Ge(1), Le(9)] = 1
    round_trip: bool = True
    co2_kg_per_km: Annotated[float, Ge(0), Le(10)] = 0.244
    """Of one car."""
    least_minutes: Annotated[float, Ge(0), Le(600)] = 10.0
    """A site that was there for less did not take part."""


@section
class Bookings:
    """What is granted to who books rooms; docs/bookings.md."""

    numbers: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]+(-[0-9]+)?$")], ...] = ()
    """Numbers that meetings get for the day; empty: they meet in the first room they booked."""
    most_hours: Annotated[float, Gt(0), Le(24)] = 12.0
    ahead_days: Annotated[int, Ge(1), Le(1000)] = 400
    grace_min: Annotated[float, Ge(1), Le(120)] = 15.0
    """A room whose unit has not come by then is freed."""
    warn_min: Annotated[float, Ge(0), Le(60)] = 5.0
    """So long before the end units and pages are told."""


@section
class Room:
    """A configured room."""

    number: Number
    name: str = ""
    pin: Annotated[str, StringConstraints(pattern=r"^([0-9]{4,12})?$")] = field(
        default="", repr=False
    )
    """Four to twelve digits; empty: none."""
    aliases: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")], ...] = ()
    policy: Policy = Policy.MULTIPOINT
    site: str = ""
    """The site that owns it."""
    owner: str = ""
    """The organisation that owns it, as people write it; empty: that of its site."""
    lent_to: tuple[Name, ...] = ()
    """Organisations that may book it besides its owner; empty and shared: all."""
    units: tuple[Number, ...] = ()
    """Numbers of [[endpoint]]s that are called when it is booked; empty: those of its site."""
    max_members: Annotated[int, Ge(0), Le(500)] = 0
    """0: as [limits] says."""
    priority: Annotated[int, Ge(0), Le(9)] = 5
    """Whose pictures go first where rooms meet on one line; 9 is the first."""
    picture_floor_bps: Annotated[int, Ge(0), Le(20_000_000)] = 0
    """The speaker's picture gets this before anybody gets more; 0: none."""
    picture_max_bps: Annotated[int, Ge(0), Le(20_000_000)] = 0
    """Most a picture of this room takes; 0: as [media] says."""


@section
class Account:
    """A user with a password, for REGISTER and dial-out."""

    user: Name
    password: Annotated[str, MinLen(1)] = field(repr=False)


@section
class Endpoint:
    """A room codec that can be called into a meeting."""

    number: Number
    uri: Annotated[str, StringConstraints(pattern=r"^(sips?|h323):[^\s<>]+$")]
    name: str = ""
    site: str = ""


@section
class Trunk:
    """A PBX or provider that we register at, and that calls come and go by."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")]
    """What log lines, metrics and the API call it."""
    registrar: Annotated[str, StringConstraints(pattern=NAMED_HOST)]
    """Domain, or host:port: where we register, and what our address there ends in."""
    user: Name
    password: str = field(default="", repr=False)
    auth_user: str = ""
    """Name the password belongs to; empty: `user`."""
    outbound_proxy: Annotated[str, StringConstraints(pattern=f"^$|{NAMED_HOST}")] = ""
    """Host, or host:port, that everything is sent to; empty: the registrar."""
    transport: Transport = Transport.AUTO
    register: bool = True
    """False: it knows us by our address; no password then, and it is up while it answers."""
    networks: tuple[IpNetwork, ...] = ()
    """Where its calls may come from, beside the places found by its name."""
    verify: bool = True
    """Whether over TLS its certificate must name it; false lets anybody in between pose as it."""
    expires_s: Annotated[int, Ge(60), Le(86_400)] = 3600
    """How long a registration is asked for; the registrar may grant less."""
    probe_s: Annotated[float, Ge(1), Le(3600)] = 25.0
    """How often it is asked whether it lives; also keeps the way through a NAT open."""
    room: str = ""
    """Room or attendant its calls go to whose number is no room; empty: they are told 404."""
    numbers: tuple[Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{1,20}$")], ...] = ()
    """Numbers by which we are called through it, for calls that do not name our user."""
    dial: tuple[Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{0,20}$")], ...] = ()
    """Beginnings of the numbers that may be called through it; "" for all; none: no calls out."""


@section
class Webhook:
    """A program that is told what happens."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")]
    """What log lines and metrics call it."""
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{1,2000}$")]
    secret: Annotated[str, StringConstraints(min_length=16, max_length=256)] = field(repr=False)
    """What messages are signed with: base64 after "whsec_", or letters."""
    events: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")], ...] = ()
    """What it is told; empty: everything."""


@section
class Site:
    """A building, behind one line or several."""

    name: Name
    title: str = ""
    """As people write it."""
    organisation: str = ""
    """Whose it is, as people write it; empty: nobody's."""
    networks: tuple[IpNetwork, ...] = ()
    """Who is there, by address, where no line of it is described; for the ledger only."""


@section
class Distance:
    """A road between two sites, as long one way as the other."""

    between: Annotated[tuple[Name, ...], MinLen(2), MaxLen(2)]
    km: Annotated[float, Gt(0), Le(20_000)]


@section
class Line:
    """An access line; everybody behind it shares it."""

    site: Name
    up_bps: Annotated[int, Ge(64_000), Le(100_000_000_000)]
    down_bps: Annotated[int, Ge(64_000), Le(100_000_000_000)]
    framing: Framing = Framing.ATM
    overhead_bytes: Annotated[int, Ge(0), Le(200)] | None = None
    """Bytes added to each IP packet before cells; left out: the most that is usual."""
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,32}$")] = ""
    """What log lines, metrics and the API call it; empty: as its site, numbered where several."""
    networks: tuple[IpNetwork, ...] = ()
    """Who stands behind it, by the address media or calls come from; the longest prefix wins."""
    accounts: tuple[Name, ...] = ()
    """The same by account; goes before addresses."""
    server: bool = False
    """The server's own line: everybody spends from it who is not in its networks."""

    @property
    def overhead(self) -> int:
        """Bytes added to each IP packet."""
        if self.overhead_bytes is None:
            return self.framing.usual_overhead_bytes
        return self.overhead_bytes


@section
class Settings:
    """Everything that can be set."""

    data: str = ""
    """Directory of all we write; empty: by XDG.  `--data` goes before it."""
    timezone: str = "Europe/Paris"
    """Whose days and months reports have, by its name in the IANA database."""
    network: Network = Network()
    tls: Tls = Tls()
    http: Http = Http()
    sip: Sip = Sip()
    h323: H323 = H323()
    gatekeeper: Gatekeeper = Gatekeeper()
    webrtc: Webrtc = Webrtc()
    rtp: Rtp = Rtp()
    rooms: Rooms = Rooms()
    register: Register = Register()
    dial_out: DialOut = DialOut()
    media: Media = Media()
    marks: Marks = Marks()
    limits: Limits = Limits()
    log: Log = Log()
    store: Store = Store()
    retention: Retention = Retention()
    oidc: Oidc = Oidc()
    ledger: Ledger = Ledger()
    bookings: Bookings = Bookings()
    room: tuple[Room, ...] = ()
    account: tuple[Account, ...] = ()
    endpoint: tuple[Endpoint, ...] = ()
    trunk: tuple[Trunk, ...] = ()
    webhook: tuple[Webhook, ...] = ()
    site: tuple[Site, ...] = ()
    line: tuple[Line, ...] = ()
    distance: tuple[Distance, ...] = ()

    def find_room(self, dialled: str) -> Room | None:
        """Give the room of a number or alias, configured or open by range, if there is one."""
        for room in self.room:
            if dialled == room.number or dialled.casefold() in map(str.casefold, room.aliases):
                return room
        if any(_within(dialled, numbers) for numbers in self.rooms.numbers):
            return Room(number=dialled)
        return None

    def find_endpoint(self, number: str) -> Endpoint | None:
        """Give the room codec that is called by this number."""
        return next((one for one in self.endpoint if one.number == number), None)

    def find_trunks(self, number: str) -> list[Trunk]:
        """Give the trunks this number may be called through, in their order."""
        if not (number.isascii() and number.removeprefix("+").isdigit()):
            return []
        return [one for one in self.trunk if any(map(number.startswith, one.dial))]

    def line_names(self) -> list[str]:
        """Give what each line is called, in their order: its own name, or its site's."""
        names: list[str] = []
        for number, line in enumerate(self.line):
            before = sum(one.site == line.site for one in self.line[:number])
            names.append(line.name or (f"{line.site}-{before + 1}" if before else line.site))
        return names

    def organisation_of(self, room: str) -> str:
        """Give the organisation a room belongs to, "" for nobody's."""
        known = self.find_room(room)
        if known is None or known.owner:
            return known.owner if known else ""
        return next((one.organisation for one in self.site if one.name == known.site), "")

    def units_of(self, room: Room) -> tuple[Endpoint, ...]:
        """Give the room codecs that are called when a room is booked."""
        if room.units:
            return tuple(one for one in self.endpoint if one.number in room.units)
        return tuple(one for one in self.endpoint if one.site and one.site == room.site)

    def password_of(self, user: str) -> str | None:
        """Give an account's password; None if there is no such user."""
        return next((one.password for one in self.account if one.user == user), None)

    def account_of(self, name: str) -> str | None:
        """Give the account a name or number is, as configured, however its letters are written."""
        same = (one.user for one in self.account if one.user.casefold() == name.casefold())
        return next(same, None)

    def known_networks(self) -> tuple[IpNetwork, ...]:
        """Give the networks whose devices are ours: of lines, of registering, and this host."""
        lines = tuple(network for line in self.line for network in line.networks)
        trunks = tuple(network for trunk in self.trunk for network in trunk.networks)
        here = (ip_network("127.0.0.1"), ip_network("::1"))
        return (*here, *self.register.networks, *lines, *trunks)

    def may_dial_out(self, host: str, account: str | None) -> bool:
        """Tell whether somebody at this address, who proved this account, may have us call."""
        return account in self.dial_out.accounts or holds(self.dial_out.networks, host)

    def may_register(self, host: str, account: str | None) -> bool:
        """Tell whether somebody at this address, who proved this account, may register."""
        return account is not None or holds(self.register.networks, host)

    def room_limit(self, room: Room) -> int:
        """Give the most members this room takes."""
        most = room.max_members or self.limits.max_members
        return min(most, 2) if room.policy is Policy.POINT_TO_POINT else most


def _within(dialled: str, numbers: str) -> bool:
    """Tell whether a number stands in a range; all have the digits of the range's ends."""
    if not (dialled.isascii() and dialled.isdigit()):
        return False
    first, _, last = numbers.partition("-")
    last = last or first
    return len(first) <= len(dialled) <= len(last) and int(first) <= int(dialled) <= int(last)


def holds(networks: tuple[IpNetwork, ...], host: str) -> bool:
    """Tell whether an address, in text without brackets, stands in one of the networks."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)

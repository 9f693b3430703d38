"""Everything that can be set, and what is asked of it; config/sfu.toml shows it, commented."""

from ipaddress import ip_network

from sfu.config.address import IpNetwork, holds
from sfu.config.elsewhere import Gatekeeper, Trunk
from sfu.config.listening import Http, Network, Rtp, Tls, Turn, Webrtc
from sfu.config.media import Limits, Marks, Media
from sfu.config.people import Account, DialOut, Oidc, Register, Retention
from sfu.config.protocol import H323, Sip
from sfu.config.rooms import Bookings, Endpoint, Policy, Room, Rooms
from sfu.config.running import Log, Store, Webhook
from sfu.config.section import section
from sfu.config.sites import Distance, Ledger, Line, Site


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
    turn: Turn = Turn()
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

"""What one setting demands of another: references, and ports that must not meet."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sfu.config.running import EVENTS
from sfu.config.settings import Settings
from sfu.config.words import perhaps
from sfu.model import Venue

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Fault:
    """A key and what is wrong with it."""

    key: str
    why: str


def check(settings: Settings) -> Fault | None:
    """Give the first fault, or None."""
    return next(_faults(settings), None)


def _faults(settings: Settings) -> Iterator[Fault]:
    yield from _ports(settings)
    yield from _certificate(settings)
    yield from _numbers(settings)
    yield from _accounts(settings)
    yield from _pictures(settings)
    yield from _trunks(settings)
    yield from _store(settings)
    yield from _webhooks(settings)
    yield from _oidc(settings)
    yield from _turn(settings)
    yield from _sites(settings)
    yield from _lines(settings)
    yield from _ledger(settings)
    yield from _bookings(settings)


def notes(settings: Settings) -> Iterator[str]:
    """Give what is allowed and may surprise: a site nobody describes, networks within others."""
    yield from _sites_without_words(settings)
    owned = [
        (name, network)
        for name, line in zip(settings.line_names(), settings.line, strict=True)
        for network in line.networks
    ]
    for name, network in owned:
        for other, wider in owned:
            within = network.version == wider.version and network.subnet_of(wider)  # type: ignore[arg-type]
            if within and network != wider and name != other:
                yield f"{network} of line {name} stands within {wider} of line {other}: {name} wins"
    for name, line in zip(settings.line_names(), settings.line, strict=True):
        if not (line.networks or line.accounts or line.server):
            yield f"nobody stands behind line {name}: it has neither networks nor accounts"


def _sites_without_words(settings: Settings) -> Iterator[str]:
    if settings.site:
        return  # then it is a fault
    known = {line.site for line in settings.line}
    for table in ("room", "endpoint"):
        for index, one in enumerate(getattr(settings, table), 1):
            if one.site and one.site not in known:
                none = f"{table}[{index}]: no [[site]] and no [[line]] is called {one.site}"
                yield none + perhaps(one.site, known)


def _ports(settings: Settings) -> Iterator[Fault]:
    rtp = settings.rtp
    if rtp.last_port <= rtp.first_port:
        yield Fault("rtp.last_port", f"must be above rtp.first_port ({rtp.first_port})")
    udp = {"sip.udp_port": settings.sip.udp_port, "webrtc.udp_port": settings.webrtc.udp_port}
    for key, port in udp.items():
        if rtp.first_port <= port <= rtp.last_port:
            yield Fault(key, f"{port} stands in the range of [rtp]")
    tcp = {
        "http.tls_port": settings.http.tls_port,
        "http.local_port": settings.http.local_port,
        "sip.tcp_port": settings.sip.tcp_port,
        "sip.tls_port": settings.sip.tls_port,
    }
    if settings.tls.acme_webroot:
        tcp["tls.acme_port"] = settings.tls.acme_port
    if settings.webrtc.tcp and settings.webrtc.tcp_port:
        tcp["webrtc.tcp_port"] = settings.webrtc.tcp_port
    if settings.h323.enabled:
        h245 = settings.h323.h245_range
        if not (h245 and h245.start > 0 and h245.stop <= 65_536):
            yield Fault("h323.h245_ports", f"{settings.h323.h245_ports} is no range of ports")
        tcp["h323.port"] = settings.h323.port
        if settings.h323.gatekeeper:
            udp["h323.ras_port"] = settings.h323.ras_port
            if rtp.first_port <= settings.h323.ras_port <= rtp.last_port:
                where = f"{settings.h323.ras_port} stands in the range of [rtp]"
                yield Fault("h323.ras_port", where)
        for key, port in tcp.items():
            if port in h245:
                yield Fault(key, f"{port} stands in the range of h323.h245_ports")
    for used in (udp, tcp):
        for key, twice in _repeated(used.items()):
            yield Fault(key, f"{twice} is used twice")


def _certificate(settings: Settings) -> Iterator[Fault]:
    if bool(settings.tls.certificate) != bool(settings.tls.private_key):
        missing = "private_key" if settings.tls.certificate else "certificate"
        yield Fault(f"tls.{missing}", "certificate and private_key come together")


def _numbers(settings: Settings) -> Iterator[Fault]:
    for index, numbers in enumerate(settings.rooms.numbers, 1):
        first, _, last = numbers.partition("-")
        if last and (len(first) != len(last) or first > last):
            yield Fault(f"rooms.numbers[{index}]", f"{numbers} is no range of equally long numbers")
    names = [
        (f"room[{index}]", name.casefold())
        for index, room in enumerate(settings.room, 1)
        for name in (room.number, *room.aliases)
    ]
    for key, name in _repeated(names):
        yield Fault(key, f"{name} names two rooms")
    endpoints = [(f"endpoint[{i}]", one.number) for i, one in enumerate(settings.endpoint, 1)]
    for key, number in _repeated(endpoints):
        yield Fault(key, f"{number} names two endpoints")


def _accounts(settings: Settings) -> Iterator[Fault]:
    users = [(f"account[{i}].user", account.user) for i, account in enumerate(settings.account, 1)]
    for key, user in _repeated(users):
        yield Fault(key, f"{user} is there twice")
    written: dict[str, str] = {}
    for key, user in users:
        first = written.setdefault(user.casefold(), user)
        if first != user:
            yield Fault(key, f"{user} and {first} differ in nothing but large and small letters")
    known = {user for _, user in users}
    named = [("dial_out.accounts", user) for user in settings.dial_out.accounts]
    for index, line in enumerate(settings.line, 1):
        named += [(f"line[{index}].accounts", user) for user in line.accounts]
    for key, user in named:
        if user not in known:
            yield Fault(key, f"no [[account]] has the user {user}")


def _pictures(settings: Settings) -> Iterator[Fault]:
    for table in ("room", "account", "endpoint"):
        for index, one in enumerate(getattr(settings, table), 1):
            floor_bps, most_bps = one.picture_floor_bps or 0, one.picture_max_bps or 0
            if 0 < most_bps < floor_bps:
                yield Fault(
                    f"{table}[{index}].picture_floor_bps", f"must not be above {most_bps}, its most"
                )


def _trunks(settings: Settings) -> Iterator[Fault]:
    trunks = list(enumerate(settings.trunk, 1))
    for key, name in _repeated((f"trunk[{i}].name", one.name) for i, one in trunks):
        yield Fault(key, f"{name} is there twice")
    for key, _ in _repeated(
        (f"trunk[{i}].user", f"{one.user}@{one.registrar}") for i, one in trunks
    ):
        yield Fault(key, "the same user registers at the same registrar twice")
    numbers = [
        (f"trunk[{i}].numbers", number.removeprefix("+")) for i, one in trunks
        for number in one.numbers
    ]  # fmt: skip
    for key, number in _repeated(numbers):
        yield Fault(key, f"{number} is there twice")
    for index, one in trunks:
        asked = (*map(str.casefold, settings.rooms.attendant), settings.rooms.echo_test)
        known = one.room.casefold() in asked or settings.find_room(one.room) is not None
        if one.room and not known:
            yield Fault(f"trunk[{index}].room", f"{one.room} is no room")
        if one.register and not one.password:
            yield Fault(f"trunk[{index}].password", "is missing; or register = false")
        for key in ("registrar", "outbound_proxy"):
            port = getattr(one, key).rpartition("]")[2].partition(":")[2]
            if port and not 0 < int(port) <= 65535:
                yield Fault(f"trunk[{index}].{key}", f"{port} is no port")


def _store(settings: Settings) -> Iterator[Fault]:
    kind = settings.store.url.partition(":")[0].partition("+")[0]
    if settings.store.url and kind not in DATABASES:
        yield Fault("store.url", f"must begin with {' or '.join(f'{one}://' for one in DATABASES)}")


def _webhooks(settings: Settings) -> Iterator[Fault]:
    for index, one in enumerate(settings.webhook, 1):
        for event in one.events:
            if event not in EVENTS:
                why = f"there is no event {event}{perhaps(event, EVENTS)}"
                yield Fault(f"webhook[{index}].events", why)
    names = [(f"webhook[{i}].name", one.name) for i, one in enumerate(settings.webhook, 1)]
    for key, name in _repeated(names):
        yield Fault(key, f"{name} is there twice")


def _oidc(settings: Settings) -> Iterator[Fault]:
    oidc = settings.oidc
    if not oidc.issuer:
        return
    for key in ("client_id", "redirect_url"):
        if not getattr(oidc, key):
            yield Fault(f"oidc.{key}", "is missing; or leave oidc.issuer empty")
    if "openid" not in oidc.scopes:
        yield Fault("oidc.scopes", "must have openid")
    if not (oidc.administrators or oidc.operators or oidc.organisers or oidc.read_only):
        yield Fault("oidc.administrators", "nobody could do anything: say whose groups may")


def _turn(settings: Settings) -> Iterator[Fault]:
    if settings.turn.urls and not settings.turn.secret:
        yield Fault("turn.secret", "is missing: the relay would let nobody in")


def _sites(settings: Settings) -> Iterator[Fault]:
    sites = [(f"site[{index}].name", site.name) for index, site in enumerate(settings.site, 1)]
    for key, name in _repeated(sites):
        yield Fault(key, f"{name} is there twice")
    if not sites:
        return  # a line alone makes its site
    known = {"", *(name for _, name in sites)}
    for table in ("room", "endpoint", "line"):
        for index, one in enumerate(getattr(settings, table), 1):
            if one.site not in known:
                why = f"no [[site]] has the name {one.site}{perhaps(one.site, known)}"
                yield Fault(f"{table}[{index}].site", why)


def _lines(settings: Settings) -> Iterator[Fault]:
    lines = list(enumerate(settings.line, 1))
    for index, name in _repeated((f"line[{i}].name", one.name) for i, one in lines if one.name):
        yield Fault(index, f"{name} is there twice")
    for index, name in _repeated(
        (f"line[{i}].name", name) for i, name in enumerate(settings.line_names(), 1)
    ):
        yield Fault(index, f"{name} is what another line is called")
    for key, network in _repeated(
        (f"line[{i}].networks", str(network)) for i, one in lines for network in one.networks
    ):
        yield Fault(key, f"{network} stands behind two lines")
    for key, account in _repeated(
        (f"line[{i}].accounts", account) for i, one in lines for account in one.accounts
    ):
        yield Fault(key, f"{account} stands behind two lines")
    for key, _ in _repeated((f"line[{i}].server", "") for i, one in lines if one.server):
        yield Fault(key, "the server stands behind one line")


def _ledger(settings: Settings) -> Iterator[Fault]:
    try:
        ZoneInfo(settings.timezone)
    except (KeyError, ValueError, OSError):  # not there; no name; a folder
        yield Fault("timezone", f"{settings.timezone} is no time zone this machine knows")
    known = {site.name for site in settings.site} | {line.site for line in settings.line}
    named = [("ledger.seat", settings.ledger.seat)] if settings.ledger.seat else []
    roads = list(enumerate(settings.distance, 1))
    named += [(f"distance[{i}].between", site) for i, one in roads for site in one.between]
    for key, site in named:
        if site not in known:
            yield Fault(key, f"no [[site]] has the name {site}{perhaps(site, known)}")
    if settings.ledger.venue is Venue.SEAT and not settings.ledger.seat:
        yield Fault("ledger.seat", 'is missing: with venue = "seat" people would have met there')
    for index, one in roads:
        if one.between[0] == one.between[1]:
            yield Fault(f"distance[{index}].between", "one site is no road")
    for key, pair in _repeated(
        (f"distance[{i}].between", " and ".join(sorted(one.between))) for i, one in roads
    ):
        yield Fault(key, f"the road between {pair} is there twice")
    for key, network in _repeated(
        (f"site[{i}].networks", str(network))
        for i, site in enumerate(settings.site, 1)
        for network in site.networks
    ):
        yield Fault(key, f"{network} is at two sites")


def _bookings(settings: Settings) -> Iterator[Fault]:
    for index, numbers in enumerate(settings.bookings.numbers, 1):
        key = f"bookings.numbers[{index}]"
        first, _, last = numbers.partition("-")
        if last and (len(first) != len(last) or first > last):
            yield Fault(key, f"{numbers} is no range of equally long numbers")
        elif last and int(last) - int(first) >= 10_000:
            yield Fault(key, f"{numbers} are more than 10000 numbers")
        for end in filter(None, (first, last)):
            if settings.find_room(end) is None:
                yield Fault(key, f"{end} is no room: [rooms] numbers has it not")
    known = {one.number for one in settings.endpoint}
    for index, room in enumerate(settings.room, 1):
        for unit in room.units:
            if unit not in known:
                yield Fault(f"room[{index}].units", f"no [[endpoint]] has the number {unit}")


def _repeated(pairs: Iterable[tuple[str, str | int]]) -> Iterator[tuple[str, str | int]]:
    """Yield the pairs whose second was there before."""
    seen: set[str | int] = set()
    for key, value in pairs:
        if value in seen:
            yield key, value
        seen.add(value)

"""Our gatekeeper between configuration, the rooms, lines, and where endpoints are reached."""

import math
import time
from importlib.metadata import version

import structlog

from sfu.app.addresses import public_host
from sfu.config import Settings
from sfu.config.address import holds
from sfu.model import Protocol
from sfu.room.directory import UnknownRoom
from sfu.room.registration import Contact, Registrations
from sfu.shell.gate import Gate
from sfu.shell.gatekeeper import Zone
from sfu.shell.house import House
from sfu.shell.registrant import Foreign
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.zonefact import Enrolled, Left, Questions
from sfu.signalling.sip.uri import parse_hostport

RAS_PORT = 1719
SOUND_BPS = 2 * 64_000
"""G.722 or G.711, both ways."""

log = structlog.get_logger()


def zone(settings: Settings, hosts: list[str]) -> Zone:
    """Turn configuration into what the gatekeeper is told."""
    h323 = settings.h323
    return Zone(
        h323.gatekeeper_name,
        tuple(hosts),
        h323.ras_port,
        h323.port,
        public_host(settings),
        h323.registration_s,
        h323.discovery,
    )


def questions(house: House, gate: Gate, registrations: Registrations) -> Questions:
    """Say what the gatekeeper may know of the house."""

    def takes(number: str) -> bool:
        if is_room(number):
            return True
        if house.settings.find_endpoint(number) is not None:
            return True
        found = registrations.find(number, time.monotonic())
        return any(one.protocol is not Protocol.H323 for one in found)

    def is_room(number: str) -> bool:
        return not isinstance(house.reach(number), UnknownRoom)

    def budget_bps(host: str, account: str) -> int | None:
        line = house.lines.behind(host, account or None)
        if line is None or line.send_bps is None or line.receive_bps is None:
            return None
        return line.send_bps + line.receive_bps

    return Questions(
        lambda name: house.settings.account_of(name),
        lambda user: house.settings.password_of(user),
        lambda host: holds(house.settings.register.networks, host),
        gate.may_try,
        takes,
        budget_bps,
        is_room=is_room,
        neighbour=lambda host: holds(house.settings.h323.neighbours, host),
        may_ask=gate.may_ask,
        asked_wrong=gate.asked_wrong,
        has_place=registrations.has_place,
    )


def record(registrations: Registrations, fact: Enrolled | Left) -> None:
    """Keep where endpoints are reached, for calls out."""
    for name in fact.names:
        if isinstance(fact, Left):
            registrations.remove(name, fact.identifier)
            continue
        uri = f"h323:{name}@{fact.signalling}"
        # the gatekeeper tells the end of a registration
        contact = Contact(
            uri, fact.signalling, Protocol.H323, math.inf, fact.model, fact.account or name,
            fact.identifier,
        )  # fmt: skip
        registrations.put(name, contact)
    log.info("h323_registration", names=fact.names, known=isinstance(fact, Enrolled))


def foreign(settings: Settings, hosts: list[str]) -> Foreign | None:
    """Say where we register and as what; None where nowhere."""
    there = settings.gatekeeper
    if not there.host:
        return None
    host, port = parse_hostport(there.host)
    aliases = [Alias("h323-ID", there.name)]
    if there.number:
        aliases.append(Alias("dialledDigits", there.number))
    return Foreign(
        host.strip("[]"),
        port or RAS_PORT,
        tuple(aliases),
        Endpoint("mcu", True, "sfu", version("sfu"), there.prefixes),
        there.password,
        there.expires_s,
        2 * settings.media.video_bps + SOUND_BPS,
        tuple(hosts),
        settings.h323.port,
        public_host(settings),
    )

"""Our gatekeeper between configuration, the rooms, lines, and where endpoints are reached."""

import math

import structlog

from sfu.config import Settings
from sfu.config.settings import holds
from sfu.model import Protocol
from sfu.room.directory import UnknownRoom
from sfu.room.registration import Contact, Registrations
from sfu.shell.gate import Gate
from sfu.shell.gatekeeper import Zone
from sfu.shell.house import House
from sfu.signalling.h323.zonefact import Enrolled, Left, Questions

log = structlog.get_logger()


def zone(settings: Settings, hosts: list[str]) -> Zone:
    """Turn configuration into what the gatekeeper is told."""
    public = [str(one) for one in settings.network.public_addresses]
    h323 = settings.h323
    return Zone(
        h323.gatekeeper_name,
        tuple(hosts),
        h323.ras_port,
        h323.port,
        public[0] if public else "",
        h323.registration_s,
        h323.discovery,
    )


def questions(settings: Settings, house: House, gate: Gate) -> Questions:
    """Say what the gatekeeper may know of the house."""

    def takes(number: str) -> bool:
        return not isinstance(house.reach(number), UnknownRoom)

    def budget_bps(host: str, account: str) -> int | None:
        line = house.lines.behind(host, account or None)
        if line is None or line.send_bps is None or line.receive_bps is None:
            return None
        return line.send_bps + line.receive_bps

    return Questions(
        settings.password_of,
        lambda host: holds(settings.register.networks, host),
        gate.may_try,
        takes,
        budget_bps,
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

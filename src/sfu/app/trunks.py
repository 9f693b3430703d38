"""Trunks between configuration, the SIP core, log lines and who looks at them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from sfu.api.view import TrunkView
from sfu.config.elsewhere import Transport, Trunk
from sfu.config.settings import Settings
from sfu.errors import UseError
from sfu.metrics import TrunkFigures
from sfu.signalling.sip.digest import Secret
from sfu.signalling.sip.flow import Carrier, Hop
from sfu.signalling.sip.trunk import TrunkChanged, TrunkReading, TrunkSetting
from sfu.signalling.sip.uri import parse_hostport

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Way:
    """How an operator's target is called."""

    uri: str
    """A SIP URI, or the number where it goes by a trunk."""
    name: str
    """For the tile."""
    trunk: str = ""
    host: str = ""
    """Where the trunk is, for our address in the session description."""


def trunk_settings(settings: Settings) -> tuple[TrunkSetting, ...]:
    """Turn configuration into what the SIP core is told."""
    return tuple(_setting(one) for one in settings.trunk)


def _setting(one: Trunk) -> TrunkSetting:
    carrier = None if one.transport is Transport.AUTO else Carrier(one.transport.value)
    return TrunkSetting(
        name=one.name,
        registrar=_hop(one.registrar, carrier, one.verify),
        user=one.user,
        secret=Secret(one.auth_user or one.user, one.password),
        proxy=_hop(one.outbound_proxy, carrier, one.verify) if one.outbound_proxy else None,
        expires_s=one.expires_s,
        probe_s=one.probe_s,
        registers=one.register,
        networks=one.networks,
        room=one.room,
        numbers=frozenset(number.removeprefix("+") for number in one.numbers),
    )


def _hop(text: str, carrier: Carrier | None, verify: bool) -> Hop:
    host, port = parse_hostport(text)
    return Hop(host, port, carrier, verify)


def choose(settings: Settings, number: str, readings: Iterable[TrunkReading]) -> Way | None:
    """Return the trunk a number goes out by: of those that may, the first registered one.

    None where none may; UseError where those that may are all down.
    """
    allowed = [one.name for one in settings.find_trunks(number)]
    if not allowed:
        return None
    known = {one.name: one for one in readings}
    for name in allowed:
        if name in known and known[name].registered:
            return Way(number, number, name, known[name].host)
    why = ", ".join(f"{name}: {known[name].reason}" for name in allowed if name in known)
    raise UseError(f"no trunk for {number} is registered ({why})")


def tell(fact: TrunkChanged) -> None:
    """Write the line an operator looks for."""
    where = f"{fact.place.carrier} {fact.place.address}" if fact.place else ""
    if fact.registered and not fact.again_in_s:
        log.info(
            "trunk_registered", trunk=fact.trunk, place=where, expires_in_s=round(fact.expires_in_s)
        )
    elif fact.again_in_s:
        log.warning(
            "trunk_failed", trunk=fact.trunk, status=fact.status, reason=fact.reason,
            registered=fact.registered, again_in_s=round(fact.again_in_s),
        )  # fmt: skip
    else:
        log.warning(
            "trunk_lost", trunk=fact.trunk, status=fact.status, reason=fact.reason, place=where
        )


def views(readings: Sequence[TrunkReading]) -> list[TrunkView]:
    """Show trunks to operators."""
    return [
        TrunkView(
            trunk=one.name,
            registered=one.registered,
            status=one.status,
            reason=one.reason,
            place=one.place,
            expires_in_s=round(one.expires_in_s),
            failures=one.failures,
        )
        for one in readings
    ]


def figures(readings: Sequence[TrunkReading]) -> tuple[TrunkFigures, ...]:
    """Show trunks to a scrape."""
    return tuple(
        TrunkFigures(one.name, one.registered, one.status, one.expires_in_s, one.failures)
        for one in readings
    )

"""The Contacts of a REGISTER and of its 200 (RFC 3261 sections 10.2.1 and 10.3)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sfu.errors import PeerError
from sfu.model import Address
from sfu.signalling.sip import gruu
from sfu.signalling.sip.address import NameAddr, parse_name_addr
from sfu.signalling.sip.binding import Binding, instance_of
from sfu.signalling.sip.dialog import MAX_ROUTES
from sfu.signalling.sip.flow import Flow, same_host
from sfu.signalling.sip.message import Header, Request
from sfu.signalling.sip.reply import behind_nat
from sfu.signalling.sip.uri import Uri

DEFAULT_EXPIRES_S = 3600
MIN_EXPIRES_S = 60
MAX_EXPIRES_S = 7200
MAX_CONTACT = 2048
"""Characters of one Contact, parameters included: it is kept for hours."""
OURS = ("expires", "pub-gruu", "temp-gruu")
"""Parameters that the registrar writes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One Contact of a REGISTER; with 0 s it is taken back."""

    address: NameAddr
    key: str
    expires_s: int

    @property
    def by_flow(self) -> bool:
        """Whether the flow shall be bound, not the address."""
        return self.key != str(self.address.uri)


def wanted(request: Request, flow: Flow) -> list[Wanted]:
    """Read what a REGISTER asks for; 423 where a time is too short."""
    # over UDP a flow would have to be kept open by STUN, behind a proxy it is not the unit's own
    flows = "outbound" in request.options("Supported")
    flows = flows and flow.carrier.reliable and len(request.vias) == 1
    return [_one(value, request.get("Expires"), flows) for value in request.values("Contact")]


def way_to(uri: Uri, request: Request, flow: Flow) -> Flow:
    """Return the flow a Contact is reached by.

    Over UDP and without NAT between us a unit may listen elsewhere than it sends from; what came
    through a proxy goes back through it.
    """
    here = same_host(uri.host, flow.remote.host) and not behind_nat(request, flow)
    passed_on = len(request.values("Via")) > 1
    if flow.carrier.reliable or passed_on or not here:
        return flow
    return replace(flow, remote=Address(flow.remote.host, uri.port or flow.carrier.port))


def path_of(request: Request) -> tuple[NameAddr, ...]:
    """Read by which proxies a unit is reached (RFC 3327 section 5.3), the nearest to us first.

    Whether the unit itself knows of them (`Supported: path`) is its own affair: many do not say.
    """
    values = request.values("Path")
    if len(values) > MAX_ROUTES or sum(map(len, values)) > MAX_CONTACT:
        raise PeerError("Path too long")
    path = tuple(parse_name_addr(value) for value in values)
    if not all(one.uri.is_sip for one in path):
        raise PeerError("Path is no SIP URI")
    return path


def _one(value: str, common: str | None, flows: bool) -> Wanted:
    if len(value) > MAX_CONTACT:
        raise PeerError("Contact too long")
    address = parse_name_addr(value)
    if not address.uri.is_sip:
        raise PeerError("Contact is no SIP URI")
    expires_s = _seconds(address.param("expires") or common or "")
    if 0 < expires_s < MIN_EXPIRES_S:
        raise PeerError("expires too soon", status=423)
    key, instance = str(address.uri), instance_of(address)
    which = re.fullmatch("0*([1-9][0-9]{0,9})", address.param("reg-id") or "")
    if flows and instance and which:
        key = f"{instance} {which[1]}"
    return Wanted(address, key, expires_s)


def _seconds(text: str) -> int:
    """Read a time; 20.19: one that cannot be read means an hour."""
    digits = re.fullmatch("0*([0-9]+)", text.strip())
    if digits is None:
        return DEFAULT_EXPIRES_S
    return MAX_EXPIRES_S if len(digits[1]) > 9 else min(int(digits[1]), MAX_EXPIRES_S)


def listed(bindings: Iterable[Binding], now: float, gruus: bool) -> list[Header]:
    """Return the Contacts of a 200, with GRUUs where the unit knows of them."""
    headers = []
    for binding in bindings:
        left = max(0, round(binding.expires_at - now))
        params = [item for item in binding.address.params if item[0] not in OURS]
        params.append(("expires", str(left)))
        named = (("pub-gruu", gruu.public(binding)), ("temp-gruu", gruu.temporary(binding)))
        params += [(name, f'"{uri}"') for name, uri in named if gruus and uri is not None]
        headers.append(("Contact", str(NameAddr("", binding.uri, tuple(params)))))
    return headers

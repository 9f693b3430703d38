"""Calls by a trunk: who we are there, which way out, whose call comes in.

::

    out:  INVITE sip:0384123456@domain, Route: outbound proxy, Service-Route, From: our address
    in:   INVITE sip:our-user@us, or to one of its numbers, or from where we are registered
          -> the called number if it is a room, else the number in To, else the trunk's room
"""

from sfu.errors import PeerError
from sfu.signalling.sip.address import NameAddr
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.flow import Flow, Hop, in_networks, same_host
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.outbox import carrier_of
from sfu.signalling.sip.trunk import Trunk
from sfu.signalling.sip.uri import Uri, escape


def route_set(trunk: Trunk) -> tuple[NameAddr, ...]:
    """Return the route of requests outside a dialog: our outbound proxy, then Service-Route.

    RFC 3608 section 5: the registrar's route may begin with the outbound proxy itself.
    """
    preset, learnt = trunk.preset, trunk.routes
    if preset and learnt and _same_place(preset[0].uri, learnt[0].uri):
        return learnt
    return (*preset, *learnt)


def _same_place(one: Uri, other: Uri) -> bool:
    return same_host(one.host, other.host) and (one.port or 5060) == (other.port or 5060)


def first_hop(trunk: Trunk) -> Hop:
    """Return where a call goes first: outbound proxy, else Service-Route, else the registrar."""
    if trunk.setting.proxy is None and trunk.routes:
        first = trunk.routes[0].uri
        verify = trunk.setting.registrar.verify
        return Hop(first.host, first.port, carrier_of(first), verify)
    return trunk.setting.hop


def open_way(trunk: Trunk) -> Flow | None:
    """Return the flow we are registered by, unless the registrar sends calls another way."""
    flow = trunk.flow
    if flow is None or trunk.setting.proxy is not None or not trunk.routes:
        return flow
    return flow if same_host(trunk.routes[0].uri.host, flow.remote.host) else None


def number_uri(trunk: Trunk, number: str) -> Uri:
    """Return the address of a number at the trunk."""
    registrar = trunk.setting.registrar
    return Uri("sip", escape(number), registrar.host, registrar.port)


def came_by(desk: Desk, flow: Flow, request: Request) -> Trunk | None:
    """Return the trunk a call comes by: it is for us there, or from where we are registered."""
    names = {_plain(request.uri.name), _plain(dialled_name(request))}
    for trunk in desk.trunks.values():
        setting = trunk.setting
        if request.uri.name == setting.user or names & setting.numbers:
            return trunk
    return next((one for one in desk.trunks.values() if vouched(one, flow)), None)


def vouched(trunk: Trunk, flow: Flow) -> bool:
    """Tell whether it is the trunk's own host that calls: a name alone anybody can write."""
    host = flow.remote.host
    return host in trunk.hosts or in_networks(host, trunk.setting.networks)


def other_names(trunk: Trunk, request: Request) -> tuple[str, ...]:
    """Return what a call may mean beside its Request-URI, the likeliest first."""
    names = (dialled_name(request), trunk.setting.room)
    return tuple(dict.fromkeys(name for name in names if name))


def dialled_name(request: Request) -> str:
    """Return the user part of To: what was dialled, before a registrar put our Contact."""
    try:
        return request.to.uri.name
    except PeerError:
        return ""


def _plain(number: str) -> str:
    return number.removeprefix("+")

"""What a target means that somebody wants to call: a number, a name, or an address.

::

    an address --as it is-->                        \
    [[endpoint]], who registered, a trunk's number,  +--> Way --> a call into a room
    the gatekeeper's, a gateway's, [dial_out] proxy /

What stands first here goes first: what was configured before what was registered.
"""

import time
from typing import TYPE_CHECKING

from sfu.app import trunks
from sfu.app.trunks import Way
from sfu.errors import PeerError, UseError
from sfu.model import RoomId
from sfu.shell.bridge import Line
from sfu.shell.visit import Dialled
from sfu.signalling.h323.useragent import read_uri
from sfu.signalling.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from sfu.app.server import Server

H323 = "h323:"


class Targets:
    """How whoever a server can call is called."""

    def __init__(self, server: "Server") -> None:
        """Look at this server."""
        self._server = server

    async def call(self, target: str, room: RoomId) -> Dialled:
        """Call somebody into a room, whatever its number."""
        server = self._server
        way = self.way(target)
        uri, host = way.uri, way.host or self._host(way.uri)
        registered = None
        if not way.trunk and server.settings.find_endpoint(target) is None:
            registered = server.whereabouts.way_to(target)
            uri, host = registered or (uri, host)
        return await server.calls.dialling.dial(
            uri, way.name, room, host=host, trunk=way.trunk,
            account=target if registered else None,
        )  # fmt: skip

    def line_of(self, number: str, host: str, account: str | None) -> Line | None:
        """Say how a unit's number is called by who calls us; strangers reach rooms alone."""
        server, settings, known = self._server, self._server.settings, self._server.whereabouts
        if not (
            account is not None
            or server.sip.gate.listed(host)
            or known.registrations.holds(host, time.monotonic())
            or settings.may_dial_out(host, account)
        ):
            return None
        endpoint = settings.find_endpoint(number)
        if endpoint is not None:
            return Line(endpoint.uri, endpoint.name or number, self._host(endpoint.uri))
        registered, contact = known.way_to(number), known.contact_of(number)
        if registered is not None:
            return Line(registered[0], number, registered[1], number)
        contact = contact or self._gateway_to(number)
        return Line(contact, number, self._host(contact)) if contact is not None else None

    def way(self, target: str) -> Way:
        """Say how a target is called; UseError where nobody is known by it."""
        settings, known = self._server.settings, self._server.whereabouts
        if target.startswith(("sip:", "sips:")):
            return Way(target, read(target).user or target)
        if target.startswith(H323):
            return Way(target, target.removeprefix(H323))
        endpoint = settings.find_endpoint(target)
        if endpoint is not None:
            return Way(endpoint.uri, endpoint.name or target)
        contact = known.contact_of(target)
        if contact is not None:
            return Way(contact, target)
        by_trunk = trunks.choose(settings, target, self._server.sip.trunks())
        if by_trunk is not None:
            return by_trunk
        there = self._server.registrant
        if there is not None and any(map(target.startswith, settings.gatekeeper.dial)):
            if not there.registered:
                raise UseError(f"no gatekeeper for {target} has us registered")
            return Way(f"{H323}{target}", target, host=there.host)
        gateway = known.gateway_to(target)
        if gateway is not None:
            return Way(gateway, target)
        proxy = settings.dial_out.proxy
        if proxy and target.isdigit():
            return Way(f"sip:{target}@{proxy}", target)
        raise UseError(f"nobody is known by {target!r}")

    def _gateway_to(self, number: str) -> str | None:
        """Say how a registered gateway is asked for a number: what is configured goes first."""
        settings = self._server.settings
        if settings.find_trunks(number) or any(map(number.startswith, settings.gatekeeper.dial)):
            return None
        return self._server.whereabouts.gateway_to(number)

    def _host(self, uri: str) -> str:
        """Return the host of an address; UseError where it cannot be called."""
        if not uri.startswith(H323):
            return read(uri).host
        if self._server.h323 is None:
            raise UseError(f"{uri!r} cannot be called: H.323 is off")
        try:
            return read_uri(uri)[0].host
        except PeerError as error:
            raise UseError(f"{uri!r} cannot be called: {error.reason}") from None


def read(text: str) -> Uri:
    """Read a URI an operator gave; UseError where it cannot be called."""
    try:
        return parse_uri(text)
    except PeerError as error:
        raise UseError(f"{text!r} cannot be called: {error.reason}") from None

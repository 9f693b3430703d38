"""Where we register ourselves: trunks, and a foreign gatekeeper."""

from dataclasses import field
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import StringConstraints

from sfu.config.address import NAMED_HOST, IpNetwork
from sfu.config.section import Name, Number, section


class Transport(StrEnum):
    """What carries SIP to a trunk."""

    AUTO = "auto"
    """As the name servers say of its domain (NAPTR, SRV), else UDP."""
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


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

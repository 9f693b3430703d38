"""Where we listen: addresses, ports and the certificate of the doors."""

from dataclasses import field
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import StringConstraints

from sfu.config.address import IpAddress, Port
from sfu.config.section import Name, section


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
    acme_webroot: str = ""
    """Directory whose .well-known/acme-challenge is shown on `acme_port`; empty: none is."""
    acme_port: Port = 80


@section
class Http:
    """Page, API, metrics."""

    tls_port: Port = 8443
    local_port: Port = 8080
    """Loopback only, without TLS: metrics, health, `sfu call`."""
    public_metrics: bool = False
    """Answer /metrics on the TLS port too."""


@section
class Webrtc:
    """Browsers' media."""

    udp_port: Port = 10000
    tcp: bool = True
    """Whether browsers whose network blocks UDP come over TCP, on the page's port."""
    tcp_port: Annotated[int, Ge(0), Le(65535)] = 0
    """A port of its own for them besides, say 443; 0: none."""
    tcp_offered_ports: tuple[Port, ...] = ()
    """The ports browsers are told, where a router forwards others to ours; empty: ours."""


@section
class Turn:
    """A relay for browsers that reach us by nothing else."""

    urls: tuple[Annotated[str, StringConstraints(pattern=r"^turns?:[^\s<>]+$")], ...] = ()
    """Empty: none."""
    secret: str = field(default="", repr=False)
    """What the relay and we share: coturn's static-auth-secret."""
    lifetime_s: Annotated[int, Ge(600), Le(604_800)] = 43_200
    """How long what a browser is given lets it in."""


@section
class Rtp:
    """Room codecs' media: pairs of UDP ports, outside the kernel's ephemeral range."""

    first_port: Port = 20000
    last_port: Port = 21999

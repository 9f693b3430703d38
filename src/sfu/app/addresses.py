"""By which addresses others reach us: the public ones of `[network]`, and those of this host."""

from sfu.app.sockets import all_addresses
from sfu.config import Settings
from sfu.model import Address
from sfu.shell.udp import local_host_toward
from sfu.signalling.sip.flow import private


def public_hosts(settings: Settings) -> list[str]:
    """Give the public ones."""
    return [str(one) for one in settings.network.public_addresses]


def public_host(settings: Settings) -> str:
    """Give the public one that goes before all others, "" where there is none."""
    return next(iter(public_hosts(settings)), "")


def candidates(settings: Settings) -> tuple[Address, ...]:
    """Give those browsers are told: the public ones, then those of this host."""
    listen = [str(one) for one in settings.network.listen]
    hosts = dict.fromkeys([*public_hosts(settings), *(listen or all_addresses())])
    return tuple(Address(host, settings.webrtc.udp_port) for host in hosts)


def tcp_candidates(settings: Settings, hosts: tuple[Address, ...]) -> tuple[Address, ...]:
    """Give those at which browsers may come over TCP: a port of their own, and the page's."""
    webrtc = settings.webrtc
    if not webrtc.tcp:
        return ()
    ours = [settings.http.tls_port, *([webrtc.tcp_port] if webrtc.tcp_port else [])]
    ports = webrtc.tcp_offered_ports or ours
    return tuple(Address(one.host, port) for port in ports for one in hosts)


def advertised(settings: Settings, host: str) -> str:
    """Give our address as this host shall know it: a public one only beyond our networks."""
    same = [one for one in public_hosts(settings) if (":" in one) == (":" in host)]
    if same and not private(host):
        return same[0]
    return local_host_toward(Address(host, 9))

"""The server's ports: taken by it where it runs, free for it where it does not."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

from sfu.app.doctor.finding import Finding, Words, fine, wrong
from sfu.app.sockets import listen_hosts
from sfu.config import Settings
from sfu.errors import UseError
from sfu.shell.h323 import available

CONNECT_S = 3.0


@dataclass(frozen=True, slots=True)
class Port:
    """One port by its setting."""

    setting: str
    kind: str
    """"TCP" or "UDP"."""
    number: int
    hosts: tuple[str, ...]


def ports_of(settings: Settings) -> list[Port]:
    """Give the ports such a server opens, without the range of room codecs' media."""
    hosts = tuple(listen_hosts(settings.network.listen))
    found = [
        Port("http.tls_port", "TCP", settings.http.tls_port, hosts),
        Port("http.local_port", "TCP", settings.http.local_port, ("127.0.0.1",)),
        Port("sip.udp_port", "UDP", settings.sip.udp_port, hosts),
        Port("sip.tcp_port", "TCP", settings.sip.tcp_port, hosts),
        Port("sip.tls_port", "TCP", settings.sip.tls_port, hosts),
        Port("webrtc.udp_port", "UDP", settings.webrtc.udp_port, hosts),
    ]
    if settings.tls.acme_webroot:
        found.append(Port("tls.acme_port", "TCP", settings.tls.acme_port, hosts))
    if settings.h323.enabled and available():
        found.append(Port("h323.port", "TCP", settings.h323.port, hosts))
        if settings.h323.gatekeeper:
            found.append(Port("h323.ras_port", "UDP", settings.h323.ras_port, hosts))
    return found


def check_ports(settings: Settings, *, running: bool) -> Iterator[Finding]:
    """Look at each port."""
    for port in ports_of(settings):
        yield _listens(port) if running else _is_free(port)


def _is_free(port: Port) -> Finding:
    """Bind it for a moment."""
    name, words = f"port {port.setting}", f"{port.kind} {port.number}"
    try:
        for host in port.hosts:
            _bind(port, host)
    except PermissionError:
        return wrong(
            name,
            Words(f"{words} est réservé à root", f"{words} is for root alone"),
            Words(
                f"Prenez un port au-dessus de 1023 pour {port.setting}, ou donnez au service "
                "CAP_NET_BIND_SERVICE.",
                f"Take a port above 1023 for {port.setting}, or give the service "
                "CAP_NET_BIND_SERVICE.",
            ),
        )
    except OSError as error:
        why = error.strerror or str(error)
        return wrong(
            name,
            Words(f"{words} n'est pas libre : {why}", f"{words} cannot be had: {why}"),
            Words(
                f"Arrêtez le programme que montre « ss -lnp | grep :{port.number} », "
                f"ou changez {port.setting}.",
                f"Stop the program that `ss -lnp | grep :{port.number}` shows, "
                f"or change {port.setting}.",
            ),
        )
    return fine(name, f"{words} est libre", f"{words} is free")


def _bind(port: Port, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_STREAM if port.kind == "TCP" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as sock:
        if port.kind == "TCP":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port.number))


def _listens(port: Port) -> Finding:
    """Connect to it, or see that nobody else may have it."""
    name, words = f"port {port.setting}", f"{port.kind} {port.number}"
    try:
        for host in port.hosts:
            _reach(port, host)
    except (OSError, UseError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return wrong(
            name,
            Words(f"personne n'écoute sur {words} : {why}", f"nobody listens on {words}: {why}"),
            Words(
                "Le serveur tourne avec d'autres réglages que ce fichier : « sfu reload », "
                "ou redémarrez-le.",
                "The server runs with other settings than this file: `sfu reload`, or restart it.",
            ),
        )
    return fine(name, f"le serveur écoute sur {words}", f"the server listens on {words}")


def _reach(port: Port, host: str) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    if port.kind == "TCP":
        socket.create_connection((host, port.number), CONNECT_S).close()
        return
    try:
        _bind(port, host)
    except OSError:
        return  # somebody has it, as it shall be
    raise UseError("the port is free")

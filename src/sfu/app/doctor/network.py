"""Our addresses, and whether a router in between translates them."""

import ipaddress
import os
import socket
from collections.abc import Iterator, Sequence

from sfu.app.doctor.finding import Finding, Words, fine, note, wrong
from sfu.config import Settings
from sfu.errors import PeerError, UseError
from sfu.media.connect import stun
from sfu.media.connect.stun import Attribute, StunType

STUN_S = 3.0
STUN_PORT = 3478


def check_addresses(settings: Settings, own: Sequence[str], seen: str = "") -> Iterator[Finding]:
    """Say by which addresses others reach us; `seen` is the one the Internet sees, where known."""
    usable = [one for one in own if not ipaddress.ip_address(one).is_loopback]
    public = [str(one) for one in settings.network.public_addresses]
    if not usable:
        yield wrong(
            "addresses",
            Words("aucune adresse hors de cette machine", "no address beyond this machine"),
            Words("Branchez le réseau : ip address.", "Connect the network: ip address."),
        )
        return
    yield fine("addresses", f"adresses : {', '.join(usable)}", f"addresses: {', '.join(usable)}")
    for one in settings.network.listen:
        if str(one) not in own:
            yield wrong(
                "addresses",
                Words(f"{one} n'est pas une adresse d'ici", f"{one} is no address of this machine"),
                Words("Corrigez [network] listen.", "Mend [network] listen."),
            )
    yield _translated(settings, usable, public, seen)


def to_forward(settings: Settings) -> str:
    """Name all ports a router must forward: of pages, of room codecs, of their media."""
    http, sip, h323, webrtc = settings.http, settings.sip, settings.h323, settings.webrtc
    tcp = [http.tls_port, sip.tcp_port, sip.tls_port]
    udp = [webrtc.udp_port, sip.udp_port]
    media = [f"UDP {settings.rtp.first_port}-{settings.rtp.last_port}"]
    if settings.tls.acme_webroot:
        tcp.append(settings.tls.acme_port)
    if webrtc.tcp and webrtc.tcp_port:
        tcp.append(webrtc.tcp_port)
    if h323.enabled:
        tcp.append(h323.port)
        media.insert(0, f"TCP {h323.h245_ports}")
        if h323.gatekeeper:
            udp.append(h323.ras_port)
    lists = [f"{name} {' '.join(map(str, ports))}" for name, ports in (("TCP", tcp), ("UDP", udp))]
    return ", ".join([*lists, *media])


def _translated(
    settings: Settings, own: Sequence[str], public: Sequence[str], seen: str
) -> Finding:
    """Say whether a router translates our addresses, and whether it is told so."""
    forwarded = to_forward(settings)
    if seen and seen not in (*own, *public):
        told = f'[network] public_addresses = ["{seen}"]'
        return wrong(
            "nat",
            Words(f"l'Internet nous voit comme {seen}", f"the Internet sees us as {seen}"),
            Words(
                f"Écrivez {told}, et faites renvoyer par le routeur : {forwarded}.",
                f"Write {told}, and have the router forward: {forwarded}.",
            ),
        )
    if public and not set(public) & set(own):
        return note(
            "nat",
            Words(
                f"un routeur traduit nos adresses en {', '.join(public)}",
                f"a router translates our addresses to {', '.join(public)}",
            ),
            Words(
                f"Vérifiez qu'il renvoie ici, un pour un : {forwarded}.",
                f"See that it forwards to here, one to one: {forwarded}.",
            ),
        )
    private = all(ipaddress.ip_address(one).is_private for one in own)
    if private and not public:
        return note(
            "nat",
            Words(
                "toutes les adresses sont privées : personne ne vient de l'extérieur",
                "all addresses are private: nobody comes from outside",
            ),
            Words(
                "Si l'on doit venir de l'extérieur, écrivez l'adresse publique dans [network] "
                f"public_addresses et faites renvoyer par le routeur : {forwarded}.",
                "If somebody shall come from outside, write the public address into [network] "
                f"public_addresses and have the router forward: {forwarded}.",
            ),
        )
    return fine("nat", "pas de traduction d'adresses", "no translation of addresses")


def seen_by(server: str) -> str:
    """Ask a STUN server by which address it sees us; UseError where it does not answer."""
    host, _, port = server.partition(":")
    transaction = os.urandom(12)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(STUN_S)
            sock.connect((host, int(port or STUN_PORT)))
            sock.send(stun.compose(StunType.REQUEST, transaction, []))
            answer = stun.parse(sock.recv(2048))
        given = answer.attributes[Attribute.XOR_MAPPED_ADDRESS]
        return stun.parse_xor_address(given, transaction).host
    except (OSError, ValueError, KeyError, PeerError) as error:
        raise UseError(f"STUN {server}: {error or type(error).__name__}") from None

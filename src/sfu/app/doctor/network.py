"""Addresses, routers in between, names, certificates."""

import asyncio
import ipaddress
import os
import socket
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from cryptography import x509

from sfu.app.doctor.finding import Finding, Words, fine, note, wrong
from sfu.config import Settings
from sfu.errors import PeerError, UseError
from sfu.media.connect import stun
from sfu.media.connect.stun import Attribute, StunType
from sfu.shell.certificate import load_certificate

SOON_S = 21 * 86_400.0
NAME_S, STUN_S = 5.0, 3.0
STUN_PORT = 3478
Lookup = Callable[[str], list[str]]
"""Addresses of a name; raises OSError."""


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


def _translated(
    settings: Settings, own: Sequence[str], public: Sequence[str], seen: str
) -> Finding:
    """Say whether a router translates our addresses, and whether it is told so."""
    http, rtp = settings.http, settings.rtp
    forwarded = (
        f"TCP {http.tls_port}, UDP {settings.webrtc.udp_port}, UDP+TCP {settings.sip.udp_port}, "
        f"UDP {rtp.first_port}-{rtp.last_port}"
    )
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


def check_certificate(chain: Path, key: Path, now: float | None = None) -> Iterator[Finding]:
    """Look at the certificate browsers and codecs are shown."""
    now = time.time() if now is None else now
    renew = Words(
        "Un certificat reconnu : « scripts/certificate NOM » (docs/install.fr.md).",
        "A trusted certificate: `scripts/certificate NAME` (docs/install.md).",
    )
    try:
        found = load_certificate(chain, key)
    except UseError as error:
        yield wrong("certificate", Words(str(error), str(error)), renew)
        return
    made = x509.load_pem_x509_certificate(chain.read_bytes())
    left = int((found.ends_at - now) // 86_400)
    if now < made.not_valid_before_utc.timestamp():
        yield wrong(
            "certificate",
            Words("le certificat n'est pas encore valable", "the certificate is not valid yet"),
            Words("Mettez l'horloge à l'heure (date).", "Set the clock (date)."),
        )
    elif found.ends_at - now < SOON_S:
        yield wrong(
            "certificate",
            Words(
                f"le certificat expire dans {left} jours", f"the certificate ends in {left} days"
            ),
            renew,
        )
    elif made.issuer == made.subject:
        yield note(
            "certificate",
            Words(
                "le certificat est fait maison : les navigateurs avertissent une fois",
                "the certificate is self-made: browsers warn once",
            ),
            renew,
        )
    else:
        yield fine(
            "certificate", f"certificat valable {left} jours", f"certificate good for {left} days"
        )
    if stat.S_IMODE(key.stat().st_mode) & 0o007:
        yield wrong(
            "private key",
            Words(f"tout le monde peut lire {key}", f"everybody can read {key}"),
            Words(f"chmod o= {key}", f"chmod o= {key}"),
        )


def names_in(chain: Path) -> list[str]:
    """Give the host names a certificate holds, without wildcards and local ones."""
    try:
        made = x509.load_pem_x509_certificate(chain.read_bytes())
        held = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return []
    names = held.get_values_for_type(x509.DNSName)
    return [one for one in names if "." in one and "*" not in one]


def check_names(
    settings: Settings, chain: Path, own: Sequence[str], lookup: Lookup | None = None
) -> Iterator[Finding]:
    """Look up our names, which shall lead here, and those of whom we need."""
    ask = lookup or _look_up
    ours = dict.fromkeys(
        [*settings.tls.names, *(names_in(chain) if settings.tls.certificate else [])]
    )
    here = {*own, *(str(one) for one in settings.network.public_addresses)}
    for name in ours:
        if _literal(name) or "." not in name:
            continue
        try:
            found = ask(name)
        except OSError as error:
            yield _unknown(name, error)
            continue
        if set(found) & here:
            yield fine("dns", f"{name} mène ici", f"{name} leads here")
        else:
            there = ", ".join(found)
            yield wrong(
                "dns",
                Words(f"{name} mène à {there}, pas ici", f"{name} leads to {there}, not here"),
                Words(
                    f"Corrigez l'enregistrement A ou AAAA de {name}.",
                    f"Mend the A or AAAA record of {name}.",
                ),
            )
    yield from _others(_needed(settings), ask)


def _others(hosts: Iterable[str], ask: Lookup) -> Iterator[Finding]:
    for host in dict.fromkeys(hosts):
        if not host or _literal(host):
            continue
        try:
            ask(host)
        except OSError as error:
            yield _unknown(host, error)
        else:
            yield fine("dns", f"{host} se résout", f"{host} is known")


def _needed(settings: Settings) -> Iterator[str]:
    for trunk in settings.trunk:
        yield _host(trunk.outbound_proxy or trunk.registrar)
    yield _host(settings.gatekeeper.host)
    urls = [settings.oidc.issuer, *(hook.url for hook in settings.webhook)]
    for url in urls:
        yield _host(url.partition("://")[2].partition("/")[0])


def _host(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unknown(name: str, error: OSError) -> Finding:
    why = error.strerror or str(error)
    return wrong(
        "dns",
        Words(f"{name} ne se résout pas : {why}", f"{name} is not known: {why}"),
        Words(
            "Vérifiez le nom, et le serveur de noms dans /etc/resolv.conf.",
            "See to the name, and to the name server in /etc/resolv.conf.",
        ),
    )


def _look_up(name: str) -> list[str]:
    async def ask() -> list[str]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(NAME_S):
            rows = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows))

    try:
        return asyncio.run(ask())
    except TimeoutError:
        raise OSError(0, "no name server answers") from None

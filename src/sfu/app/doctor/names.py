"""Our names, which shall lead here, and those of whom we need, which shall be known."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from sfu.app.doctor.certificate import names_in
from sfu.app.doctor.finding import Finding, Words, fine, wrong
from sfu.config import Settings

NAME_S = 5.0
Lookup = Callable[[str], list[str]]
"""Addresses of a name; raises OSError."""


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
        if not _literal(name) and "." in name:
            yield _leads_here(name, here, ask)
    yield from _others(_needed(settings), ask)


def _leads_here(name: str, here: set[str], ask: Lookup) -> Finding:
    try:
        found = ask(name)
    except OSError as error:
        return _unknown(name, error)
    if set(found) & here:
        return fine("dns", f"{name} mène ici", f"{name} leads here")
    there = ", ".join(found)
    return wrong(
        "dns",
        Words(f"{name} mène à {there}, pas ici", f"{name} leads to {there}, not here"),
        Words(
            f"Corrigez l'enregistrement A ou AAAA de {name}.",
            f"Mend the A or AAAA record of {name}.",
        ),
    )


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

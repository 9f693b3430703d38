r"""At which site somebody is, for call records and the ledger; lines are another matter.

::

    account --> [[line]] accounts;  [[endpoint]] user --\
    host -----> [[endpoint]] host                        +--> site, "" for nobody's
    host -----> [[line]] and [[site]] networks ----------/     the longest prefix wins
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, ip_address

from sfu.config import Settings
from sfu.config.address import IpAddress

ADDRESS = re.compile(r"(?:sips?|h323):(?:([^@;?]*)@)?(\[[^\]]*\]|[^:;?]*)", re.IGNORECASE)
"""User and host of an [[endpoint]]'s uri."""


class Places:
    """Sites by account and address; reads settings once."""

    def __init__(self, settings: Settings = Settings()) -> None:  # noqa: B008
        """Know who is where; without settings nobody is anywhere."""
        parsed = [
            (user, host.strip("[]"), one.site)
            for one in settings.endpoint
            if one.site and (found := ADDRESS.match(one.uri))
            for user, host in [found.groups(default="")]
        ]
        known = {one.user for one in settings.account}
        self._accounts = _unambiguous((user, site) for user, _, site in parsed if user in known)
        self._accounts |= {user: line.site for line in settings.line for user in line.accounts}
        self._hosts = _unambiguous((host, site) for _, host, site in parsed)
        networks = [(one, line.site) for line in settings.line for one in line.networks]
        networks += [(one, site.name) for site in settings.site for one in site.networks]
        self._networks = sorted(networks, key=lambda pair: -pair[0].prefixlen)

    def site_of(self, hosts: Sequence[str], account: str | None = None) -> str:
        """Return the site of somebody; `hosts` are where it is, the surest first."""
        if account is not None and account in self._accounts:
            return self._accounts[account]
        for host in hosts:
            address = address_of(host)
            if address is None:
                continue
            if site := self._hosts.get(str(address)):
                return site
            for network, site in self._networks:
                if address in network:
                    return site
        return ""


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Keep what leads to one site: behind one PBX several may stand."""
    sites: dict[str, set[str]] = {}
    for key, site in pairs:
        sites.setdefault(key, set()).add(site)
    return {key: min(found) for key, found in sites.items() if key and len(found) == 1}


def address_of(host: str) -> IpAddress | None:
    """Read an address as a peer has it: an IPv4 one in IPv6's clothes is IPv4; None for a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address

"""Addresses, networks and ports as settings write them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated

from annotated_types import Ge, Le

NAMED_HOST = r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$"
"""A host name, an IPv4 address or an IPv6 one in brackets, and a port where one is told."""
IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network
Port = Annotated[int, Ge(1), Le(65535)]


def holds(networks: tuple[IpNetwork, ...], host: str) -> bool:
    """Tell whether an address, in text without brackets, stands in one of the networks."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)

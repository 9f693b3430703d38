"""Addresses and ports as H.225.0 (TransportAddress) and H.245 (UnicastAddress) spell them."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from sfu.model import Address
from sfu.signalling.h323.per import Value


def read_transport(value: Value) -> Address | None:
    """Read a TransportAddress; None where there is none or it is not IP."""
    if value is None:
        return None
    name, found = value
    if name == "ipAddress":
        return Address(str(IPv4Address(found["ip"])), found["port"])
    if name == "ip6Address":
        return Address(str(IPv6Address(found["ip"])), found["port"])
    return None


def write_transport(address: Address) -> Value:
    """Make a TransportAddress."""
    host = ip_address(address.host)
    name = "ipAddress" if host.version == 4 else "ip6Address"
    return name, {"ip": host.packed, "port": address.port}


def may_be_reached(address: Address, via: str) -> bool:
    """Tell whether we connect to where somebody behind the host `via` says that it waits.

    Never to a port below 1024, nor to this machine unless that host is on it.
    """
    host, between = ip_address(address.host), ip_address(via)
    usual = host.is_loopback == between.is_loopback and host.is_link_local == between.is_link_local
    return usual and address.port >= 1024 and not (host.is_multicast or host.is_unspecified)


def read_unicast(value: Value) -> Address | None:
    """Read an H.245 TransportAddress; None where there is none or it is not unicast IP."""
    if value is None or value[0] != "unicastAddress":
        return None
    name, found = value[1]
    if name == "iPAddress":
        return Address(str(IPv4Address(found["network"])), found["tsapIdentifier"])
    if name == "iP6Address":
        return Address(str(IPv6Address(found["network"])), found["tsapIdentifier"])
    return None


def write_unicast(address: Address) -> Value:
    """Make an H.245 TransportAddress."""
    host = ip_address(address.host)
    name = "iPAddress" if host.version == 4 else "iP6Address"
    return "unicastAddress", (name, {"network": host.packed, "tsapIdentifier": address.port})

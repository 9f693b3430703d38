"""Who is asking: the address behind a request, and whether a foreign page sent it.

A browser lets any page open a WebSocket or send a form to any host, with the user's network
place.  So a request which carries `Origin` (RFC 6454) must name the host it is sent to; and the
operators' API, open to loopback without a password, answers only where the host is an address,
localhost or one of our names: a stranger's name that resolves to 127.0.0.1 is turned away.
"""

from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection


def remote_address(connection: HTTPConnection) -> str:
    """Return the peer's IP address; an IPv4-mapped one as IPv4."""
    host = connection.client.host if connection.client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def same_origin(connection: HTTPConnection, allowed: Collection[str] = ()) -> bool:
    """Tell whether the request comes from our own page, or from no page at all."""
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return urlsplit(origin).netloc.lower() == connection.headers.get("host", "").lower() != ""


def known_host(connection: HTTPConnection, names: Collection[str] = ()) -> bool:
    """Tell whether the request was sent to an address, to localhost or to a name of ours."""
    try:
        host = urlsplit("//" + connection.headers.get("host", "")).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host in names:
        return True
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True

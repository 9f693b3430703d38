"""What a registrar grants us, and what else its answer says (RFC 3261 section 10.2.4, RFC 3608).

What cannot be read is not there: a registrar's slip shall cost no registration.
"""

from sfu.errors import PeerError
from sfu.signalling.sip.address import NameAddr, parse_name_addr
from sfu.signalling.sip.dialog import MAX_ROUTES
from sfu.signalling.sip.flow import same_host
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.text import number
from sfu.signalling.sip.uri import Uri

LONGEST_S = 86_400
LONGEST_PAUSE_S = 1800.0
"""RFC 5626 section 4.5: max-time between two tries."""
SHORTEST_REFRESH_S = 5.0


def refresh_after(granted_s: int) -> float:
    """Say when to refresh: at half time, of long ones 600 s before the end (TS 24.229 5.1.1.4)."""
    if granted_s > 1200:
        return float(granted_s - 600)
    return max(granted_s / 2, min(SHORTEST_REFRESH_S, granted_s * 0.8))


def lifetime(request: Request, response: Response, asked_s: int) -> int:
    """Read how long our binding lives (10.2.4): its own expires, else Expires, else as asked."""
    ours = request.contact
    common = response.get("Expires")
    try:
        for value in response.values("Contact"):
            address = parse_name_addr(value)
            same = ours is not None and _same_contact(address.uri, ours.uri)
            if same and (text := address.param("expires")) is not None:
                return min(number(text, "expires"), LONGEST_S)
        return asked_s if common is None else min(number(common, "Expires"), LONGEST_S)
    except PeerError:
        return asked_s


def _same_contact(one: Uri, other: Uri) -> bool:
    return one.user == other.user and one.port == other.port and same_host(one.host, other.host)


def service_route(response: Response) -> tuple[NameAddr, ...]:
    """Read RFC 3608's route; one that cannot be read is none."""
    try:
        routes = tuple(parse_name_addr(value) for value in response.values("Service-Route"))
    except PeerError:
        return ()
    return routes[:MAX_ROUTES] if all(route.uri.is_sip for route in routes) else ()


def least(response: Response) -> int:
    """Read the shortest time a 423 would take, 0 for none."""
    try:
        shortest = number(response.get("Min-Expires") or "0", "Min-Expires")
    except PeerError:
        return 0
    return shortest if shortest <= LONGEST_S else 0


def retry_after(response: Response) -> float:
    """Read how long the registrar wishes us to wait, 0 for no wish."""
    text = (response.get("Retry-After") or "").split("(")[0].split(";")[0].strip()
    try:
        return min(float(number(text, "Retry-After")), LONGEST_PAUSE_S)
    except PeerError:
        return 0.0

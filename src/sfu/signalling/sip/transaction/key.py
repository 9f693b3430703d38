"""Which transaction a message belongs to (RFC 3261 sections 17.2.3 and 8.2.2.2)."""

from sfu.signalling.sip.message import Request
from sfu.signalling.sip.reply import COOKIE

ClientKey = tuple[str, str]
"""Branch and method."""
ServerKey = tuple[str, ...]
"""Branch, sent-by and method; for RFC 2543 clients what they had instead of branches."""


def server_key(request: Request, method: str = "") -> ServerKey:
    """Return the key of a request; an ACK belongs to the INVITE it refuses."""
    method = method or ("INVITE" if request.method == "ACK" else request.method)
    via = request.via
    sent_by = f"{via.host.lower()}:{via.port}"
    if via.branch.startswith(COOKIE) and via.branch != COOKIE:
        return (via.branch, sent_by, method)
    return (
        via.branch,
        sent_by,
        request.call_id,
        request.sender.tag,
        str(request.cseq.number),
        request.target,
        method,
    )


def merge_key(request: Request) -> ServerKey | None:
    """Return what two copies of one request share that came by two ways; None inside a dialog."""
    if request.to.tag or request.method in ("ACK", "CANCEL"):
        return None
    return (request.sender.tag, request.call_id, str(request.cseq))

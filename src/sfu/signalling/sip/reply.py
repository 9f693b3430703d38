"""Building responses, and finding where they go (RFC 3261 sections 8.2.6 and 18.2, RFC 3581)."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from sfu.errors import PeerError
from sfu.model import Address
from sfu.signalling.sip.body import SDP
from sfu.signalling.sip.flow import Flow, same_host
from sfu.signalling.sip.message import Header, Request, Response, with_headers
from sfu.signalling.sip.text import split

REASONS = {
    100: "Trying", 180: "Ringing", 200: "OK", 202: "Accepted", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 408: "Request Timeout", 413: "Request Entity Too Large",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
    491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented",
    503: "Service Unavailable", 505: "Version Not Supported", 513: "Message Too Large",
    603: "Decline", 606: "Not Acceptable",
}  # fmt: skip

_COPIED = ("Via", "From", "To", "Call-ID", "CSeq")
COOKIE = "z9hG4bK"


def mark_source(request: Request, flow: Flow) -> Request:
    """Note in the topmost Via where the request came from."""
    via = str(request.via.seen_from(flow.remote.host, flow.remote.port))
    headers = list(request.headers)
    index = next(i for i, (name, value) in enumerate(headers) if name == "Via" and value)
    lower = [value.strip() for value in split(headers[index][1], ",") if value.strip()][1:]
    headers[index] = ("Via", ", ".join([via, *lower]))
    return with_headers(request, headers)


def reply_flow(request: Request, flow: Flow) -> Flow:
    """Return the flow an answer goes by.

    Over UDP to the source where rport was asked or the Via names another host than the source
    (a unit behind NAT); else to the port the Via names.
    """
    via = request.via
    if flow.carrier.reliable or via.param("rport") is not None:
        return flow
    if not same_host(via.host, flow.remote.host):
        return flow
    return replace(flow, remote=Address(flow.remote.host, via.port or flow.carrier.port))


def behind_nat(request: Request, flow: Flow) -> bool:
    """Tell whether the Via names another place than the packets come from."""
    via = request.via
    moved = via.param("rport") is not None and ((via.port or flow.carrier.port) != flow.remote.port)
    return moved or not same_host(via.host, flow.remote.host)


def reply(
    request: Request,
    status: int,
    *,
    tag: str = "",
    reason: str = "",
    headers: Iterable[Header] = (),
    body: bytes = b"",
    content_type: str = SDP,
) -> Response:
    """Answer a request; `tag` goes into To where it has none."""
    copied = [(name, value) for name, value in request.headers if name in _COPIED]
    if tag and status > 100 and not _tagged(request):
        copied = [(n, f"{v};tag={tag}" if n == "To" else v) for n, v in copied]
    if body:
        headers = (*headers, ("Content-Type", content_type))
    return Response((*copied, *headers), body, status, reason or REASONS.get(status, "Unknown"))


def _tagged(request: Request) -> bool:
    try:
        return bool(request.to.tag)
    except PeerError:
        return "tag=" in (request.get("To") or "").lower()


def stateless_tag(request: Request, secret: bytes) -> str:
    """8.2.7: without a transaction the tag must come out the same each time."""
    seed = "\n".join((request.call_id, str(request.cseq), str(request.via)))
    raw = secret + seed.encode("utf-8", "surrogateescape")
    return hashlib.sha256(raw).hexdigest()[:16]

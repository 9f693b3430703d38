"""Dialogs (RFC 3261 section 12): who, in which order, and by which way.

Route set: the callee keeps Record-Route as received, the caller reverses it (12.1.1, 12.1.2).
"""

from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.signalling.sip.address import NameAddr, parse_name_addr
from sfu.signalling.sip.message import Header, Request, Response
from sfu.signalling.sip.reply import COOKIE
from sfu.signalling.sip.uri import Uri

MAX_ROUTES = 16


@dataclass(slots=True)
class Dialog:
    """State shared by both ends; `local` and `remote` are From and To values without tags."""

    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    target: Uri
    """Remote target: the peer's Contact."""
    routes: tuple[NameAddr, ...]
    local_cseq: int
    remote_cseq: int | None

    def takes(self, request: Request) -> bool:
        """Check and remember the order of a request (12.2.2); False: out of order."""
        number = request.cseq.number
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number  # a jump, say from 1 to 501, is in order
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """Follow a new Contact of INVITE and UPDATE (12.2)."""
        if message.contact is not None and message.contact.uri.is_sip:
            self.target = message.contact.uri

    @property
    def next_uri(self) -> Uri:
        """Where a request is sent: the first route, else the remote target."""
        return self.routes[0].uri if self.routes else self.target

    def head(self, method: str, cseq: int | None = None) -> tuple[str, tuple[Header, ...]]:
        """Return Request-URI and the headers of 12.2.1.1; without `cseq` the next one."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        target, routes = str(self.target), [str(route) for route in self.routes]
        if (
            self.routes
            and self.routes[0].param("lr") is None
            and (self.routes[0].uri.param("lr") is None)
        ):
            # a strict router wants itself in the Request-URI and the target last
            target, routes = str(self.routes[0].uri), [*routes[1:], f"<{target}>"]
        tail = f";tag={self.remote_tag}" if self.remote_tag else ""
        return target, (
            *(("Route", route) for route in routes),
            ("From", f"{self.local};tag={self.local_tag}"),
            ("To", f"{self.remote}{tail}"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
        )


def answering_dialog(request: Request, local_tag: str) -> Dialog:
    """Make the dialog of an INVITE that we answer."""
    return Dialog(
        call_id=request.call_id,
        local=_untagged(request.to),
        local_tag=local_tag,
        remote=_untagged(request.sender),
        remote_tag=request.sender.tag,
        target=_target(request),
        routes=_routes(request),
        local_cseq=0,
        remote_cseq=request.cseq.number,
    )


def _target(request: Request) -> Uri:
    """Return where the caller is reached; RFC 2543 took From where there was no Contact."""
    old = not request.via.branch.startswith(COOKIE)
    found = request.sender if request.contact is None and old else request.contact
    if found is None or not found.uri.is_sip:
        raise PeerError("INVITE without Contact")
    return found.uri


def calling_dialog(request: Request, response: Response) -> Dialog:
    """Make the dialog that a response to our INVITE tells of."""
    contact = response.contact
    return Dialog(
        call_id=request.call_id,
        local=_untagged(request.sender),
        local_tag=request.sender.tag,
        remote=_untagged(request.to),
        remote_tag=response.to.tag,
        target=contact.uri if contact and contact.uri.is_sip else request.uri,
        routes=tuple(reversed(_routes(response))),
        local_cseq=request.cseq.number,
        remote_cseq=None,
    )


def _untagged(address: NameAddr) -> str:
    kept = tuple(item for item in address.params if item[0] != "tag")
    return str(NameAddr(address.display, address.uri, kept))


def _routes(message: Request | Response) -> tuple[NameAddr, ...]:
    routes = tuple(parse_name_addr(value) for value in message.values("Record-Route"))
    if len(routes) > MAX_ROUTES or not all(route.uri.is_sip for route in routes):
        raise PeerError("bad Record-Route")
    return routes

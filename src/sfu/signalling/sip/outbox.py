"""Requests of ours: which way they go, their Via and Contact, challenges answered.

::

    Draft --way known--> Request on a flow --401/407--> once more with credentials
      `--hop--> Connect --Connected--^          `--over 1300 bytes by UDP--> TCP if there is one
"""

from collections.abc import Mapping
from dataclasses import replace

from sfu.model import Address
from sfu.signalling.sip import digest
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.dialog import Dialog
from sfu.signalling.sip.flow import Carrier, Flow, Hop, Send, private, same_host
from sfu.signalling.sip.leg import Leg, SentAck
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.reply import COOKIE
from sfu.signalling.sip.uri import Uri, bracket

MAX_DATAGRAM = 1300
"""18.1.1: larger requests go by a transport with congestion control, if there is one."""

MAX_NO_TCP = 1024
MAX_PROOFS = 4
"""Challenges answered for one request: a proxy's, the far end's, and each once more if stale."""


def carrier_of(uri: Uri) -> Carrier | None:
    """Return the carrier a URI names."""
    if uri.scheme == "sips":
        return Carrier.TLS
    name = (uri.param("transport") or "").lower()
    return Carrier(name) if name in list(Carrier) else None


def way(leg: Leg, dialog: Dialog | None = None) -> Flow | Hop:
    """Return how to reach the peer of a dialog: the flow its messages came by, or a new hop."""
    dialog = dialog or leg.dialog
    assert dialog is not None
    flow, uri, routed = leg.flow, dialog.next_uri, bool(dialog.routes)
    named = carrier_of(uri)
    if flow is None:
        return Hop(uri.host, uri.port, named)
    here = same_host(uri.host, flow.remote.host)
    if flow.carrier.reliable:
        if leg.flow_open and (here or not routed):
            return flow  # connections are used again, whoever opened them
        return Hop(uri.host, uri.port, named or flow.carrier)
    if not routed and (leg.behind_nat or lost_behind(uri, flow)):
        return flow
    if here and named in (None, Carrier.UDP):
        return replace(flow, remote=Address(flow.remote.host, uri.port or Carrier.UDP.port))
    return Hop(uri.host, uri.port, named or flow.carrier)


def lost_behind(uri: Uri, flow: Flow) -> bool:
    """Tell whether an address means nothing here: it is private, its packets are not."""
    return private(uri.host) and not private(flow.remote.host)


def send(
    desk: Desk, leg: Leg, draft: Draft, purpose: Purpose, now: float, early: Dialog | None = None
) -> None:
    """Send a request within the call's dialog, or within an early one."""
    asked, there = Asked(leg.call, draft, purpose), way(leg, early)
    if isinstance(there, Flow):
        launch(desk, asked, there, now)
        return

    def go_on(flow: Flow | None, then: float) -> None:
        if flow is None:
            fail(desk, asked, 503)
        else:
            leg.flow, leg.flow_open = flow, True
            launch(desk, asked, flow, then)

    desk.connect(there, go_on)


def launch(desk: Desk, asked: Asked, flow: Flow, now: float) -> None:
    """Send a request on a flow, or on a TCP connection to the same peer if it is too large."""
    request = dress(desk, asked.draft, flow)
    large, leg = len(request.to_bytes()) > MAX_DATAGRAM, desk.legs.get(asked.call)
    shut = flow.remote.host in desk.no_tcp or (leg is not None and leg.behind_nat)
    if not large or flow.carrier.reliable or shut:
        _start(desk, asked, flow, request, now)
        return

    def go_on(stream: Flow | None, then: float) -> None:
        if stream is None:
            if len(desk.no_tcp) >= MAX_NO_TCP:
                desk.no_tcp.clear()
            desk.no_tcp.add(flow.remote.host)
            _start(desk, asked, flow, request, then)
        else:
            _start(desk, asked, stream, dress(desk, asked.draft, stream), then)

    desk.connect(Hop(flow.remote.host, flow.remote.port, Carrier.TCP), go_on)


def dress(desk: Desk, draft: Draft, flow: Flow, branch: str = "") -> Request:
    """Add what depends on the flow."""
    local, branch = flow.local, branch or COOKIE + desk.token()
    sent_by = f"{bracket(local.host)}:{local.port}"
    headers = [
        ("Via", f"SIP/2.0/{flow.carrier.upper()} {sent_by};branch={branch};rport"),
        ("Max-Forwards", "70"),
        *draft.headers,
        ("User-Agent", desk.settings.user_agent),
    ]
    if draft.contact is not None:
        headers.append(desk.contact(flow, draft.contact))
    if draft.body:
        headers.append(("Content-Type", draft.content_type))
    return Request(tuple(headers), draft.body, draft.method, draft.target)


def _start(desk: Desk, asked: Asked, flow: Flow, request: Request, now: float) -> None:
    asked = replace(asked, flow=flow, request=request)
    leg = desk.legs.get(asked.call)
    if leg is not None and request.method == "INVITE":
        leg.asking = asked
        if asked.purpose is Purpose.DIAL:
            leg.flow, leg.flow_open = flow, True
    desk.transactions.start(asked, flow, request, now)


def fail(desk: Desk, asked: Asked, status: int) -> None:
    """Answer ourselves in place of a peer that did not (8.1.3.1)."""
    copied = tuple(item for item in asked.draft.headers if item[0] in ("From", "To", "CSeq"))
    text = {408: "No answer", 503: "Not reachable"}.get(status, "")
    desk.answered.append((asked, Response(copied, b"", status, text)))


def authorise(desk: Desk, asked: Asked, response: Response, now: float) -> bool:
    """Send a challenged request again with credentials (22.2); False: we have none that fit."""
    if response.status not in (401, 407) or asked.flow is None:
        return False
    proxy, draft = response.status == 407, asked.draft
    name = "Proxy-Authorization" if proxy else "Authorization"
    challenges = response.all("Proxy-Authenticate" if proxy else "WWW-Authenticate")
    trunk = desk.trunks.get(asked.trunk)
    for secret in _secrets(desk, asked):
        challenge = digest.pick(challenges, secret)
        if challenge is None or not _may_prove(asked, name, challenge):
            continue
        proof = digest.answer(
            challenge, secret, draft.method, draft.target, draft.body, desk.token()
        )
        if trunk is not None:
            trunk.challenges[name] = (challenge, 1)
        kept = [header for header in next_cseq(desk, asked) if header[0] != name]
        again = replace(draft, headers=(*kept, (name, proof)))
        launch(desk, replace(asked, draft=again, proven=(*asked.proven, name)), asked.flow, now)
        return True
    return False


def _may_prove(asked: Asked, name: str, challenge: Mapping[str, str]) -> bool:
    """Tell whether to answer: once, and again where only the nonce was too old (22.2)."""
    stale = challenge.get("stale", "").lower() == "true"
    return len(asked.proven) < MAX_PROOFS and (stale or name not in asked.proven)


def _secrets(desk: Desk, asked: Asked) -> tuple[digest.Secret, ...]:
    """Give what may be shown: a trunk's password in its own requests and calls only."""
    leg = desk.legs.get(asked.call)
    trunk = desk.trunks.get(asked.trunk or (leg.trunk if leg is not None else ""))
    return desk.settings.secrets if trunk is None else (trunk.setting.secret,)


def next_cseq(desk: Desk, asked: Asked) -> list[tuple[str, str]]:
    """Return the headers of a request with the next CSeq, counted on where others follow too."""
    number = int(next(value for name, value in asked.draft.headers if name == "CSeq").split()[0])
    leg, trunk = desk.legs.get(asked.call), desk.trunks.get(asked.trunk)
    number += 1
    if leg is not None and leg.dialog is not None:
        number = leg.dialog.local_cseq = max(number, leg.dialog.local_cseq + 1)
    if trunk is not None:
        trunk.cseq = number
    cseq = f"{number} {asked.draft.method}"
    return [(name, cseq if name == "CSeq" else value) for name, value in asked.draft.headers]


def acknowledge(desk: Desk, leg: Leg, cseq: int, now: float) -> None:
    """Send the ACK of a 2xx (13.2.2.4); the 2xx repeated gets the same ACK again."""
    assert leg.dialog is not None
    target, headers = leg.dialog.head("ACK", cseq)
    draft, there = Draft("ACK", target, headers), way(leg)

    def go_on(flow: Flow | None, _: float) -> None:
        if flow is not None:
            leg.flow, leg.flow_open = flow, True
            leg.sent_ack = SentAck(cseq, flow, dress(desk, draft, flow).to_bytes())
            desk.outputs.append(Send(flow, leg.sent_ack.data))

    if isinstance(there, Flow):
        go_on(there, now)
    else:
        desk.connect(there, go_on)


def cancel(desk: Desk, leg: Leg, now: float) -> None:
    """Cancel our INVITE: same Request-URI, Via and CSeq number, same way (9.1)."""
    asked = leg.asking
    if asked is None or asked.request is None or asked.flow is None:
        return
    invite = asked.request
    kept = tuple(
        (name, f"{invite.cseq.number} CANCEL" if name == "CSeq" else value)
        for name, value in invite.headers
        if name in ("From", "To", "Call-ID", "CSeq", "Route")
    )
    draft = Draft("CANCEL", invite.target, kept)
    request = dress(desk, draft, asked.flow, invite.via.branch)
    owner = Asked(leg.call, draft, Purpose.OTHER, flow=asked.flow, request=request)
    desk.transactions.start(owner, asked.flow, request, now)

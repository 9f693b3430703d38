"""We call a room (RFC 3261 sections 8.1, 13.1, 13.2, 9.1).

::

    Dial -> hop -> INVITE -> 1xx: CallRinging, `early` -> 200: ACK, CallAnswered
                    `-> 401/407: again with credentials    `-> 200 of another fork: ACK, BYE
                    `-> 422: again with a longer session
    an account that is not reached where it prefers is called at its next contact, a name at the
    next of its `places`
    HangUp before the 200 -> CANCEL once heard of -> 487; a 200 that crosses it -> ACK, BYE
"""

from collections import deque
from dataclasses import replace

from sfu.errors import PeerError
from sfu.signalling.call import CallAnswered, CallEnded, CallRinging, Dial, End
from sfu.signalling.sip import early, places, reinvite, session_timer
from sfu.signalling.sip.address import NameAddr
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.binding import Binding
from sfu.signalling.sip.bytrunk import first_hop, number_uri, open_way, route_set
from sfu.signalling.sip.desk import ALLOW, SUPPORTED, Desk
from sfu.signalling.sip.dialog import calling_dialog
from sfu.signalling.sip.flow import Flow, Hop, Send, same_host
from sfu.signalling.sip.hangup import bye, hang_up
from sfu.signalling.sip.leg import Alarm, Leg, State
from sfu.signalling.sip.message import Response
from sfu.signalling.sip.outbox import (
    acknowledge,
    cancel,
    carrier_of,
    fail,
    launch,
    lost_behind,
    next_cseq,
    send,
)
from sfu.signalling.sip.text import plain, quote
from sfu.signalling.sip.trunk import Trunk
from sfu.signalling.sip.uri import Uri, escape, parse_uri

MAX_TOO_BRIEF = 2
ELSEWHERE = frozenset({404, 408, 410, 430, 480, 503})
"""A contact is not reached, and another one of the account may be."""


def dial(desk: Desk, order: Dial, now: float) -> None:
    """Start a call; a name of our registrar is called where it is registered."""
    trunk = desk.trunks.get(order.trunk)
    try:
        uri = _uri_of(desk, order, trunk)
    except PeerError as error:
        desk.tell(CallEnded(order.call, End.UNREACHABLE, 400, error.reason))
        return
    if len(desk.legs) >= desk.settings.max_calls or not uri.is_sip:
        status = 503 if uri.is_sip else 416
        desk.tell(CallEnded(order.call, End.UNREACHABLE, status, "cannot be called"))
        return
    leg = Leg(order.call, State.CALLING, desk.token(16), desk.token(), user=order.user, called=True)
    leg.local_sdp = order.description
    desk.add(leg)
    desk.alarms.set((leg.call, Alarm.ANSWER), now + desk.settings.ring_s)
    if trunk is not None:
        _call_by(desk, leg, order, uri, trunk, now)
        return
    leg.dialled, leg.contacts = order, deque(_registered(desk, uri))
    if leg.contacts:
        _call_contact(desk, leg, order, 1, now)
        return
    leg.hop = Hop(uri.host, uri.port, carrier_of(uri))
    desk.connect(leg.hop, lambda flow, then: _invite(desk, leg, order, uri, flow, then))


def _uri_of(desk: Desk, order: Dial, trunk: Trunk | None) -> Uri:
    if trunk is not None:
        return number_uri(trunk, order.uri)
    return parse_uri(order.uri if ":" in order.uri else f"sip:{order.uri}@{desk.settings.realm}")


def _call_by(desk: Desk, leg: Leg, order: Dial, uri: Uri, trunk: Trunk, now: float) -> None:
    """Call by a trunk: where we are registered, else the first route (8.1.2)."""
    leg.trunk, leg.user = trunk.setting.name, trunk.setting.user
    leg.hop = first_hop(trunk)
    flow = open_way(trunk)
    if flow is not None:
        _invite(desk, leg, order, uri, flow, now)
    else:
        desk.connect(leg.hop, lambda flow, then: _invite(desk, leg, order, uri, flow, then))


def _registered(desk: Desk, uri: Uri) -> list[Binding]:
    """Return where our registrar says an address is: one unit by its GRUU, or an account."""
    if uri.param("gr") is not None and (found := desk.registrar.behind(uri)):
        return found
    return desk.registrar.bindings(uri.name) if uri.host == desk.settings.realm else []


def _call_contact(desk: Desk, leg: Leg, order: Dial, cseq: int, now: float) -> None:
    """Call the next contact, by its flow while that is open."""
    binding = leg.contacts.popleft()
    uri, flow, leg.behind_nat = binding.uri, binding.flow, False
    routes = binding.path
    first = routes[0].uri if routes else uri
    open_way = binding.flow_open and (not routes or same_host(first.host, flow.remote.host))
    if not open_way:
        hop = Hop(first.host, first.port, carrier_of(first) or flow.carrier)
        desk.connect(hop, lambda new, then: _invite(desk, leg, order, uri, new, then, cseq, routes))
        return
    leg.behind_nat = binding.behind_nat
    if leg.behind_nat:
        desk.keepalive.begin(now)
    _invite(desk, leg, order, uri, flow, now, cseq, routes)


def _invite(
    desk: Desk,
    leg: Leg,
    order: Dial,
    uri: Uri,
    flow: Flow | None,
    now: float,
    cseq: int = 1,
    routes: tuple[NameAddr, ...] = (),
) -> None:
    if leg.state is State.CLOSED:
        desk.forget(leg)  # hung up while the way was looked for
        return
    if flow is None:
        unsent = Draft("INVITE", str(uri), (("CSeq", f"{cseq} INVITE"),))
        fail(desk, Asked(leg.call, unsent, Purpose.DIAL), 503)
        return
    trunk = desk.trunks.get(leg.trunk)
    us = Uri("sip", escape(order.user), flow.local.host)
    if trunk is not None:
        us, routes = trunk.setting.identity, route_set(trunk)
    sender = NameAddr(quote(order.display_name), us, (("tag", leg.local_tag),))
    headers = (
        *(("Route", str(route)) for route in routes),
        ("From", str(sender)),
        ("To", f"<{replace(uri, params=(), headers='')}>"),
        ("Call-ID", leg.call_id),
        ("CSeq", f"{cseq} INVITE"),
        ("Allow", ALLOW),
        ("Supported", SUPPORTED),
        *session_timer.wishing(desk.settings.session_s, 0),
    )
    target = str(replace(uri, headers=""))
    draft = Draft("INVITE", target, headers, order.description, contact=leg.user)
    places.invite(desk, leg, Asked(leg.call, draft, Purpose.DIAL), flow, now)


def answered(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    """Take an answer to our first INVITE."""
    if response.status < 200:
        _heard_of(desk, leg, asked, response, now)
    elif response.status == 422 and leg.state is State.CALLING and _longer(leg, response):
        _again(desk, leg, asked, now)
    elif response.status >= 300 and places.given_up(leg, asked):
        pass
    elif response.status in ELSEWHERE and leg.state is State.CALLING and leg.contacts:
        assert leg.dialled is not None
        leg.provisional = False
        leg.forks.clear()
        _call_contact(desk, leg, leg.dialled, _cseq(asked) + 1, now)
    elif places.failed(leg, asked, response):
        places.try_next(desk, leg, now, lambda then: _refused(desk, leg, response, then))
    elif response.status >= 300:
        _refused(desk, leg, response, now)
    elif leg.dialog is not None and leg.dialog.remote_tag == response.to.tag:
        if leg.sent_ack is not None:
            desk.outputs.append(Send(leg.sent_ack.flow, leg.sent_ack.data))
    elif leg.dialog is not None:
        _too_late(desk, leg, asked, response, now)
    else:
        _taken(desk, leg, asked, response, now)


def _refused(desk: Desk, leg: Leg, response: Response, now: float) -> None:
    if leg.state is State.CALLING:
        desk.close(leg, _cause(response.status), response.status, plain(response.reason), now)
    desk.forget(leg)


def _cseq(asked: Asked) -> int:
    return int(next(value for name, value in asked.draft.headers if name == "CSeq").split()[0])


def _longer(leg: Leg, response: Response) -> bool:
    leg.too_brief += 1
    return leg.too_brief <= MAX_TOO_BRIEF and session_timer.too_brief(leg, response)


def _again(desk: Desk, leg: Leg, asked: Asked, now: float) -> None:
    """7.3 of RFC 4028: same Call-ID, the next CSeq, the interval the 422 wants."""
    assert asked.flow is not None
    stale = ("Session-Expires", "Min-SE", "Authorization", "Proxy-Authorization")
    kept = [item for item in next_cseq(desk, asked) if item[0] not in stale]
    wish = session_timer.wishing(desk.settings.session_s, leg.min_session_s)
    draft = replace(asked.draft, headers=(*kept, *wish))
    leg.provisional = False
    leg.forks.clear()
    launch(desk, Asked(leg.call, draft, Purpose.DIAL), asked.flow, now)


def _heard_of(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    first, leg.provisional = not leg.provisional, True
    places.heard_of(desk, leg)
    if leg.state is State.CLOSED:
        if first:
            cancel(desk, leg, now)
        return
    if response.status == 180 and not leg.ringing:
        leg.ringing = True
        desk.tell(CallRinging(leg.call))
    if leg.state is State.CALLING:  # a late 1xx of a fork may come after the 200 of another
        early.provisional(desk, leg, asked, response, now)


def _taken(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    assert asked.request is not None
    leg.dialog = early.confirmed(leg, asked.request, response)
    places.heard_of(desk, leg)
    if places.given_up(leg, asked):
        leg.flow, leg.flow_open = asked.flow, True  # it took the call after all
    acknowledge(desk, leg, asked.request.cseq.number, now)
    if leg.state is State.CLOSED:
        bye(desk, leg, now)  # our CANCEL came too late
        return
    leg.state, leg.asking = State.CONFIRMED, None
    if leg.flow is not None and lost_behind(leg.dialog.target, leg.flow):
        leg.behind_nat = True
        desk.keepalive.begin(now)
    desk.alarms.set((leg.call, Alarm.ANSWER), None)
    leg.allows = response.options("Allow")
    tag = response.to.tag
    answer = early.answer_of(leg, response)
    known = leg.progressed == tag and early.is_settled(leg, tag)
    if answer is None and not known:
        hang_up(desk, leg, End.PROTOCOL_ERROR, now, 488, "200 without answer")
        return
    leg.remote_sdp = answer or leg.remote_sdp
    leg.forks.clear()
    session_timer.arm(desk, leg, session_timer.answered(response), now)
    model = response.get("User-Agent") or response.get("Server") or ""
    desk.tell(CallAnswered(leg.call, answer, plain(model)))
    reinvite.go_on(desk, leg, now)


def _too_late(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    """13.2.2.4: a second phone took the call too; it is acknowledged and hung up."""
    other = leg.dropped.get(response.to.tag)
    if other is None and len(leg.dropped) < early.MAX_FORKS:
        leg.dropped[response.to.tag] = stray(desk, asked, response, now)
    elif other is not None and other.sent_ack is not None:
        desk.outputs.append(Send(other.sent_ack.flow, other.sent_ack.data))


def stray(desk: Desk, asked: Asked, response: Response, now: float) -> Leg:
    """Acknowledge and hang up an answer that nobody waits for (any more)."""
    assert asked.request is not None
    invite = asked.request
    user = asked.draft.contact or ""
    other = Leg(asked.call, State.CLOSED, invite.call_id, invite.sender.tag, user)
    other.flow, other.flow_open = asked.flow, True
    try:
        other.dialog = calling_dialog(asked.request, response)
    except PeerError:
        return other  # it names no way back: unacknowledged, it gives up by itself (13.3.1.4)
    acknowledge(desk, other, asked.request.cseq.number, now)
    target, headers = other.dialog.head("BYE")
    send(desk, other, Draft("BYE", target, headers), Purpose.OTHER, now)
    return other


def _cause(status: int) -> End:
    if status in (486, 600):
        return End.BUSY
    if status in (408, 480):
        return End.NO_ANSWER
    if status == 487:
        return End.CANCELLED
    if status in (404, 410, 484, 502, 503, 504, 604) or status < 400:
        return End.UNREACHABLE
    return End.REFUSED

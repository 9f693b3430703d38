"""A call comes in (RFC 3261 sections 8.2, 13.3, 14.2 in part).

::

    INVITE -> checks -> CallOffered        Ring -> 180, Accept -> 200 (repeated) -> ACK
              `-> 401 415 420 422 481 503  Reject -> 4xx-6xx     CANCEL -> 487
"""

from sfu.errors import PeerError
from sfu.model import Protocol
from sfu.signalling.call import CallConfirmed, CallOffered, End, Reject
from sfu.signalling.sip import reinvite, session_timer
from sfu.signalling.sip.accepted import answer_invite
from sfu.signalling.sip.body import session_description
from sfu.signalling.sip.bytrunk import came_by, other_names, vouched
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.dialog import answering_dialog
from sfu.signalling.sip.flow import Flow
from sfu.signalling.sip.guard import Verdict, WrongPassword
from sfu.signalling.sip.hangup import bye, hang_up
from sfu.signalling.sip.leg import Alarm, Leg, Pending, State
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.replaces import replaced
from sfu.signalling.sip.reply import behind_nat
from sfu.signalling.sip.text import plain
from sfu.signalling.sip.transaction.key import ServerKey


def invited(desk: Desk, key: ServerKey, flow: Flow, request: Request, now: float) -> None:
    """Take an INVITE outside any dialog."""
    verdict, account = desk.guard.judge(request, now)
    trunk = came_by(desk, flow, request)
    open_to_all = not desk.settings.account_for_calls or (trunk and vouched(trunk, flow))
    if not (open_to_all or account is not None or desk.settings.trusts(flow.remote.host)):
        refuse_stranger(desk, key, flow, request, verdict, now)
        return
    desk.check_required(request)
    if _full(desk, flow):
        desk.answer_briefly(key, request, 503, now, [("Retry-After", "10")])
        return
    offer = session_description(request)
    if not _takes_descriptions(request):
        raise PeerError("Accept without application/sdp", status=406)
    session_timer.answering(request, desk.settings.min_session_s)
    _offer(desk, key, flow, request, offer, account, now)


def _takes_descriptions(request: Request) -> bool:
    """Tell whether our answer can be read (20.1); a unit that lists only what it adds to it can."""
    kinds = request.options("Accept")
    return not kinds or any(kind.startswith(("application/", "multipart/", "*/")) for kind in kinds)


def refuse_stranger(
    desk: Desk, key: ServerKey, flow: Flow, request: Request, verdict: Verdict, now: float
) -> None:
    """Ask for a password, or refuse a wrong one."""
    if verdict is Verdict.WRONG:
        desk.tell(WrongPassword(flow.remote))
        desk.answer_briefly(key, request, 403, now)
    else:
        headers = desk.guard.challenges(
            now, verdict is Verdict.STALE, request.get("User-Agent") or ""
        )
        desk.answer_briefly(key, request, 401, now, headers)


def _full(desk: Desk, flow: Flow) -> bool:
    settings = desk.settings
    crowded = desk.early[flow.remote.host] >= settings.max_early
    # calls that nobody confirms, from addresses that may be forged, never fill the house
    unproven = desk.early.total() >= max(settings.max_early, settings.max_calls // 4)
    return crowded or unproven or len(desk.legs) >= settings.max_calls


def _offer(
    desk: Desk,
    key: ServerKey,
    flow: Flow,
    request: Request,
    offer: bytes | None,
    account: str | None,
    now: float,
) -> None:
    tag, old = desk.token(), replaced(desk, request)
    leg = Leg(
        call=desk.new_call(),
        state=State.INVITED,
        call_id=request.call_id,
        local_tag=tag,
        user=request.uri.name,
        source=flow.remote.host,
        flow=flow,
        flow_open=True,
        behind_nat=behind_nat(request, flow),
        dialog=answering_dialog(request, tag),
        pending=Pending(key, request, offer),
        allows=request.options("Allow"),
    )
    trunk = came_by(desk, flow, request)
    if trunk is not None and vouched(trunk, flow):
        leg.trunk = trunk.setting.name
    desk.trying(key, request, now)
    desk.add(leg)
    desk.alarms.set((leg.call, Alarm.ANSWER), now + desk.settings.ring_s)
    if leg.behind_nat:
        desk.keepalive.begin(now)
    desk.tell(
        CallOffered(
            call=leg.call,
            protocol=Protocol.SIP,
            target=request.uri.name,
            caller=request.sender.uri.address,
            display_name=request.sender.name,
            model=plain(request.get("User-Agent") or ""),
            source=flow.remote,
            account=account,
            offer=offer,
            replaces=old.call if old is not None else None,
            also=other_names(trunk, request) if trunk is not None else (),
        )
    )


def ring(desk: Desk, leg: Leg, now: float) -> None:
    """Answer 180, unless it would have to be reliable (RFC 3262 section 3)."""
    pending = leg.pending
    if leg.state is not State.INVITED or pending is None:
        return
    if "100rel" not in pending.request.options("Require"):
        desk.answer_leg(leg, pending.key, pending.request, 180, now)


def accept(desk: Desk, leg: Leg, description: bytes, now: float) -> None:
    """Answer 200 with our session description."""
    pending = leg.pending
    if leg.state is not State.INVITED or pending is None:
        return
    desk.alarms.set((leg.call, Alarm.ANSWER), None)
    leg.state, leg.pending = State.ANSWERED, None
    answer_invite(desk, leg, pending, description, now)


def reject(desk: Desk, leg: Leg, order: Reject, now: float) -> None:
    """Refuse the call; a warning says why in words (20.43)."""
    pending = leg.pending
    if leg.state is not State.INVITED or pending is None:
        hang_up(desk, leg, End.REFUSED, now, order.status, order.reason)
        return
    headers = [desk.warning(order.warning, order.warning_code)] if order.warning else []
    if order.retry_after_s:
        headers.append(("Retry-After", str(order.retry_after_s)))
    desk.answer_leg(
        leg, pending.key, pending.request, order.status, now, reason=order.reason, headers=headers
    )
    cause = End.BUSY if order.status in (486, 600) else End.REFUSED
    desk.close(leg, cause, order.status, order.reason, now)
    desk.forget(leg)


def acknowledged(desk: Desk, leg: Leg, request: Request, now: float) -> None:
    """Take the ACK of a 2xx."""
    unacked = leg.unacked
    if unacked is None or request.cseq.number != unacked.cseq:
        return  # repeated, or too late
    leg.unacked = None
    desk.alarms.set((leg.call, Alarm.RESEND), None)
    desk.settled(leg)
    first = leg.state is State.ANSWERED
    if leg.state is State.CLOSED:
        bye(desk, leg, now)
        return
    leg.state = State.CONFIRMED
    answer = _answer_in(request) if unacked.ours else None
    if unacked.ours and answer is None:
        hang_up(desk, leg, End.PROTOCOL_ERROR, now, 488, "ACK without answer")
    elif first:
        leg.remote_sdp = answer or leg.remote_sdp
        desk.tell(CallConfirmed(leg.call, answer))
        reinvite.go_on(desk, leg, now)
    else:
        reinvite.answered_in_ack(desk, leg, answer, now)


def _answer_in(request: Request) -> bytes | None:
    try:
        return session_description(request)
    except PeerError:
        return None


def cancelled(desk: Desk, leg: Leg, now: float) -> None:
    """End a call whose caller gave up (9.2), or take back a mid-call INVITE."""
    pending = leg.pending
    if pending is None:
        return
    desk.answer_leg(leg, pending.key, pending.request, 487, now)
    leg.pending = None
    if leg.state is State.INVITED:
        desk.close(leg, End.CANCELLED, 487, "", now)
        desk.forget(leg)
    else:
        desk.alarms.set((leg.call, Alarm.PENDING), None)
        reinvite.go_on(desk, leg, now)

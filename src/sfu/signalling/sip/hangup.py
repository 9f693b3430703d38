"""Ending a call: BYE, CANCEL or a refusal, as its state wants (RFC 3261 sections 9 and 15)."""

from sfu.signalling.call import End
from sfu.signalling.sip.asked import Draft, Purpose
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.leg import Leg, State
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.outbox import cancel, send
from sfu.signalling.sip.text import number, param, parse_params, plain

REFUSALS = {End.BUSY: 486, End.REFUSED: 603, End.NO_ANSWER: 480, End.PROTOCOL_ERROR: 488}


def hang_up(desk: Desk, leg: Leg, cause: End, now: float, status: int = 0, text: str = "") -> None:
    """End a call from our side, in whatever state it is."""
    state, pending = leg.state, leg.pending
    desk.close(leg, cause, status, text, now)
    match state:
        case State.INVITED if pending is not None:
            refusal = status or REFUSALS.get(cause, 480)
            desk.answer_leg(leg, pending.key, pending.request, refusal, now, reason=text)
            desk.forget(leg)
        case State.ANSWERED:
            pass  # 15: no BYE before the ACK, or before we gave up waiting for it
        case State.CALLING:
            if pending is not None:
                desk.answer_leg(leg, pending.key, pending.request, 487, now)
            if leg.provisional:  # 9.1: else as soon as the INVITE is heard of
                cancel(desk, leg, now)
        case State.CONFIRMED:
            if pending is not None:
                desk.answer_leg(leg, pending.key, pending.request, 487, now)
            bye(desk, leg, now)
        case _:
            pass


def bye(desk: Desk, leg: Leg, now: float) -> None:
    """Send BYE and forget a closed call."""
    if leg.dialog is not None:
        target, headers = leg.dialog.head("BYE")
        send(desk, leg, Draft("BYE", target, headers), Purpose.OTHER, now)
    desk.forget(leg)


def reason_of(request: Request) -> tuple[int, str]:
    """Read the Reason header (RFC 3326): SIP status or Q.850 cause, and text."""
    for value in request.values("Reason"):
        params = parse_params(value.partition(";")[2])
        cause = param(params, "cause") or ""
        if cause.isascii() and cause.isdigit():
            return number(cause, "cause", 999), plain(param(params, "text") or "")
    return 0, ""

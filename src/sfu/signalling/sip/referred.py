"""The peer refers us: REFER in its call, and the NOTIFYs it gets (RFC 3515, RFC 4488, RFC 3892).

::

    REFER, Refer-To --> TransferWanted          TellTransfer(100) --> 202, NOTIFY active, 100
                                                TellTransfer(200) --> NOTIFY terminated, 200
                                                TellTransfer(403) --> 403, or NOTIFY if it was 202
    Refer-Sub: false: 202 that says so, no NOTIFY at all
"""

from dataclasses import replace

from sfu.errors import PeerError
from sfu.signalling.call import TransferWanted
from sfu.signalling.sip.address import NameAddr, parse_name_addr
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.leg import Alarm, Leg, Referral, State
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.outbox import send
from sfu.signalling.sip.reply import REASONS
from sfu.signalling.sip.text import plain
from sfu.signalling.sip.transaction.key import ServerKey

SIPFRAG = "message/sipfrag;version=2.0"
DECIDE_S = 20.0
"""The server says at once whether it will; should it not, the peer hears 500."""
EXPIRES_S = 240
"""Longer than anybody lets a phone ring."""


def requested(desk: Desk, leg: Leg, key: ServerKey, request: Request, now: float) -> None:
    """Take a REFER; one at a time."""
    if leg.referral is not None or leg.state is not State.CONFIRMED:
        desk.answer_leg(leg, key, request, 491, now)
        return
    desk.check_required(request)
    target = _target(request)
    leg.referrals += 1
    # 2.4.6: the first of a dialog needs no id, and old units compare the bare word
    event = "refer" if leg.referrals == 1 else f"refer;id={request.cseq.number}"
    quiet = (request.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
    leg.referral = Referral(key, request, event, quiet)
    desk.alarms.set((leg.call, Alarm.REFERRED), now + DECIDE_S)
    desk.tell(TransferWanted(leg.call, str(replace(target.uri, headers="")), _by(request)))


def _target(request: Request) -> NameAddr:
    """Read the one Refer-To there must be (2.4.2)."""
    values = request.values("Refer-To")
    if len(values) != 1:
        raise PeerError("one Refer-To is needed")
    target = parse_name_addr(values[0])
    if target.uri.scheme not in ("sip", "sips", "tel"):
        raise PeerError("unsupported Refer-To", status=416)
    if (target.uri.param("method") or "INVITE").upper() != "INVITE":
        raise PeerError("only an INVITE may be asked for", status=403)
    kept = tuple(item for item in target.uri.params if item[0] != "method")
    return replace(target, uri=replace(target.uri, params=kept))


def _by(request: Request) -> str:
    value = request.get("Referred-By")
    if value is None:
        return ""
    try:
        return parse_name_addr(value).uri.address
    except PeerError:
        return ""  # a broken signature spoils no transfer


def tell(desk: Desk, leg: Leg, status: int, text: str, now: float) -> None:
    """Answer the REFER at first, notify from then on."""
    referral = leg.referral
    if referral is None:
        return
    if not referral.accepted:
        if status >= 300:
            leg.referral = None
            desk.alarms.set((leg.call, Alarm.REFERRED), None)
            desk.answer_leg(leg, referral.key, referral.request, status, now, reason=text)
            return
        _accept(desk, leg, referral, now)
    if referral.quiet:
        if status >= 200:
            leg.referral = None
        return
    referral.next = (status, text)
    _notify(desk, leg, referral, now)


def _accept(desk: Desk, leg: Leg, referral: Referral, now: float) -> None:
    referral.accepted = True
    headers = [("Refer-Sub", "false")] if referral.quiet else []
    assert leg.flow is not None
    headers.append(desk.contact(leg.flow, leg.user))
    desk.answer_leg(leg, referral.key, referral.request, 202, now, headers=headers)
    desk.alarms.set((leg.call, Alarm.REFERRED), None if referral.quiet else now + EXPIRES_S)


def _notify(desk: Desk, leg: Leg, referral: Referral, now: float) -> None:
    """Send the newest state, one NOTIFY at a time: datagrams overtake each other."""
    if referral.telling or referral.next is None or leg.dialog is None:
        return
    (status, text), referral.next, referral.telling = referral.next, None, True
    left = f"active;expires={EXPIRES_S}"
    if status >= 200:
        left, leg.referral = "terminated;reason=noresource", None
        desk.alarms.set((leg.call, Alarm.REFERRED), None)
    target, headers = leg.dialog.head("NOTIFY")
    headers = (*headers, ("Event", referral.event), ("Subscription-State", left))
    body = f"SIP/2.0 {status} {text or REASONS.get(status, 'Whatever')}\r\n".encode()
    draft = Draft("NOTIFY", target, headers, body, SIPFRAG, contact=leg.user)
    send(desk, leg, draft, Purpose.NOTIFY, now)


def notified(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    """Go on after the answer to a NOTIFY; one that is refused ends the subscription."""
    referral = leg.referral
    if referral is None or response.status < 200 or leg.state is State.CLOSED:
        return
    referral.telling = False
    if response.status >= 300:
        referral.quiet, referral.next = True, None
        return
    _notify(desk, leg, referral, now)


def forgotten(desk: Desk, leg: Leg, now: float) -> None:
    """Cover a server that did not answer, or whose call rings for ever."""
    referral = leg.referral
    if referral is not None:
        status = 408 if referral.accepted else 500
        tell(desk, leg, status, plain(REASONS[status]), now)

"""We refer the peer: REFER in its call, and the NOTIFYs it sends (RFC 3515, RFC 3892).

::

    Transfer --> REFER --202--> NOTIFY 100: TransferTold, NOTIFY 200: TransferTold, over
                  `-4xx: TransferTold, over         BYE of the peer: it went
"""

import re

from sfu.signalling.call import TransferTold
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.body import content_type
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.leg import Alarm, Leg, Referring, State
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.outbox import send
from sfu.signalling.sip.text import plain
from sfu.signalling.sip.transaction.key import ServerKey

PATIENCE_S = 120.0
"""After this long without a last word the transfer counts as failed; the call goes on."""
_FRAGMENT = re.compile(rb"\s*SIP/2\.0\s+([1-6][0-9]{2})(?:[ \t]+([^\r\n]{0,200}))?")


def refer(desk: Desk, leg: Leg, uri: str, now: float) -> None:
    """Ask the peer to call another address instead of us."""
    if leg.dialog is None or leg.state is not State.CONFIRMED or leg.referring is not None:
        desk.tell(TransferTold(leg.call, 491, "Request Pending", True))
        return
    leg.referring = Referring()
    desk.alarms.set((leg.call, Alarm.REFERRING), now + PATIENCE_S)
    target, headers = leg.dialog.head("REFER")
    headers = (
        *headers,
        ("Refer-To", f"<{uri}>"),
        ("Referred-By", leg.dialog.local),
    )
    send(desk, leg, Draft("REFER", target, headers, contact=leg.user), Purpose.REFER, now)


def answered(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    """Take the answer to our REFER."""
    referring = leg.referring
    if referring is None or response.status < 200 or leg.state is State.CLOSED:
        return
    if response.status >= 300:
        _told(desk, leg, response.status, plain(response.reason), over=True)
        return
    referring.accepted = True
    if (response.get("Refer-Sub") or "").strip().lower().startswith("false"):
        _told(desk, leg, response.status, plain(response.reason), over=True)


def notified(desk: Desk, leg: Leg, key: ServerKey, request: Request, now: float) -> None:
    """Take a NOTIFY: of our REFER, or of nothing we asked for."""
    event = (request.get("Event") or "").partition(";")[0].strip().lower()
    if event != "refer" or leg.referring is None:
        desk.answer_leg(leg, key, request, 481 if event == "refer" else 489, now)
        return
    desk.answer_leg(leg, key, request, 200, now)
    leg.referring.accepted = True
    ended = (request.get("Subscription-State") or "").strip().lower().startswith("terminated")
    found = _FRAGMENT.match(request.body) if content_type(request) == "message/sipfrag" else None
    if found is not None:
        status, text = int(found[1]), (found[2] or b"").decode("utf-8", "replace").strip()
        _told(desk, leg, status, text, over=ended or status >= 200)
    elif ended:
        _told(desk, leg, 408, "no word of how it ended", over=True)


def _told(desk: Desk, leg: Leg, status: int, text: str, *, over: bool) -> None:
    assert leg.referring is not None
    if not over and leg.referring.status == status:
        return  # the same word again
    leg.referring.status = status
    if over:
        leg.referring = None
        desk.alarms.set((leg.call, Alarm.REFERRING), None)
    desk.tell(TransferTold(leg.call, status, text, over))


def unheard(desk: Desk, leg: Leg) -> None:
    """Give the transfer up; the call goes on."""
    if leg.referring is not None:
        _told(desk, leg, 408, "no word of how it ended", over=True)

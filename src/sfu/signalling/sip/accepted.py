"""Our 2xx to an INVITE, until its ACK (RFC 3261 section 13.3.1.4).

::

    200 --0.5--> 200 --1--> 200 --2--> 200 --4--> 200 ... 32 s: BYE     whatever carries it
"""

from sfu.signalling.call import End
from sfu.signalling.sip import session_timer
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.hangup import bye
from sfu.signalling.sip.leg import Alarm, Leg, Pending, Unacked
from sfu.signalling.sip.message import Response
from sfu.signalling.sip.timers import T1_S, T2_S, TIMEOUT_S


def answer_invite(desk: Desk, leg: Leg, pending: Pending, description: bytes, now: float) -> None:
    """Send the 2xx of an INVITE, first or mid-call, and watch for its ACK."""
    timer, headers = session_timer.answering(pending.request, desk.settings.min_session_s)
    session_timer.arm(desk, leg, timer, now)
    leg.local_sdp, leg.they_offered = description, pending.offer is not None
    leg.remote_sdp = pending.offer or b""
    response = desk.answer_leg(
        leg, pending.key, pending.request, 200, now, headers=headers, body=description
    )
    _watch(desk, leg, pending, response, now)


def _watch(desk: Desk, leg: Leg, pending: Pending, response: Response, now: float) -> None:
    cseq, ours = pending.request.cseq.number, pending.offer is None
    leg.unacked = Unacked(pending.key, response, cseq, ours, T1_S, now + TIMEOUT_S)
    desk.alarms.set((leg.call, Alarm.RESEND), now + T1_S)


def resend(desk: Desk, leg: Leg, now: float) -> None:
    """Repeat our 2xx, whatever carries it, or give up after 64 T1 (13.3.1.4)."""
    unacked = leg.unacked
    if unacked is None:
        return
    if now < unacked.ends_at:
        desk.transactions.respond(unacked.key, unacked.response, now)
        unacked.interval = min(2 * unacked.interval, T2_S)
        again = min(now + unacked.interval, unacked.ends_at)
        desk.alarms.set((leg.call, Alarm.RESEND), again)
        return
    leg.unacked = None
    desk.close(leg, End.VANISHED, 408, "no ACK", now)
    bye(desk, leg, now)

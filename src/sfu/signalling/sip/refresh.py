"""Keeping a session alive, and noticing that nobody does (RFC 4028 section 10).

::

    refresher ours:   at SE/2 UPDATE, or re-INVITE with the same SDP where UPDATE is unknown
    either way:       at SE - min(32, SE/3) without refresh: BYE, vanished
"""

from sfu.signalling.call import End
from sfu.signalling.sip import reinvite, session_timer
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.hangup import bye
from sfu.signalling.sip.leg import Alarm, Leg, State
from sfu.signalling.sip.message import Response
from sfu.signalling.sip.outbox import send
from sfu.signalling.sip.session_timer import AGAIN_S


def refresh(desk: Desk, leg: Leg, now: float) -> None:
    """Send our refresh."""
    if leg.busy or leg.pending or leg.unacked or leg.state is not State.CONFIRMED:
        desk.alarms.set((leg.call, Alarm.REFRESH), now + AGAIN_S)
        return
    if "update" not in leg.allows:
        reinvite.reoffer(desk, leg, leg.local_sdp, Purpose.REFRESH, now)
        return
    assert leg.dialog is not None
    leg.busy = True
    target, headers = leg.dialog.head("UPDATE")
    headers = (*headers, *session_timer.asking(leg))
    send(desk, leg, Draft("UPDATE", target, headers, contact=leg.user), Purpose.REFRESH, now)


def updated(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    """Take the answer to our UPDATE."""
    if response.status < 200 or leg.state is State.CLOSED:
        return
    leg.busy = False
    if response.status < 300:
        assert leg.dialog is not None
        leg.dialog.refresh_target(response)
        session_timer.arm(desk, leg, session_timer.answered(response), now)
    elif response.status in (408, 481):
        desk.close(leg, End.VANISHED, response.status, response.reason, now)
        bye(desk, leg, now)
        return
    elif response.status == 422 and session_timer.too_brief(leg, response):
        refresh(desk, leg, now)
        return
    else:
        if response.status in (405, 420, 501):
            leg.allows -= {"update"}
        desk.alarms.set((leg.call, Alarm.REFRESH), now + AGAIN_S)
    reinvite.go_on(desk, leg, now)


def expired(desk: Desk, leg: Leg, now: float) -> None:
    """Nobody refreshed: the peer is gone, or thinks that we are."""
    desk.close(leg, End.VANISHED, 408, "session expired", now)
    bye(desk, leg, now)

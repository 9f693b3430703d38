"""Media changes in mid call, both ways (RFC 3261 section 14, RFC 3311).

::

    theirs:  INVITE/UPDATE -> MediaOffered -> AnswerMedia -> 200 -> ACK (answer to ours)
             the same bytes again = a refresh: answered by ourselves, media untouched
    ours:    OfferMedia -> waits for its turn -> INVITE -> 200 -> ACK, MediaAnswered
             491 -> again after 2.1-4 s if the Call-ID is ours, else after 0-2 s (14.1)
"""

from sfu.errors import PeerError
from sfu.signalling.call import End, MediaAnswered, MediaOffered, MediaRefused
from sfu.signalling.sip import session_timer
from sfu.signalling.sip.accepted import answer_invite
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.body import session_description
from sfu.signalling.sip.desk import ALLOW, Desk
from sfu.signalling.sip.hangup import bye
from sfu.signalling.sip.leg import Alarm, Leg, Pending, State
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.outbox import acknowledge, send
from sfu.signalling.sip.transaction.key import ServerKey

ANSWER_S = 20.0
"""The server answers at once; should it not, the peer hears 500 before it gives up at 32 s."""


def received(desk: Desk, leg: Leg, key: ServerKey, request: Request, now: float) -> None:
    """Take a re-INVITE or UPDATE."""
    if request.method == "UPDATE" and not request.body.strip():
        _refreshed(desk, leg, key, request, now)
        return
    if leg.busy:
        desk.answer_leg(leg, key, request, 491, now)
        return
    unsettled = leg.unacked is not None and (request.method == "INVITE" or leg.unacked.ours)
    if leg.pending is not None or unsettled or leg.state in (State.INVITED, State.CALLING):
        retry = [("Retry-After", str(int(desk.chance(1, 10))))]
        desk.answer_leg(leg, key, request, 500, now, headers=retry)  # 14.2
        return
    desk.check_required(request)
    session_timer.answering(request, desk.settings.min_session_s)
    offer = session_description(request)
    pending = Pending(key, request, offer)
    if request.method == "INVITE":
        desk.trying(key, request, now)
    if offer is not None and offer == leg.remote_sdp and leg.they_offered:
        _answer(desk, leg, pending, leg.local_sdp, now)
    else:
        leg.pending = pending
        desk.alarms.set((leg.call, Alarm.PENDING), now + ANSWER_S)
        desk.tell(MediaOffered(leg.call, offer))


def _refreshed(desk: Desk, leg: Leg, key: ServerKey, request: Request, now: float) -> None:
    """Take an UPDATE without offer: it meets no offer, so it waits for none (RFC 3311 5.2)."""
    desk.check_required(request)
    session_timer.answering(request, desk.settings.min_session_s)
    if leg.state is State.INVITED and leg.dialog is not None:
        leg.dialog.refresh_target(request)
        desk.answer_leg(leg, key, request, 200, now)
    else:
        _answer(desk, leg, Pending(key, request, None), b"", now)


def answer(desk: Desk, leg: Leg, description: bytes, now: float) -> None:
    """Answer the peer's offer, or offer where it made none."""
    pending = _take_pending(desk, leg)
    if pending is not None:
        _answer(desk, leg, pending, description, now)


def refuse(desk: Desk, leg: Leg, status: int, now: float) -> None:
    """Refuse the peer's offer: the session stays as it was (14.2)."""
    pending = _take_pending(desk, leg)
    if pending is not None:
        desk.answer_leg(leg, pending.key, pending.request, status, now)
        go_on(desk, leg, now)


def _take_pending(desk: Desk, leg: Leg) -> Pending | None:
    pending, leg.pending = leg.pending, None
    desk.alarms.set((leg.call, Alarm.PENDING), None)
    return pending


def _answer(desk: Desk, leg: Leg, pending: Pending, description: bytes, now: float) -> None:
    fork = leg.forks.get(pending.request.sender.tag)
    dialog = leg.dialog or (fork.dialog if fork else None)
    assert dialog is not None
    dialog.refresh_target(pending.request)
    if pending.request.method == "INVITE":
        answer_invite(desk, leg, pending, description, now)
        return
    timer, headers = session_timer.answering(pending.request, desk.settings.min_session_s)
    if leg.dialog is not None:  # else it is early: the 200 to our INVITE starts the timer
        session_timer.arm(desk, leg, timer, now)
    if pending.offer is not None:
        leg.local_sdp, leg.remote_sdp, leg.they_offered = description, pending.offer, True
    desk.answer_leg(leg, pending.key, pending.request, 200, now, headers=headers, body=description)
    go_on(desk, leg, now)


def offer(desk: Desk, leg: Leg, description: bytes, now: float) -> None:
    """Change media as soon as it is our turn; a newer wish replaces one that still waits."""
    leg.queued = description
    go_on(desk, leg, now)


def go_on(desk: Desk, leg: Leg, now: float) -> None:
    """Send the offer that waits, if nothing else is open in this call."""
    taken = leg.busy or leg.waiting or leg.pending or leg.unacked
    if leg.queued is None or taken or leg.state is not State.CONFIRMED:
        return
    leg.offered, leg.queued = leg.queued, None
    reoffer(desk, leg, leg.offered, Purpose.OFFER, now)


def reoffer(desk: Desk, leg: Leg, description: bytes, purpose: Purpose, now: float) -> None:
    """Send a re-INVITE."""
    assert leg.dialog is not None
    leg.busy = True
    target, headers = leg.dialog.head("INVITE")
    extra = (("Allow", ALLOW), *session_timer.asking(leg))
    draft = Draft("INVITE", target, (*headers, *extra), description, contact=leg.user)
    send(desk, leg, draft, purpose, now)


def answered(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    """Take the answer to our re-INVITE."""
    if response.status < 200:
        return
    accepted = response.status < 300
    if accepted:
        _acknowledge(desk, leg, asked, response, now)
    repeated = asked.request is not None and asked is not leg.asking
    if leg.state is State.CLOSED or not leg.busy or repeated:
        return
    leg.busy, leg.asking = False, None
    offered, leg.offered = leg.offered, None
    if accepted:
        _agreed(desk, leg, asked, response, offered, now)
    elif response.status == 491:
        _wait(desk, leg, offered, now)
    elif response.status == 422 and session_timer.too_brief(leg, response):
        if offered is None:
            reoffer(desk, leg, leg.local_sdp, Purpose.REFRESH, now)
            return
        leg.queued = leg.queued or offered
    elif response.status in (408, 481):
        desk.close(leg, End.VANISHED, response.status, response.reason, now)  # 12.2.1.2
        bye(desk, leg, now)
        return
    elif offered is not None:
        desk.tell(MediaRefused(leg.call, response.status))
    if not accepted:
        session_timer.again(desk, leg, now)
    go_on(desk, leg, now)


def _acknowledge(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    assert leg.dialog is not None
    leg.dialog.refresh_target(response)
    if asked.request is not None:
        acknowledge(desk, leg, asked.request.cseq.number, now)


def _agreed(
    desk: Desk, leg: Leg, asked: Asked, response: Response, offered: bytes | None, now: float
) -> None:
    session_timer.arm(desk, leg, session_timer.answered(response), now)
    try:
        answer = session_description(response)
    except PeerError:
        answer = None
    if answer is None:
        if offered is not None:
            desk.tell(MediaRefused(leg.call, 488))  # a 2xx that says nothing of media
        return
    changed = answer != leg.remote_sdp
    leg.local_sdp, leg.remote_sdp, leg.they_offered = asked.draft.body, answer, False
    if offered is not None or changed:
        desk.tell(MediaAnswered(leg.call, answer))


def _wait(desk: Desk, leg: Leg, offered: bytes | None, now: float) -> None:
    """14.1: whoever made the Call-ID waits longer; a newer wish replaces the old one."""
    low, high = (2.1, 4.0) if leg.called else (0.0, 2.0)
    leg.queued, leg.waiting = leg.queued or offered, True
    desk.alarms.set((leg.call, Alarm.GLARE), now + desk.chance(low, high))


def glare_over(desk: Desk, leg: Leg, now: float) -> None:
    """Try again."""
    leg.waiting = False
    go_on(desk, leg, now)


def answered_in_ack(desk: Desk, leg: Leg, answer: bytes | None, now: float) -> None:
    """Take the ACK of a mid-call INVITE; `answer` where the offer was ours."""
    if answer is not None:
        leg.remote_sdp = answer
        desk.tell(MediaAnswered(leg.call, answer))
    go_on(desk, leg, now)

"""Early dialogs of our INVITE: forks, PRACK, and what comes before the 200 (RFC 3262, RFC 3311).

::

    INVITE --> 183 tag a, RSeq 1, answer --> PRACK, CallProgressed
               180 tag b, RSeq 7 ----------> PRACK
               UPDATE tag a, offer --------> MediaOffered -> AnswerMedia -> 200
               200 tag b ------------------> b it is; a 200 of tag a gets ACK and BYE
"""

from sfu.errors import PeerError
from sfu.signalling.call import CallProgressed, MediaOffered
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.body import session_description
from sfu.signalling.sip.desk import ALLOW, Desk
from sfu.signalling.sip.dialog import Dialog, calling_dialog
from sfu.signalling.sip.leg import Alarm, Fork, Leg, Pending
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.outbox import send
from sfu.signalling.sip.text import number
from sfu.signalling.sip.transaction.key import ServerKey

MAX_FORKS = 16
"""No honest proxy rings more phones; what a hostile one adds is not looked at."""
ANSWER_S = 20.0


def provisional(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    """Take a 1xx to our INVITE; one that cannot be read is as good as none."""
    try:
        if response.status > 100 and response.to.tag:
            _progress(desk, leg, asked, response, now)
    except PeerError:
        pass  # the 200 will say it better


def _progress(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    assert asked.request is not None
    tag = response.to.tag
    fork = leg.forks.get(tag)
    if fork is None:
        if len(leg.forks) >= MAX_FORKS:
            return
        fork = leg.forks[tag] = Fork(calling_dialog(asked.request, response))
    else:
        fork.dialog.refresh_target(response)
    reliable = "100rel" in response.options("Require")
    if reliable and not _prack(desk, leg, fork, response, now):
        return  # repeated, or one before it is missing
    answer = session_description(response)
    if answer is None or fork.settled:
        return
    fork.answer, fork.settled = answer, reliable
    if reliable and not leg.progressed:
        leg.progressed, leg.remote_sdp = tag, answer
        desk.tell(CallProgressed(leg.call, answer))


def _prack(desk: Desk, leg: Leg, fork: Fork, response: Response, now: float) -> bool:
    """Acknowledge a reliable provisional response (RFC 3262 section 4)."""
    rseq = number(response.get("RSeq") or "", "RSeq")
    if fork.rseq is not None and rseq != fork.rseq + 1:
        return False
    fork.rseq = rseq
    target, headers = fork.dialog.head("PRACK")
    draft = Draft("PRACK", target, (*headers, ("RAck", f"{rseq} {response.cseq}")))
    send(desk, leg, draft, Purpose.OTHER, now, fork.dialog)
    return True


def confirmed(leg: Leg, invite: Request, response: Response) -> Dialog:
    """Make the dialog of a 2xx: routes and target anew, numbers counted on (13.2.2.4)."""
    dialog = calling_dialog(invite, response)
    fork = leg.forks.get(response.to.tag)
    if fork is not None:
        dialog.local_cseq = max(dialog.local_cseq, fork.dialog.local_cseq)
        dialog.remote_cseq = fork.dialog.remote_cseq
        if response.contact is None:
            dialog.target = fork.dialog.target
    return dialog


def answer_of(leg: Leg, response: Response) -> bytes | None:
    """Return the answer a 2xx brings, or brought before it; None: there is nothing new.

    Units repeat in the 200 what their reliable 183 said, or leave out what an unreliable one said.
    """
    fork = leg.forks.get(response.to.tag)
    if fork is not None and fork.settled:
        return None if leg.progressed == response.to.tag else fork.answer
    try:
        answer = session_description(response)
    except PeerError:
        answer = None
    return answer or (fork.answer if fork else None)


def is_settled(leg: Leg, tag: str) -> bool:
    """Tell whether a fork answered our offer for good before its 2xx."""
    fork = leg.forks.get(tag)
    return fork is not None and fork.settled


def requested(
    desk: Desk, leg: Leg, fork: Fork, key: ServerKey, request: Request, now: float
) -> None:
    """Take a request of who rings."""
    if not fork.dialog.takes(request):
        desk.answer_leg(leg, key, request, 500, now, headers=[("Retry-After", "1")])
        return
    match request.method:
        case "UPDATE":
            _updated(desk, leg, fork, key, request, now)
        case "OPTIONS" | "INFO":
            desk.answer_leg(leg, key, request, 200, now)
        case "BYE":
            desk.answer_leg(leg, key, request, 481, now)  # 15: its way out is a refusal
        case _:
            desk.answer_leg(leg, key, request, 405, now, headers=[("Allow", ALLOW)])


def _updated(
    desk: Desk, leg: Leg, fork: Fork, key: ServerKey, request: Request, now: float
) -> None:
    desk.check_required(request)
    offer, tag = session_description(request), request.sender.tag
    if offer is None:
        fork.dialog.refresh_target(request)
        desk.answer_leg(leg, key, request, 200, now)
    elif not fork.settled:
        desk.answer_leg(leg, key, request, 491, now)  # RFC 3311 5.2: our offer stands open
    elif leg.pending is not None or leg.progressed != tag:
        desk.answer_leg(leg, key, request, 500, now, headers=[("Retry-After", "2")])
    else:
        leg.pending = Pending(key, request, offer)
        desk.alarms.set((leg.call, Alarm.PENDING), now + ANSWER_S)
        desk.tell(MediaOffered(leg.call, offer))

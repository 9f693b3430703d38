"""Requests within a call: BYE, INFO, OPTIONS and the rest (RFC 3261 section 12.2, RFC 6086)."""

import re

from sfu.signalling.call import DigitPressed, End, PictureWanted, ProbeAnswered
from sfu.signalling.sip import referred, referring, reinvite
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.body import content_type
from sfu.signalling.sip.desk import ACCEPT, ALLOW, SUPPORTED, Desk
from sfu.signalling.sip.hangup import bye, reason_of
from sfu.signalling.sip.leg import Leg, State
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.outbox import send
from sfu.signalling.sip.transaction.key import ServerKey

MEDIA_CONTROL = "application/media_control+xml"
PICTURE_FAST_UPDATE = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n<media_control><vc_primitive><to_encoder>'
    b"<picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n"
)
_SIGNAL = re.compile(rb"(?im)^\s*signal\s*=\s*([0-9]{1,2}|[*#a-d])\s*$")
_DIGIT = re.compile(rb"\s*([0-9]{1,2}|[*#a-dA-D])\s*")
_NUMBERED = "0123456789*#ABCD"


def requested(desk: Desk, leg: Leg, key: ServerKey, request: Request, now: float) -> None:
    """Take a request in a dialog."""
    assert leg.dialog is not None
    if not leg.dialog.takes(request):
        desk.answer_leg(leg, key, request, 500, now, headers=[("Retry-After", "1")])
        return
    match request.method:
        case "BYE":
            _hung_up(desk, leg, key, request, now)
        case _ if leg.state is State.CLOSED:
            desk.answer_leg(leg, key, request, 481, now)
        case "INFO" | "OPTIONS" | "PRACK" | "NOTIFY" if desk.unsupported(request):
            desk.check_required(request)  # 8.2.2.3; a BYE ends the call whatever it requires
        case "INVITE" | "UPDATE":
            reinvite.received(desk, leg, key, request, now)
        case "INFO":
            _informed(desk, leg, key, request, now)
        case "OPTIONS":
            desk.answer_leg(leg, key, request, 200, now, headers=abilities())
        case "PRACK":
            desk.answer_leg(leg, key, request, 481, now)  # we send nothing that wants one
        case "REFER":
            referred.requested(desk, leg, key, request, now)
        case "NOTIFY":
            referring.notified(desk, leg, key, request, now)
        case "SUBSCRIBE":
            desk.answer_leg(leg, key, request, 489, now)
        case _:
            desk.answer_leg(leg, key, request, 405, now, headers=[("Allow", ALLOW)])


def abilities() -> list[tuple[str, str]]:
    """Return what OPTIONS is told (11.2)."""
    return [("Allow", ALLOW), ("Accept", ACCEPT), ("Supported", SUPPORTED)]


def _hung_up(desk: Desk, leg: Leg, key: ServerKey, request: Request, now: float) -> None:
    """BYE ends the call in any state, even before the ACK (15.1.2)."""
    desk.answer_leg(leg, key, request, 200, now)
    if leg.pending is not None:
        desk.answer_leg(leg, leg.pending.key, leg.pending.request, 487, now)
    status, text = reason_of(request)
    went = leg.referring is not None and leg.referring.accepted
    desk.close(leg, End.TRANSFERRED if went else End.HUNG_UP, status, text, now)
    desk.forget(leg)


def _informed(desk: Desk, leg: Leg, key: ServerKey, request: Request, now: float) -> None:
    kind, status, headers = content_type(request), 200, []
    digit = None
    if kind == "application/dtmf-relay":
        digit = _digit(_SIGNAL.search(request.body))
    elif kind == "application/dtmf":
        digit = _digit(_DIGIT.fullmatch(request.body))
    elif kind == MEDIA_CONTROL:
        if b"picture_fast_update" in request.body:
            desk.tell(PictureWanted(leg.call))
    elif request.body.strip():
        status, headers = 415, [("Accept", ACCEPT)]
    desk.answer_leg(leg, key, request, status, now, headers=headers)
    if digit is not None:
        desk.tell(DigitPressed(leg.call, digit))


def _digit(match: re.Match[bytes] | None) -> str | None:
    """Events 10 to 15 of RFC 4733 are * # A B C D."""
    if match is None:
        return None
    text = match[1].decode().upper()
    if not text.isdigit():
        return text
    return _NUMBERED[int(text)] if int(text) < len(_NUMBERED) else None


def ask_picture(desk: Desk, leg: Leg, now: float) -> None:
    """Ask for a key frame (RFC 5168), unless it was asked and owes the answer, or knows no INFO."""
    if leg.picture_asked or leg.deaf_to_info:
        return
    if leg.dialog is not None and leg.state in (State.ANSWERED, State.CONFIRMED):
        leg.picture_asked = True
        target, headers = leg.dialog.head("INFO")
        draft = Draft("INFO", target, headers, PICTURE_FAST_UPDATE, MEDIA_CONTROL)
        send(desk, leg, draft, Purpose.PICTURE, now)


def picture_answered(leg: Leg, response: Response) -> None:
    """Note that it may be asked again, or that it does not know how (RFC 6086 section 4.2.2)."""
    if response.status >= 200:
        leg.picture_asked = False
        leg.deaf_to_info |= response.status in (405, 415, 469, 501)


def probe(desk: Desk, leg: Leg, now: float) -> None:
    """Ask whether the peer lives."""
    if leg.dialog is not None and leg.state in (State.ANSWERED, State.CONFIRMED):
        target, headers = leg.dialog.head("OPTIONS")
        draft = Draft("OPTIONS", target, (*headers, ("Accept", "application/sdp")))
        send(desk, leg, draft, Purpose.PROBE, now)


def probed(desk: Desk, leg: Leg, asked: Asked, response: Response, now: float) -> None:
    """Any answer but one of our own making shows life; 481 shows that the call is gone."""
    if leg.state is State.CLOSED or response.status in (408, 503) or response.status < 200:
        return
    if response.status == 481:
        desk.close(leg, End.VANISHED, 481, response.reason, now)
        bye(desk, leg, now)
    else:
        desk.tell(ProbeAnswered(leg.call))

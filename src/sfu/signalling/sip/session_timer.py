"""Session timers as headers say them (RFC 4028).

::

    Session-Expires: 1800;refresher=uac      the UAC refreshes at 900 s at the latest
    Min-SE: 90                               a 422 answers less, theirs and ours: again with more
"""

from sfu.errors import PeerError
from sfu.signalling.sip.desk import SUPPORTED, Desk
from sfu.signalling.sip.leg import Alarm, Leg, SessionTimer
from sfu.signalling.sip.message import Header, Request, Response
from sfu.signalling.sip.text import number, param, parse_params

AGAIN_S = 2.0
"""A refresh that finds the call busy, or is refused, is tried again this much later."""
LONGEST_S = 86_400
"""A Min-SE above a day is no offer to go on."""


def read(message: Request | Response) -> tuple[int, str] | None:
    """Return Session-Expires and its refresher, "" where none is named."""
    value = message.get("Session-Expires")
    if value is None:
        return None
    seconds, _, params = value.partition(";")
    return number(seconds, "Session-Expires"), (
        param(parse_params(params), "refresher") or ""
    ).lower()


def answering(request: Request, minimum: int) -> tuple[SessionTimer | None, list[Header]]:
    """Agree to what a request wants; return the timer and the headers of our 2xx (section 9)."""
    wanted = read(request)
    if wanted is None:
        return None, []
    interval, refresher = wanted
    if interval < minimum:
        raise PeerError("session interval too small", status=422)
    able = "timer" in request.options("Supported")
    if refresher not in ("uac", "uas"):
        refresher = "uac" if able else "uas"
    headers = [("Session-Expires", f"{interval};refresher={refresher}")]
    if refresher == "uac" and able:
        headers.append(("Require", "timer"))
    return SessionTimer(interval, refresher == "uas"), headers


def answered(response: Response) -> SessionTimer | None:
    """Read what a 2xx to a request of ours says (section 7.2)."""
    told = read(response)
    if told is None or told[0] < 32:
        return None
    return SessionTimer(told[0], told[1] != "uas")


def wishing(interval: int, minimum: int) -> list[Header]:
    """Return the headers of a first INVITE (section 7.1); after a 422 with what it said (7.3)."""
    if not interval:
        return []
    wish = [("Session-Expires", str(max(interval, minimum)))]
    return [*wish, ("Min-SE", str(minimum))] if minimum else wish


def asking(leg: Leg) -> list[Header]:
    """Return the headers of a refresh, or of another mid-call offer of ours (section 7.4)."""
    headers, timer = [("Supported", SUPPORTED)], leg.timer
    if timer is not None:
        role = "uac" if timer.ours else "uas"
        headers.append(("Session-Expires", f"{timer.interval_s};refresher={role}"))
        if leg.min_session_s:
            headers.append(("Min-SE", str(leg.min_session_s)))
    return headers


def too_brief(leg: Leg, response: Response) -> bool:
    """Take in a 422; tell whether asking again with its Min-SE can help."""
    try:
        minimum = number(response.get("Min-SE") or "0", "Min-SE", LONGEST_S)
    except PeerError:
        return False
    if minimum <= leg.min_session_s:
        return False  # it says what we did
    leg.min_session_s = minimum
    if leg.timer is not None:
        leg.timer = SessionTimer(max(leg.timer.interval_s, minimum), leg.timer.ours)
    return True


def again(desk: Desk, leg: Leg, now: float) -> None:
    """Try our refresh once more soon: what should have done it was refused."""
    due = desk.alarms.when((leg.call, Alarm.REFRESH))
    if leg.timer is not None and leg.timer.ours and due is None:
        desk.alarms.set((leg.call, Alarm.REFRESH), now + AGAIN_S)


def arm(desk: Desk, leg: Leg, timer: SessionTimer | None, now: float) -> None:
    """Start anew after each 2xx; None: the sides agreed on no timer."""
    leg.timer = timer
    refresh_at = expiry_at = None
    if timer is not None:
        interval = timer.interval_s
        refresh_at = now + interval / 2 if timer.ours else None
        expiry_at = now + interval - min(32, interval / 3)
    desk.alarms.set((leg.call, Alarm.REFRESH), refresh_at)
    desk.alarms.set((leg.call, Alarm.EXPIRY), expiry_at)

"""Session timers as headers say them (RFC 4028).

::

    Session-Expires: 1800;refresher=uac      the UAC refreshes at 900 s at the latest
    Min-SE: 90                               a 422 answers less
"""

from sfu.errors import PeerError
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.leg import Alarm, Leg, SessionTimer
from sfu.signalling.sip.message import Header, Request, Response
from sfu.signalling.sip.text import number, param, parse_params


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


def asking(timer: SessionTimer | None) -> list[Header]:
    """Return the headers of a refresh, or of another mid-call offer of ours."""
    supported = [("Supported", "timer")]
    if timer is None:
        return supported
    role = "uac" if timer.ours else "uas"
    return [*supported, ("Session-Expires", f"{timer.interval_s};refresher={role}")]


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

"""Our first INVITE goes to the next place of a name where one fails (RFC 3263 section 4.3).

::

    INVITE --> first place: 503, no answer, or not a word for 8 s
       `-----> next place, same INVITE, another branch      none left: what the last one said
"""

from collections.abc import Callable
from dataclasses import replace

from sfu.signalling.sip.asked import Asked
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.flow import Flow
from sfu.signalling.sip.leg import Alarm, Leg, State
from sfu.signalling.sip.message import Response
from sfu.signalling.sip.outbox import launch
from sfu.signalling.sip.trunk import TrunkAlarm

PATIENCE_S = 8.0
"""A place that is not heard of for so long gives way to the next one, if there is one."""


def invite(desk: Desk, leg: Leg, asked: Asked, flow: Flow, now: float) -> None:
    """Send our first INVITE, and look after a while whether it was heard of."""
    desk.alarms.set((leg.call, Alarm.NEXT), now + PATIENCE_S)
    launch(desk, asked, flow, now)


def heard_of(desk: Desk, leg: Leg) -> None:
    """Wait no more: this place has the call."""
    desk.alarms.set((leg.call, Alarm.NEXT), None)


def given_up(leg: Leg, asked: Asked) -> bool:
    """Tell whether an answer is of a place that was left for another."""
    return asked.flow is not None and asked is not leg.asking


def failed(leg: Leg, asked: Asked, response: Response) -> bool:
    """Tell whether an answer says: not this place; 408 is what we say ourselves of silence."""
    # a 408 after a provisional answer is of the far end, which rang in vain
    moved = response.status == 503 or (response.status == 408 and not leg.provisional)
    calling = leg.state is State.CALLING and not (leg.ringing or leg.forks)
    return moved and calling and asked.flow is not None and leg.hop is not None


def try_next(
    desk: Desk, leg: Leg, now: float, refused: Callable[[float], None] | None = None
) -> None:
    """Try the next place of the name; `refused` is called where there is none left.

    Without it, a place that is only silent goes on being waited for.
    """
    asked = leg.asking
    if asked is None or asked.flow is None or leg.hop is None:
        return  # called where it is registered: there is no other place
    leg.tried = (*leg.tried, asked.flow.place)
    trunk = desk.trunks.get(leg.trunk)
    if trunk is not None and trunk.flow == asked.flow:
        desk.trunk_alarms.set((leg.trunk, TrunkAlarm.PROBE), now)  # does it live at all?

    def go_on(flow: Flow | None, then: float) -> None:
        heard = leg.provisional and refused is None
        if leg.state is not State.CALLING or leg.asking is not asked or heard:
            if refused is not None:
                refused(then)  # hung up while the way was looked for
            return
        if flow is not None:
            leg.provisional = False
            leg.forks.clear()
            invite(desk, leg, replace(asked, flow=None, request=None), flow, then)
        elif refused is not None:
            refused(then)

    desk.connect(leg.hop, go_on, leg.tried)

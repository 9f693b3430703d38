"""Which call an INVITE takes the place of (RFC 3891 section 3).

::

    Replaces: call-id;to-tag=ours;from-tag=theirs[;early-only]

Who knows all three was told by the peer of that call: tags are ours and unguessable, so the ids
are the proof.
"""

from sfu.errors import PeerError
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.leg import Leg, State
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.text import param, parse_params


def replaced(desk: Desk, request: Request) -> Leg | None:
    """Return the call to be replaced, None where none is named.

    Raises PeerError: 400 for several, 481 for none we know, 486 for one that was taken though only
    an early one is wanted, 603 for one that is over.
    """
    values = request.all("Replaces")
    if not values:
        return None
    if len(values) > 1 or request.all("Join"):
        raise PeerError("several calls to replace")
    call_id, _, rest = values[0].partition(";")
    params = parse_params(rest)
    ours, theirs = param(params, "to-tag"), param(params, "from-tag")
    if not ours or theirs is None:
        raise PeerError("Replaces without tags")
    leg = desk.dialogs.get((call_id.strip(), ours))
    if leg is None or not _is_with(leg, theirs) or leg.state is State.INVITED:
        # an early dialog that is theirs is not ours to end either
        raise PeerError("no such call to replace", status=481)
    if leg.state is State.CLOSED:
        raise PeerError("the call to replace is over", status=603)
    if leg.state is not State.CALLING and param(params, "early-only") is not None:
        raise PeerError("the call to replace was taken", status=486)
    return leg


def _is_with(leg: Leg, tag: str) -> bool:
    if leg.dialog is None:
        return tag in leg.forks
    return leg.dialog.remote_tag == tag

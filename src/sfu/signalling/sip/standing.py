"""How a trunk stands: what is told of it, when it is lost, how long the pause before a new try.

::

    registered --silent, closed, expired--> lost --try--> failed: pause of 30 s, doubled to 30 min
                                              `--try--> registered
"""

from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.grant import LONGEST_PAUSE_S
from sfu.signalling.sip.trunk import Trunk, TrunkAlarm, TrunkChanged

PAUSE_S = 30.0
"""RFC 5626 section 4.5: base-time where all flows have failed."""
REFUSED_PAUSE_S = 300.0
"""Wrong passwords said often lock accounts and look like an attack."""


def begin(desk: Desk, trunk: Trunk) -> None:
    """Make everything under way too late."""
    trunk.turn += 1
    for alarm in (TrunkAlarm.REGISTER, TrunkAlarm.PATIENCE, TrunkAlarm.PROBE):
        desk.trunk_alarms.set((trunk.setting.name, alarm), None)


def lose(desk: Desk, trunk: Trunk, now: float) -> None:
    """Count on the registration no longer."""
    if not trunk.registered:
        return
    trunk.expires_at = None
    trunk.failures += 1
    desk.trunk_alarms.set((trunk.setting.name, TrunkAlarm.EXPIRY), None)
    tell(desk, trunk, now)


def fail(
    desk: Desk, trunk: Trunk, status: int, reason: str, now: float, wish_s: float = 0.0
) -> None:
    """Pause before the next try, longer each time."""
    begin(desk, trunk)
    trunk.status, trunk.reason = status, reason
    trunk.tries += 1
    trunk.failures += 1
    base = REFUSED_PAUSE_S if status in (401, 403, 407) else PAUSE_S
    most = min(LONGEST_PAUSE_S, base * 2 ** min(trunk.tries - 1, 10))
    pause = max(wish_s, desk.chance(most / 2, most))
    desk.trunk_alarms.set((trunk.setting.name, TrunkAlarm.REGISTER), now + pause)
    tell(desk, trunk, now, pause)


def tell(desk: Desk, trunk: Trunk, now: float, again_in_s: float = 0.0) -> None:
    """Tell the server how it stands."""
    place = trunk.flow.place if trunk.flow is not None else None
    left = trunk.left_s(now)
    name, up = trunk.setting.name, trunk.registered
    desk.tell(TrunkChanged(name, up, trunk.status, trunk.reason, place, left, again_in_s))

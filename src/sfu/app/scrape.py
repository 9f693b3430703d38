"""What a scrape is made of, gathered from all parts of a server."""

from collections import Counter
from typing import TYPE_CHECKING

from sfu.app import bookings, ledger, lines, service, trunks
from sfu.media.engine.snapshot import EngineRow, Snapshot
from sfu.metrics import Readings, WorkerReading
from sfu.metrics.maker import maker_of
from sfu.model import Protocol
from sfu.shell.browser_leg import BrowserLeg
from sfu.signalling.call import End
from sfu.signalling.sip.blame import SIP_REASONS, WEB_REASONS

if TYPE_CHECKING:
    from sfu.app.server import Server

NOTHING_YET = Snapshot(EngineRow(0, False, 0, (), 0))


def readings(server: "Server") -> Readings:
    """Gather them now."""
    house, bay, gatekeeper = server.house, server.patchbay, server.gatekeeper
    legs = [guest.leg for guest in house.guests.values()]
    members = Counter(leg.protocol for leg in legs)
    calls = server.calls.by_protocol()
    calls[Protocol.WEBRTC] = members[Protocol.WEBRTC]
    moved = server.calls.transfers.counts
    return Readings(
        snapshot=house.snapshot or NOTHING_YET,
        sink_kinds=bay.sink_kinds(),
        rooms=len(house.meetings),
        members=members,
        calls=calls,
        call_ends={
            (Protocol(protocol), End(cause)): number
            for (protocol, cause), number in house.ends.items()
        },
        transfers={(str(by), str(how)): n for (by, how), n in moved.items()},
        keyframe_requests=bay.keyframes.said,
        lines_refused=bay.lines_refused,
        wishes_said=bay.wishes_said,
        wishes_heard=bay.wishes_heard,
        videos=Counter(
            (guest.leg.protocol, house.video_state(guest), maker_of(guest.leg.model))
            for guest in house.guests.values()
        ),
        registrations=len(server.whereabouts.registrations),
        sip_refused={str(one): server.sip.gate.refused[one] for one in SIP_REASONS},
        sip_connections=server.sip.connections,
        h323_connections=server.h323.connections if server.h323 is not None else 0,
        h323_registrations=len(gatekeeper) if gatekeeper is not None else 0,
        h323_member=_member(server),
        ras_messages=gatekeeper.counts if gatekeeper is not None else {},
        web_refused=_web_refused(server),
        web_connections=sum(len(one.crowd) for one in server.gates),
        ways=Counter(leg.way for leg in legs if isinstance(leg, BrowserLeg)),
        media_connections=len(server.icetcp),
        waiting=len(house.waiting_rooms),
        turned_away=house.waiting_rooms.turned_away,
        webhooks=dict(server.webhooks.outcomes),
        egress_lag_s=server.lag_s,
        workers=_workers(server),
        trunks=trunks.figures(server.sip.trunks()),
        lines=lines.figures(house),
        service=service.figures(server),
        ledger=ledger.figures(server.ledger),
        bookings=bookings.figures(server.bookings),
    )


def _member(server: "Server") -> tuple[bool, int] | None:
    """Say whether a foreign gatekeeper has us registered, and how often it did not."""
    there = server.registrant
    return (there.registered, there.failures) if there is not None else None


def _web_refused(server: "Server") -> dict[str, int]:
    counts = {
        str(reason): sum(one.refused[reason] for one in server.gates) for reason in WEB_REASONS
    }
    return counts | {"media": server.icetcp.refused}


def _workers(server: "Server") -> tuple[WorkerReading, ...]:
    worker = server.worker
    if worker is None:
        return ()
    return (WorkerReading("mix-0", worker.alive, server.desk.legs, server.desk.delay_s),)

r"""Every call of a room codec: its events to whom they concern, its changes, its signs of life.

::

    CallOffered --> Arrivals --> Accept --> Entrance --> House.enter
    Dial <-- Dialling <-- operators, transfers        transfers: see `transfers`
    re-INVITE --> CodecLeg.answer --> AnswerMedia --> Meeting.changed
    nothing heard for a while --> Probe (OPTIONS) --> still nothing: HangUp(VANISHED)
"""

from collections import Counter
from collections.abc import Callable
from typing import assert_never

import structlog

from sfu.errors import PeerError, UseError
from sfu.media.engine.snapshot import Snapshot
from sfu.model import CallId, Protocol
from sfu.room.keys import Way
from sfu.shell.arrivals import Arrivals
from sfu.shell.bridge import Bridge
from sfu.shell.codec_admission import abandon, redescribe
from sfu.shell.dialling import Dialling
from sfu.shell.entrance import Entrance
from sfu.shell.fault import surviving
from sfu.shell.house import House
from sfu.shell.screen import Draw, Screen
from sfu.shell.surroundings import Surroundings
from sfu.shell.transfers import Transfers
from sfu.shell.visit import Dialled, Visit
from sfu.shell.waiting import Waiting
from sfu.signalling.call import (
    AnswerMedia,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallEvent,
    CallOffered,
    CallOrder,
    CallProgressed,
    CallRinging,
    DigitPressed,
    End,
    HangUp,
    MediaAnswered,
    MediaOffered,
    MediaRefused,
    PictureWanted,
    Probe,
    ProbeAnswered,
    RefuseMedia,
    TransferTold,
    TransferWanted,
)

log = structlog.get_logger()

PROBE_AFTER = 3 / 8
"""Share of the time to vanish after which a silent member is asked whether it lives: 15 s of 40,
and asked again as often."""


class Calls:
    """Every call of a room codec."""

    def __init__(
        self,
        house: House,
        around: Surroundings,
        advertise: Callable[[str], str],
        is_known: Callable[[str], bool] = lambda host: True,
        draw: Draw = lambda card, title: None,
    ) -> None:
        """Begin without a call.

        `advertise` gives our address as a host shall know it; `is_known` says whether an address
        proved before that it is one's own: others wait for their ACK; `draw` puts the name of a
        room on a card.
        """
        self.house = house
        self._around = around
        self._screen = Screen(around.patchbay, draw)
        self.waiting = Waiting(house, self._screen)
        self.visits: dict[CallId, Visit] = {}
        self.arrivals = Arrivals(self, house, around, advertise, is_known)
        self.entrance = Entrance(self, house, self._screen)
        self.dialling = Dialling(self, house, around, advertise)
        self.transfers = Transfers(self, house, around.order, advertise)
        self.bridge: Bridge | None = None
        """Who calls a unit's number is called on by it; None: such calls are refused."""

    def __len__(self) -> int:
        """Count the calls there are, in rooms or on the way."""
        return len(self.visits)

    def by_protocol(self) -> Counter[Protocol]:
        """Count the calls by what they are signalled with."""
        return Counter(visit.leg.protocol for visit in self.visits.values())

    def handle(self, event: CallEvent) -> None:
        """Take one event of any signalling."""
        with surviving("call_event_failed", call=event.call, kind=type(event).__name__):
            if isinstance(event, CallOffered):
                self.arrivals.offered(event)
            elif event.call in self.visits:  # else refused by us, or ended a moment ago
                self._take(self.visits[event.call], event)
            if isinstance(event, CallEnded) and self.bridge is not None:
                self.bridge.ended(event.call)

    def order(self, order: CallOrder) -> None:
        """Have a call's signalling carry something out."""
        self._around.order(order)

    def _take(self, visit: Visit, event: CallEvent) -> None:
        now = self.house.clock()
        visit.leg.alive(now)
        match event:
            case CallEnded():
                self._ended(visit, event)
            case _ if visit.ending:
                pass  # it crossed our goodbye
            case CallOffered():
                pass  # a call id has one beginning
            case CallRinging():
                log.info("ringing", call=event.call, room=visit.room)
            case CallProgressed():
                self.dialling.progressed(visit, event.description)
            case CallAnswered():
                self.dialling.taken(visit, event)
            case CallConfirmed():
                self._confirmed(visit, event)
            case MediaOffered():
                self._media_offered(visit, event)
            case MediaAnswered():
                self._media_answered(visit, event.answer)
            case MediaRefused():
                visit.leg.refused(event.status)
                self._changed(visit)
            case DigitPressed():
                if visit.door is not None:
                    visit.door.press(Way.INFO, event.digit)
            case PictureWanted():
                for sink in visit.leg.streams.pictures:
                    self._around.patchbay.picture_wanted(sink, now)
            case ProbeAnswered():
                pass  # counted as a sign of life above
            case TransferWanted():
                self.transfers.wanted(visit, event)
            case TransferTold():
                self.transfers.told(visit, event)
            case _:
                assert_never(event)

    def _confirmed(self, visit: Visit, event: CallConfirmed) -> None:
        if event.answer is None:
            self.entrance.proven(visit)
            return
        visit.unproven = False
        try:
            visit.leg.take_answer(event.answer)
        except PeerError as error:
            log.info("answer_refused", member=visit.leg.member, reason=error.reason)
            if not visit.inside:
                self.part(visit, End.PROTOCOL_ERROR)
            return
        if visit.inside:
            self._changed(visit)
        else:
            self.entrance.open(visit)

    def visit_of(self, call: CallId) -> Visit | None:
        """Return the visit of a call, None where it is over or about to be."""
        visit = self.visits.get(call)
        return None if visit is None or visit.ending else visit

    def part(self, visit: Visit, cause: End) -> None:
        """Hang up; only the end of the call is heard after this."""
        visit.ending = True
        self.house.waiting_rooms.left(visit.leg.member)
        if visit.door is not None:
            visit.door.close()
        self._around.order(HangUp(visit.leg.call, cause))

    # ---- in mid call

    def _media_offered(self, visit: Visit, event: MediaOffered) -> None:
        try:
            if event.offer is None:
                self._around.order(AnswerMedia(event.call, visit.leg.offer()))
                return
            body = redescribe(self.house, visit.leg, event.offer)
        except PeerError as error:
            log.info("media_change_refused_by_us", member=visit.leg.member, reason=error.reason)
            self._around.order(RefuseMedia(event.call, 488))
            return
        except UseError as error:
            log.warning("no_media_port", member=visit.leg.member, reason=str(error))
            self._around.order(RefuseMedia(event.call, 500))
            return
        self._around.order(AnswerMedia(event.call, body))
        self._changed(visit)

    def _media_answered(self, visit: Visit, answer: bytes) -> None:
        try:
            visit.leg.take_answer(answer)
        except PeerError as error:
            log.info("answer_refused", member=visit.leg.member, reason=error.reason)
            return
        self._changed(visit)

    def _changed(self, visit: Visit) -> None:
        meeting = self.house.meeting_of(visit.leg)
        if meeting is not None:
            meeting.changed(visit.leg, self.house.clock())
        elif visit.door is not None and not visit.ending:
            visit.door.open()

    # ---- its end

    def hang_up(self, call: CallId) -> bool:
        """End a call by the operator's wish; False where there is none of this id."""
        visit = self.visits.get(call)
        if visit is None:
            return False
        self.part(visit, End.ENDED_BY_SERVER)
        return True

    def _ended(self, visit: Visit, event: CallEnded) -> None:
        del self.visits[event.call]
        self.waiting.leave(visit.leg)
        self.house.waiting_rooms.left(visit.leg.member)
        cause = End.VANISHED if visit.leg.gone else event.cause
        log.info(
            "call_ended", call=event.call, member=visit.leg.member, room=visit.room,
            cause=cause, status=event.status, text=event.text,
        )  # fmt: skip
        try:
            if visit.door is not None:
                visit.door.close()
            self.house.desk.forget(visit.leg.member)
            self.house.leave(visit.leg, cause, status=event.status, text=event.text)
        finally:
            self.transfers.ended(event.call, event.cause)
            self.dialling.settle(visit, Dialled(event.call, False, cause, event.status, event.text))
            abandon(self.house, visit.leg)

    # ---- the rhythm

    def tick(self, snapshot: Snapshot) -> None:
        """Look for signs of life, and let the doors' time pass."""
        now = self.house.clock()
        if self.bridge is not None:
            self.bridge.tick()
        with surviving("cards_failed"):
            self._screen.tick(now)
        for visit in list(self.visits.values()):
            with surviving("call_failed", member=visit.leg.member):
                self._tick(visit, snapshot, now)

    def _tick(self, visit: Visit, snapshot: Snapshot, now: float) -> None:
        if visit.door is not None:
            visit.door.tick(now)
        self.waiting.look(visit.leg, now)
        for transport in visit.leg.transports():
            row = snapshot.transports.get(transport)
            if row is not None and row.last_received_us:
                visit.leg.received(row.last_received_us / 1e6)
                if visit.leg.described and not visit.ending:
                    self.entrance.proven(visit)
        visit.leg.tick(snapshot, now)
        if not visit.ending:
            self._watch(visit, now)

    def _watch(self, visit: Visit, now: float) -> None:
        leg = visit.leg
        if visit.dialled is not None and not visit.inside:
            return  # it rings: the SIP core has its own patience
        if leg.vanished(now) and not leg.gone:
            leg.gone = True
            log.info("member_vanished", member=leg.member, room=visit.room)
            self.part(visit, End.VANISHED)
            return
        pause_s = PROBE_AFTER * self._around.vanish_s
        if not leg.gone and min(leg.silence_s(now), now - visit.probed_at) > pause_s:
            visit.probed_at = now
            self._around.order(Probe(leg.call))

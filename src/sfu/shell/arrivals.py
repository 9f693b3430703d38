r"""Calls that come in: which room they mean, why they are refused, how they are answered.

::

    CallOffered --> which room? --> CodecLeg.answer --> Accept --> the entrance
                       \-- 404, 403, 480, 486, 488
    it replaces another --> that one's room, and its BYE
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

import structlog

from sfu.errors import PeerError, UseError
from sfu.model import CallId
from sfu.room.attendant import Attendant
from sfu.room.directory import Found, Outcome, Reception, UnknownRoom, WrongPin
from sfu.room.pin import PinGate
from sfu.shell.codec_admission import LineFull, abandon, describe, prefer
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.house import House
from sfu.shell.record import Direction
from sfu.shell.surroundings import Surroundings
from sfu.shell.visit import NO_ROOM, Visit
from sfu.signalling.call import Accept, CallOffered, Reject

if TYPE_CHECKING:
    from sfu.shell.calls import Calls

log = structlog.get_logger()

PHRASES = {400: "Bad Request", 415: "Unsupported Media Type"}


class Arrivals:
    """Answers calls; those that are taken stand before the entrance."""

    def __init__(
        self,
        calls: "Calls",
        house: House,
        around: Surroundings,
        advertise: Callable[[str], str],
        is_known: Callable[[str], bool],
    ) -> None:
        """See `Calls`."""
        self._calls = calls
        self._house = house
        self._around = around
        self._advertise = advertise
        self._is_known = is_known

    def offered(self, event: CallOffered) -> None:
        """Take a call that comes in, or say why not."""
        if event.replaces is not None:
            self._offered_instead(event, event.replaces)
            return
        if self._house.drain.on:
            self._refuse_drained(event)
            return
        found, host, now = self._find(event), event.source.host, self._house.clock()
        tries = self._house.tries
        match found:
            case UnknownRoom() if self._calls.bridge is not None and self._calls.bridge.offered(
                event
            ):
                pass  # it is rung there first
            case UnknownRoom():
                self.refuse(event, 404, "Not Found", f"no room {event.target!r}")
            case WrongPin():
                tries.wrong(host, now)
                self.refuse(event, 403, "Forbidden", "wrong PIN")
            case Found() if self._house.is_protected(found.room) and not tries.left(host, now):
                self.refuse(event, 403, "Forbidden", "too many wrong PINs")
            case Found() if self._house.is_full(found.room):
                self.refuse(event, 486, "Busy Here", f"room {found.room} is full")
            case Reception() if not self._house.desk.available:
                why = "no mixer, so no attendant: call a room by its number"
                self.refuse(event, 480, "Temporarily Unavailable", why)
            case Reception() if len(self._calls) >= self._house.settings.limits.max_calls:
                self.refuse(event, 486, "Busy Here", "too many calls")
            case Found() | Reception():
                self.welcome(event, found)
            case _:
                assert_never(found)

    def _find(self, event: CallOffered) -> Outcome:
        """Find what the called number means, or another name the call may mean."""
        names = [name for name in (event.target, *event.also) if name] or [""]
        outcomes = [self._house.reach(name) for name in names]
        known = (one for one in outcomes if not isinstance(one, UnknownRoom))
        return next(known, outcomes[0])

    def _offered_instead(self, event: CallOffered, replaces: CallId) -> None:
        """Let a call take another's place: inside, where that one is inside or was asked in."""
        old = self._calls.visits.get(replaces)
        if old is None or old.ending:
            self.refuse(event, 481, "Call/Transaction Does Not Exist", "its call is over")
            return
        if old.room == NO_ROOM:
            self.welcome(event, Reception())
            return
        known = self._house.directory.rooms.get(old.room)
        pin = known.pin if known is not None and old.door is not None and not old.inside else ""
        self.welcome(event, Found(old.room, known.name if known else "", pin))

    def _refuse_drained(self, event: CallOffered) -> None:
        log.info("call_refused", caller=event.caller, status=503, reason="the server drains")
        later = self._house.drain.retry_after_s(self._house.clock())
        self._around.order(
            Reject(event.call, 503, "Service Unavailable", "the server goes down",
                   retry_after_s=later)
        )  # fmt: skip

    def refuse(
        self, event: CallOffered, status: int, phrase: str, why: str, *, code: int = 399
    ) -> None:
        """Refuse a call that came, and say why in the log."""
        log.info("call_refused", caller=event.caller, status=status, reason=why)
        self._around.order(Reject(event.call, status, phrase, why, code))

    def welcome(self, event: CallOffered, found: Found | Reception) -> None:
        """Take a call: into a room, or before a door."""
        now = self._house.clock()
        leg = CodecLeg(
            self._house.new_member(),
            event.call,
            event.display_name or event.caller.partition("@")[0] or event.source.host,
            self._around,
            host=self._advertise(event.source.host),
            peer_host=event.source.host,
            model=event.model,
            now=now,
            address=event.caller,
            account=event.account,
            protocol=event.protocol,
        )
        room = found.room if isinstance(found, Found) else NO_ROOM
        prefer(self._house, leg, room)
        try:
            body = describe(self._house, leg, event.offer)
        except LineFull as full:
            abandon(self._house, leg)
            self.refuse(event, 488, "Not Acceptable Here", str(full), code=370)
            return
        except PeerError as error:
            abandon(self._house, leg)
            status = error.status if error.status >= 400 else 488
            phrase = PHRASES.get(status, "Not Acceptable Here")
            self.refuse(event, status, phrase, error.reason)
            return
        except UseError as error:
            abandon(self._house, leg)
            self.refuse(event, 503, "Service Unavailable", str(error))
            return
        except Exception:
            abandon(self._house, leg)
            self.refuse(event, 500, "Server Internal Error", "a fault of ours")
            raise
        visit = Visit(
            leg, room, event.caller, event.source.host, Direction.IN,
            event.account, event.replaces,
        )  # fmt: skip
        self._calls.visits[event.call] = visit
        tries = self._house.settings.rooms.pin_tries
        if isinstance(found, Reception):
            visit.door = self._calls.entrance.door(
                visit, Attendant(self._house.directory, now, tries)
            )
        elif found.pin:
            visit.door = self._calls.entrance.door(visit, PinGate(found.pin, now, tries))
        self._around.order(Accept(event.call, body))
        visit.unproven = not self._is_known(visit.host)
        if event.offer is not None and not visit.unproven:
            self._calls.entrance.open(visit)

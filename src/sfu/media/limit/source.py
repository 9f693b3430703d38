"""How a source is told to send less, or more again, in the dialect its call speaks.

Nothing is scaled here, so a source must keep to what its receivers take.  It is told by the most
immediate way there is; only where that is missing, unanswered or not obeyed by a new offer::

    Wanted --agreed tmmbr--> TMMBR at 0, 0.5, 1.5, 3.5 s... --Noted--> settled
       |                       | unanswered for 7.5 s               | still too much
       |----agreed remb-----> REMB  and too much arrives            | arrives for 5 s
       |                       `-------------------> Reoffer <------'
       `----neither, or smaller pictures--------------^  never closer than 10 s; the rate alone
                                                         where it is big or more than that arrives

Who heeds none of them may be asked to send nothing: by an offer that says so, at once; it is let
back by another.  Who refuses that, gives up more than its own picture for it, or goes on all the
same is never asked again.

A lower limit goes out at once, a higher one when it has lasted: speakers change and change back.
RFC 5104 section 3.5.4 (TMMBR), draft-alvestrand-rmcat-remb-03, RFC 3264 section 8.3.
"""

from collections import deque
from collections.abc import Iterator
from typing import assert_never

from sfu.media.limit.told import LEAST_S, REPEAT_S, Told
from sfu.media.limit.word import (
    Described,
    Dialect,
    LimitEvent,
    LimitOrder,
    Measured,
    Noted,
    Reason,
    Refused,
    Reoffer,
    SendRemb,
    SendTmmbr,
    Shape,
    Stopped,
    Wanted,
    Why,
    less,
)

RAISE_S = 2.0
"""So long a higher limit waits before a TMMBR or REMB says it."""
PAUSE_S = 10.0
"""Two offers are never closer: some units show a black picture meanwhile."""
RAISE_OFFER_S = 60.0
"""So long a higher limit waits before an offer says it."""
REFUSED_S = 120.0
"""So long nothing is offered to who refused the last."""
BIG = 0.6
"""An offer is worth a fall of the rate to less than this share of it, whatever arrives."""
RISE = 1.1
"""An offer is worth a rise by this factor that has lasted."""
NOTABLE = 1.05
"""A TMMBR or REMB is worth a rise by this factor; any fall."""
EXCESS = 1.3
"""What arrives above this share of the limit disobeys it: an encoder swings."""
DISOBEY_S = 5.0
"""So long it may: an encoder needs a moment."""
RETURN_S = 5.0
"""So long the first packet of who was let back may take."""


class SourceLimit:
    """The limit of one source; owns no socket, reads no clock."""

    def __init__(self) -> None:
        """Begin undescribed."""
        self.deadline: float | None = None
        self._wish = self._most = Shape()
        self._described: Shape | None = None
        self._dialects: frozenset[Dialect] = frozenset()
        self._rate = Told()
        self._ssrc = 0
        self._arriving_bps = 0
        self._excess_since: float | None = None
        self._deaf: Why | None = None
        """It was told by RTCP and goes on: offers must do."""
        self._offering = False
        self._offer_at = float("-inf")
        """No offer before this."""
        self._larger_since: float | None = None
        """Since when more is wanted than described."""
        self._stop = Stopped(stopped=False)
        self._silent = False
        """As described last: it shall send nothing."""
        self._silent_at = self._back_at = float("-inf")
        self.stoppable = True
        """It has not shown yet that it cannot be asked to send nothing."""
        self._outputs: deque[LimitOrder] = deque()

    @property
    def _wanted(self) -> Shape:
        return self._wish.within(self._most)

    @property
    def told_bps(self) -> int:
        """The limit it was told, by whatever dialect; 0 before anything was described."""
        described = self._described.bps if self._described else 0
        return min(filter(None, (described, self._rate.said_bps)), default=0)

    def stopped(self, now: float) -> bool:
        """Tell whether nothing comes of it because we want nothing, or not yet again."""
        coming = not self._ssrc and now - self._back_at < RETURN_S
        return self._silent or coming

    def handle(self, event: LimitEvent, now: float) -> None:
        """Take one event; what follows from it waits in `poll`."""
        match event:
            case Wanted():
                self._wish = event.shape
            case Stopped():
                self._stop = event
            case Described():
                self._describe(event, now)
            case Refused():
                self._refused(now)
            case Noted():
                self._note(event, now)
            case Measured():
                self._measure(event, now)
            case _:
                assert_never(event)
        self.tick(now)

    def tick(self, now: float) -> None:
        """Let time pass: say what is due."""
        self.deadline = None
        if self._described is None:
            return
        if self._dialects & {Dialect.TMMBR, Dialect.REMB}:
            self._tell(now)
        self._judge(now)
        self._offer(now)

    def poll(self) -> Iterator[LimitOrder]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    # ---- what is heard

    def _describe(self, event: Described, now: float) -> None:
        self._described, self._most, self._offering = event.shape, event.most, False
        if self._silent and not event.stopped:
            self._back_at, self._ssrc = now, 0
        elif event.stopped and not self._silent:
            self._silent_at = now
        self._silent = event.stopped
        if event.maimed:
            self.stoppable = False
        if event.dialects != self._dialects:
            self._dialects, self._deaf, self._rate = event.dialects, None, Told()

    def _refused(self, now: float) -> None:
        """Leave it alone for a while; who will not stop is never asked to again."""
        self._offering = False
        if self._stops and not self._silent:
            self.stoppable = False
        else:
            self._offer_at = max(self._offer_at, now + REFUSED_S)

    def _note(self, event: Noted, now: float) -> None:
        rate = self._rate
        if Dialect.TMMBR not in self._dialects:
            return  # it answers what nobody asked
        if event.bps is not None and event.bps <= rate.said_bps * NOTABLE:
            rate.settle()
        elif rate.noted and rate.said_bps:
            rate.forget(now + LEAST_S, Why.FORGOTTEN)

    def _measure(self, event: Measured, now: float) -> None:
        self._arriving_bps = event.bps
        ignored = self._silent and self._stops and event.ssrc
        if ignored and now >= self._silent_at + DISOBEY_S:
            self.stoppable = False
        if event.ssrc != self._ssrc:
            self._ssrc = event.ssrc
            if self._rate.said_bps and Dialect.TMMBR in self._dialects:
                self._rate.forget(now, Why.FORGOTTEN)  # this stream was told nothing yet

    def _judge(self, now: float) -> None:
        """Find out whether it heeds what RTCP told it."""
        rate, wanted = self._rate, self._wanted.bps
        if not wanted or self._arriving_bps <= wanted * EXCESS:
            self._excess_since = None
        elif self._excess_since is None:
            self._excess_since = now
        if self._excess_since is None or not rate.said_bps or self._deaf:
            return
        since = max(self._excess_since, rate.first_said_at)
        if rate.noted or Dialect.TMMBR not in self._dialects:
            why, until = Why.DISOBEYED, since + DISOBEY_S
        else:
            why, until = Why.UNANSWERED, max(since, rate.first_said_at + sum(REPEAT_S))
        if now >= until:
            self._deaf = why
        else:
            self._wake(until)

    # ---- what is said by RTCP

    def _tell(self, now: float) -> None:
        assert self._described is not None
        if Dialect.TMMBR in self._dialects and not self._ssrc:
            return  # a TMMBR names the stream
        rate, wanted = self._rate, self._wanted.bps
        limit = wanted if less(wanted, self._described.bps) else 0
        said = rate.said_bps or self._described.bps
        goal = limit or self._described.bps
        if not rate.said_bps and not limit:
            return  # the description says it all
        if goal < said or (not rate.said_bps and limit):
            self._say(goal, Why.LESS, now)
        elif goal > said * NOTABLE:
            rate.higher_since = now if rate.higher_since is None else rate.higher_since
            if now >= rate.higher_since + RAISE_S:
                self._say(goal, Why.MORE, now)
            else:
                self._wake(rate.higher_since + RAISE_S)
        else:
            rate.higher_since = None
        self._repeat(now)

    def _say(self, bps: int, why: Why, now: float) -> None:
        rate = self._rate
        if now < rate.said_at + LEAST_S:
            self._wake(rate.said_at + LEAST_S)
            return
        reason = Reason(self.told_bps, bps, why)
        rate.say(bps, now)
        if Dialect.TMMBR in self._dialects:
            self._outputs.append(SendTmmbr(bps, reason))
        else:
            rate.settle()  # REMB has no answer
            self._outputs.append(SendRemb(bps, reason))

    def _repeat(self, now: float) -> None:
        rate = self._rate
        if rate.again_at is None:
            return
        if now >= rate.again_at:
            self._outputs.append(
                SendTmmbr(rate.said_bps, Reason(self.told_bps, rate.said_bps, rate.again_why))
            )
            rate.repeat(now)
        self._wake(rate.again_at)

    # ---- what is said by offers

    @property
    def _stops(self) -> bool:
        return self._stop.stopped and self.stoppable

    def _offer(self, now: float) -> None:
        if self._stops is not self._silent:
            self._offer_way(now)
            return
        why = None if self._silent else self._worth_an_offer(now)
        if why is None or self._offering:
            return
        if now < self._offer_at:
            self._wake(self._offer_at)
            return
        self._offering, self._offer_at, self._larger_since = True, now + PAUSE_S, None
        shape = self._shape_to_offer()
        reason = Reason(self.told_bps, shape.bps or self._wanted.bps, why)
        self._outputs.append(Reoffer(shape, reason))

    def _offer_way(self, now: float) -> None:
        """Offer to take nothing of it, or something again: that waits for no pause."""
        if self._offering:
            return
        if not self._stops and now < self._offer_at - PAUSE_S:
            self._wake(self._offer_at - PAUSE_S)  # it refused just that
            return
        self._offering, self._offer_at, self._larger_since = True, now + PAUSE_S, None
        why = Why.DEAF if self._stops else Why.ROOM
        if self._stop.stopped and not self._stops:
            why = Why.STOP_IGNORED
        reason = Reason(self._stop.required_bps, self._stop.available_bps, why)
        self._outputs.append(Reoffer(self._shape_to_offer(), reason, stopped=self._stops))

    def _shape_to_offer(self) -> Shape:
        """Offer the rate too where RTCP cannot say it, else the most: RTCP says the rest."""
        assert self._described is not None
        if self._by_offer:
            return self._wanted
        return Shape(self._most.bps, self._wanted.fs, self._wanted.mbps)

    @property
    def _by_offer(self) -> bool:
        by_rtcp = self._dialects & {Dialect.TMMBR, Dialect.REMB}
        return not by_rtcp or self._deaf is not None

    def _worth_an_offer(self, now: float) -> Why | None:
        """Tell why to offer now; what must go down at once, what may go up when it has lasted."""
        assert self._described is not None
        wanted, described = self._wanted, self._described
        if less(wanted.fs, described.fs) or less(wanted.mbps, described.mbps):
            return Why.SMALLER
        if self._by_offer and (why := self._too_much(now)) is not None:
            return why
        larger = less(described.fs, wanted.fs) or less(described.mbps, wanted.mbps)
        more = less(described.bps * RISE, wanted.bps)
        if not larger and not more:
            self._larger_since = None
            return None
        self._larger_since = now if self._larger_since is None else self._larger_since
        if now < self._larger_since + RAISE_OFFER_S:
            self._wake(self._larger_since + RAISE_OFFER_S)
            return None
        return Why.LARGER if larger else Why.MORE

    def _too_much(self, now: float) -> Why | None:
        """Tell why the rate must be offered lower: far too much may come, or too much does."""
        assert self._described is not None
        wanted, allowed = self._wanted.bps, self._described.bps
        if not less(wanted, allowed):
            return None
        if self._deaf is not None:
            return self._deaf
        if less(wanted, allowed * BIG):
            return Why.LESS
        if self._excess_since is None:
            return None
        if now >= self._excess_since + DISOBEY_S:
            return Why.EXCEEDED
        self._wake(self._excess_since + DISOBEY_S)
        return None

    def _wake(self, when: float) -> None:
        self.deadline = when if self.deadline is None else min(self.deadline, when)

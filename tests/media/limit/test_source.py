"""One source and what it is told, in virtual time."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.limit.source import (
    DISOBEY_S,
    NOTABLE,
    PAUSE_S,
    RAISE_OFFER_S,
    RAISE_S,
    REFUSED_S,
    RETURN_S,
    SourceLimit,
)
from sfu.media.limit.told import LEAST_S, LONG_REPEAT_S
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
)

MOST = Shape(1_350_000, 3600, 108_000)
LESS = Shape(666_000, 3600, 108_000)
SMALL = Shape(1_350_000, 396, 11_880)
REASON = Reason(0, 0, Why.LESS)
"""Reasons are not compared."""
TMMBR, REMB = frozenset({Dialect.TMMBR}), frozenset({Dialect.REMB})


class Stage:
    """A core, a clock moved by hand, and what was ordered when."""

    def __init__(self, dialects: frozenset[Dialect] = frozenset()) -> None:
        self.core = SourceLimit()
        self.now = 100.0
        self.begin = self.now
        self.ordered: list[tuple[float, LimitOrder]] = []
        self.why: list[Why] = []
        self.dialects = dialects
        self.hears(Described(MOST, MOST, dialects))
        self.hears(Measured(600_000, 7))

    def hears(self, *events: LimitEvent) -> None:
        for event in events:
            self.core.handle(event, self.now)
            self._gather()

    def wants(self, shape: Shape) -> None:
        self.hears(Wanted(shape))

    def agrees(self) -> None:
        """Have our last offer answered."""
        offer = self.orders(Reoffer)[-1]
        self.hears(Described(offer.shape, MOST, self.dialects, offer.stopped))

    def wait(self, seconds: float) -> None:
        """Let time pass, stopping at each deadline on the way, none of which may be past."""
        until = self.now + seconds
        while (deadline := self.core.deadline) is not None and deadline <= until:
            assert deadline > self.now - 1e-9
            self.now = max(self.now + 1e-6, deadline)
            self.core.tick(self.now)
            self._gather()
        self.now = until

    def _gather(self) -> None:
        for order in self.core.poll():
            self.ordered.append((round(self.now - self.begin, 3), order))
            self.why.append(order.reason.why)

    def orders(self, kind: type) -> list[Any]:
        return [order for _, order in self.ordered if isinstance(order, kind)]

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.ordered]


# ---- TMMBR


def test_a_lower_limit_goes_out_at_once_by_tmmbr():
    stage = Stage(TMMBR)
    stage.wants(LESS)
    assert stage.ordered == [(0, SendTmmbr(666_000, REASON))]
    reason = stage.ordered[0][1].reason
    assert (reason.required_bps, reason.available_bps, reason.why) == (1_350_000, 666_000, Why.LESS)
    assert stage.core.told_bps == 666_000


def test_it_is_said_again_until_it_is_noted():
    stage = Stage(TMMBR)
    stage.wants(LESS)
    stage.wait(2)
    assert stage.times == [0, 0.5, 1.5]
    assert stage.why == [Why.LESS, Why.REPEATED, Why.REPEATED]
    stage.hears(Noted(665_900))
    stage.wait(60)
    assert len(stage.ordered) == 3


def test_a_note_of_another_limit_is_no_note():
    stage = Stage(TMMBR)
    stage.wants(LESS)
    stage.hears(Noted(1_350_000))
    stage.wait(0.6)
    assert stage.times == [0, 0.5]


def test_a_limit_that_was_forgotten_is_said_again():
    stage = Stage(TMMBR)
    stage.wants(LESS)
    stage.hears(Noted(666_000))
    stage.wait(5)
    stage.hears(Noted(None))
    stage.wait(1)
    assert stage.times == [0, 5.2, 5.7]
    assert stage.why[1] is Why.FORGOTTEN


def test_a_new_stream_is_told_what_the_old_one_was():
    stage = Stage(TMMBR)
    stage.wants(LESS)
    stage.hears(Noted(666_000))
    stage.wait(5)
    stage.hears(Measured(500_000, 8))
    assert stage.times == [0, 5]


def test_before_the_first_packet_nobody_can_be_named():
    stage = Stage(TMMBR)
    stage.hears(Measured(0, 0))
    stage.wants(LESS)
    assert stage.ordered == []
    stage.hears(Measured(900_000, 9))
    assert stage.orders(SendTmmbr) == [SendTmmbr(666_000, REASON)]


def test_the_way_up_waits_a_moment_and_a_wish_that_comes_back_costs_nothing():
    stage = Stage(TMMBR)
    stage.wants(LESS)
    stage.hears(Noted(666_000))
    stage.wants(MOST)
    stage.wait(RAISE_S / 2)
    stage.wants(LESS)
    stage.wait(10)
    assert stage.times == [0]
    stage.wants(MOST)
    stage.wait(RAISE_S)
    assert stage.ordered[-1] == (13, SendTmmbr(1_350_000, REASON))
    assert stage.why[-1] is Why.MORE


def test_nobody_is_told_by_tmmbr_what_its_description_says():
    stage = Stage(TMMBR)
    stage.wants(MOST)
    stage.wants(Shape())
    stage.wants(Shape(9_000_000, 8160))
    stage.wait(60)
    assert stage.ordered == []


def test_who_notes_and_sends_on_is_offered_less():
    stage = Stage(TMMBR)
    stage.wants(LESS)
    stage.hears(Noted(666_000), Measured(1_300_000, 7))
    stage.wait(DISOBEY_S + 0.1)
    assert stage.orders(Reoffer) == [Reoffer(LESS, REASON)]
    assert stage.why[-1] is Why.DISOBEYED


def test_who_notes_nothing_and_sends_on_is_offered_less_when_all_repeats_were_in_vain():
    stage = Stage(TMMBR)
    stage.hears(Measured(1_300_000, 7))
    stage.wants(LESS)
    stage.wait(7.4)
    assert stage.orders(Reoffer) == []
    stage.wait(0.2)
    assert stage.orders(Reoffer) == [Reoffer(LESS, REASON)]
    assert stage.why[-2:] == [Why.REPEATED, Why.UNANSWERED]


def test_who_notes_nothing_and_obeys_is_offered_nothing():
    stage = Stage(TMMBR)
    stage.wants(LESS)
    stage.wait(60)
    assert stage.orders(Reoffer) == []
    late = [at for at in stage.times if at > 8]
    assert {round(b - a, 3) for a, b in pairwise(late)} == {LONG_REPEAT_S}


# ---- REMB


def test_remb_is_said_once_a_change_and_repeated_by_the_reports():
    stage = Stage(REMB)
    stage.wants(LESS)
    stage.wait(60)
    assert stage.ordered == [(0, SendRemb(666_000, REASON))]


def test_who_heeds_no_remb_is_offered_less():
    stage = Stage(REMB)
    stage.hears(Measured(1_300_000, 7))
    stage.wants(LESS)
    stage.wait(DISOBEY_S + 0.1)
    assert stage.orders(Reoffer) == [Reoffer(LESS, REASON)]


# ---- offers


def test_without_feedback_a_big_change_is_offered_at_once():
    stage = Stage()
    stage.wants(LESS)
    assert stage.ordered == [(0, Reoffer(LESS, REASON))]
    stage.agrees()
    stage.wait(60)
    assert len(stage.ordered) == 1


def test_a_small_change_is_offered_only_when_more_arrives():
    stage = Stage()
    nearly = Shape(910_000, 3600, 108_000)
    stage.wants(nearly)
    stage.wait(60)
    assert stage.ordered == []
    stage.hears(Measured(1_300_000, 7))
    stage.wait(DISOBEY_S)
    assert stage.ordered == [(60 + DISOBEY_S, Reoffer(nearly, REASON))]
    assert stage.why == [Why.EXCEEDED]


def test_a_smaller_picture_is_offered_whatever_feedback_there_is():
    stage = Stage(TMMBR)
    stage.wants(SMALL)
    assert stage.ordered == [(0, Reoffer(SMALL, REASON))]
    assert stage.why == [Why.SMALLER]


def test_offers_keep_their_distance_and_the_last_wish_counts():
    stage = Stage()
    stage.wants(LESS)
    stage.agrees()
    stage.wants(Shape(300_000, 3600, 108_000))
    stage.wants(Shape(200_000, 3600, 108_000))
    stage.wait(60)
    assert stage.ordered[1:] == [(PAUSE_S, Reoffer(Shape(200_000, 3600, 108_000), REASON))]


def test_a_speaker_that_changes_back_in_time_costs_no_second_offer():
    stage = Stage()
    stage.wants(LESS)
    stage.agrees()
    for _ in range(5):
        stage.wants(MOST)
        stage.wait(RAISE_OFFER_S - 1)
        stage.wants(LESS)
        stage.wait(5)
    assert stage.times == [0]
    stage.wants(MOST)
    stage.wait(RAISE_OFFER_S)
    assert stage.ordered[-1][1] == Reoffer(MOST, REASON)


def test_one_offer_is_out_at_a_time():
    stage = Stage()
    stage.wants(LESS)
    stage.wants(SMALL)
    stage.wait(60)
    assert len(stage.ordered) == 1
    stage.agrees()
    assert stage.orders(Reoffer)[1:] == [Reoffer(SMALL, REASON)]


def test_who_refuses_is_left_alone_for_a_while():
    stage = Stage()
    stage.wants(LESS)
    stage.hears(Refused())
    stage.wait(REFUSED_S - 1)
    assert stage.times == [0]
    stage.wait(2)
    assert stage.times == [0, REFUSED_S]


def test_nothing_is_asked_that_its_call_could_not_do():
    stage = Stage()
    small = Shape(500_000, 396, 11_880)
    stage.hears(Described(small, small, frozenset()))
    stage.wants(MOST)
    stage.wait(300)
    assert stage.ordered == []


# ---- nothing at all


def stopped(stage: Stage) -> list[tuple[float, bool, Why]]:
    return [
        (at, order.stopped, order.reason.why)
        for at, order in stage.ordered
        if isinstance(order, Reoffer)
    ]


def test_who_shall_send_nothing_is_offered_so_at_once_and_let_back_by_another_offer():
    stage = Stage()
    stage.wants(SMALL)
    stage.agrees()
    stage.wait(1)
    stage.hears(Stopped(stopped=True, required_bps=700_000, available_bps=300_000))
    assert stopped(stage)[1:] == [(1, True, Why.DEAF)]
    reason = stage.orders(Reoffer)[-1].reason
    assert (reason.required_bps, reason.available_bps) == (700_000, 300_000)
    stage.agrees()
    stage.hears(Measured(0, 0))
    assert stage.core.stopped(stage.now)
    stage.wants(LESS)
    stage.wants(Shape())
    stage.wait(100)
    assert len(stage.orders(Reoffer)) == 2  # what it may send does not matter now
    stage.hears(Stopped(stopped=False))
    assert stopped(stage)[2:] == [(101, False, Why.ROOM)]
    stage.agrees()
    assert stage.core.stopped(stage.now)  # its first packet is on its way
    stage.wait(RETURN_S)
    assert not stage.core.stopped(stage.now)


def test_a_stop_waits_for_the_answer_to_what_was_offered_before():
    stage = Stage()
    stage.wants(SMALL)
    stage.hears(Stopped(stopped=True))
    assert len(stage.orders(Reoffer)) == 1
    stage.agrees()
    assert stopped(stage)[1:] == [(0, True, Why.DEAF)]


def test_who_will_not_stop_is_never_asked_again():
    stage = Stage()
    stage.hears(Stopped(stopped=True))
    stage.hears(Refused())
    assert not stage.core.stoppable
    for _ in range(3):
        stage.hears(Stopped(stopped=False), Stopped(stopped=True))
        stage.wait(REFUSED_S)
    assert len(stage.orders(Reoffer)) == 1


def test_who_sends_again_before_its_answer_is_here_has_ignored_nothing():
    stage = Stage()
    stage.hears(Stopped(stopped=True))
    stage.agrees()
    stage.hears(Measured(0, 0))
    stage.wait(20)
    stage.hears(Stopped(stopped=False), Measured(600_000, 7))
    stage.agrees()
    assert stage.core.stoppable
    stage.hears(Stopped(stopped=True))
    assert [one for _, one, _ in stopped(stage)] == [True, False, True]


def test_who_will_not_begin_again_is_asked_later():
    stage = Stage()
    stage.hears(Stopped(stopped=True))
    stage.agrees()
    stage.hears(Measured(0, 0))
    stage.wait(20)
    stage.hears(Stopped(stopped=False))
    stage.hears(Refused())
    stage.wait(REFUSED_S)
    assert [one for _, one, _ in stopped(stage)] == [True, False, False]
    assert stage.core.stoppable


def test_who_gives_up_more_or_goes_on_all_the_same_is_taken_back():
    stage = Stage()
    stage.hears(Stopped(stopped=True))
    stage.hears(Described(MOST, MOST, stopped=True, maimed=True))
    assert stopped(stage)[1:] == [(0, False, Why.STOP_IGNORED)]
    stage = Stage()
    stage.hears(Stopped(stopped=True))
    stage.agrees()
    stage.hears(Measured(600_000, 7))  # what was under way
    stage.wait(DISOBEY_S)
    stage.hears(Measured(600_000, 7))
    assert stopped(stage)[1:] == [(DISOBEY_S, False, Why.STOP_IGNORED)]
    assert not stage.core.stoppable


# ---- laws

shapes = st.builds(
    Shape,
    st.sampled_from([0, 64_000, 200_000, 666_000, 910_000, 1_350_000, 4_000_000]),
    st.sampled_from([0, 99, 396, 1344, 3600, 8160]),
    st.sampled_from([0, 11_880, 40_500, 108_000]),
)
events = st.one_of(
    st.builds(Wanted, shapes),
    st.builds(Noted, st.sampled_from([None, 64_000, 666_000, 1_350_000])),
    st.builds(Measured, st.sampled_from([0, 300_000, 700_000, 1_400_000]), st.sampled_from([0, 7])),
    st.just(Refused()),
    st.just("agrees"),
)
scripts = st.lists(st.tuples(events, st.floats(0, 15)), max_size=40)
dialects = st.sampled_from([frozenset(), TMMBR, REMB, TMMBR | REMB])


def play(spoken: frozenset[Dialect], script) -> Stage:
    stage = Stage(spoken)
    for event, pause in script:
        if event == "agrees":
            if stage.orders(Reoffer):
                stage.agrees()
        else:
            stage.hears(event)
        stage.wait(pause)
    return stage


@given(dialects, scripts)
def test_orders_keep_their_distance(spoken, script):
    stage = play(spoken, script)
    for kind, least in ((SendTmmbr, LEAST_S), (SendRemb, LEAST_S), (Reoffer, PAUSE_S)):
        times = [at for at, order in stage.ordered if isinstance(order, kind)]
        assert all(b - a >= least - 2e-3 for a, b in pairwise(times))


@given(dialects, scripts)
def test_only_agreed_dialects_are_spoken_and_never_more_than_the_call_allows(spoken, script):
    stage = play(spoken, script)
    assert Dialect.TMMBR in spoken or not stage.orders(SendTmmbr)
    assert Dialect.REMB in spoken or not stage.orders(SendRemb)
    for order in stage.orders(SendTmmbr) + stage.orders(SendRemb):
        assert 0 < order.bps <= MOST.bps
    for order in stage.orders(Reoffer):
        assert order.shape == order.shape.within(MOST)
        assert order.shape.bps > 0


@given(dialects, scripts, shapes)
def test_a_wish_that_lasts_is_said_in_the_end(spoken, script, wish):
    stage = play(spoken, script)
    stage.hears(Measured(0, 7))
    stage.wants(wish)
    for _ in range(20):  # whoever answers at last
        if stage.orders(Reoffer):
            stage.agrees()
        stage.wait(60)
        stage.hears(Measured(0, 7))
    wanted = wish.within(MOST)
    assert stage.core._described is not None
    described = stage.core._described
    assert (described.fs, described.mbps) == (wanted.fs, wanted.mbps)
    if spoken:
        assert stage.core.told_bps <= wanted.bps
        assert stage.core.told_bps * NOTABLE * 1.1 >= wanted.bps
    else:
        assert described.bps * 1.1 >= wanted.bps
        assert wanted.bps >= described.bps * 0.6


@given(dialects, scripts)
def test_a_settled_source_is_left_in_peace(spoken, script):
    stage = play(spoken, script)
    stage.wants(MOST)
    stage.hears(Measured(300_000, 7))
    for _ in range(5):
        if stage.orders(Reoffer):
            stage.agrees()
        stage.wait(60)
        if stage.orders(SendTmmbr):
            stage.hears(Noted(stage.orders(SendTmmbr)[-1].bps))
    said = len(stage.ordered)
    stage.wait(3600)
    assert len(stage.ordered) == said

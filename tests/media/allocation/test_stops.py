"""Who is asked for no picture at all, on one line in virtual time."""

from dataclasses import dataclass, field

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.output import StopPicture
from sfu.media.allocation.rung import Why
from sfu.media.allocation.stops import OVER_S, QUEUE_S, TRY_S, WAIT_MOST_S, WAIT_S, Stops, Uplink
from sfu.media.allocation.usual import usual
from sfu.media.allocation.world import Encoding, Sender
from sfu.model import Framing, LineId, MemberId, SourceId

LINE = LineId(1)
PLAIN = Encapsulation(Framing.PLAIN, 0)
A, B = MemberId("a"), MemberId("b")


@dataclass
class Stage:
    """One line, who sends on it at which rate, and what was ordered when."""

    bears_bps: float = 2_000_000
    nominal_bps: float = 2_000_000
    used_bps: float = 2_000_000
    congested: bool = False
    rates: dict[MemberId, float] = field(default_factory=lambda: {A: 600_000.0})
    heedful: set[MemberId] = field(default_factory=set)
    unstoppable: set[MemberId] = field(default_factory=set)
    places: dict[MemberId, int] = field(default_factory=dict)
    now: float = 0.0

    def __post_init__(self):
        self.stops = Stops()
        self.orders: list[tuple[float, StopPicture]] = []

    def run(self, seconds):
        """Let time pass; return who was stopped (True) or let back, and when since then."""
        began, before = self.now, len(self.orders)
        for _ in range(round(seconds * 10)):
            self.tick()
            self.now = round(self.now + 0.1, 3)
        return [(one.member, one.stopped, round(at - began, 1)) for at, one in self.orders[before:]]

    def tick(self):
        uplink = Uplink(
            PLAIN, self.bears_bps, 0.85 * self.bears_bps, 0.85 * self.nominal_bps, self.used_bps,
            self.congested,
        )  # fmt: skip
        senders = {one: self.sender(one) for one in self.rates}
        place = lambda member: self.places.get(member, 0)  # noqa: E731
        for order in self.stops.update(senders, {LINE: uplink}, place, self.now):
            self.orders.append((self.now, order))

    def stopped_for(self, bears_bps=2_000_000):
        """Have a queue, then a line that bears so much; return how long it was stopped for."""
        self.congested, self.bears_bps = True, 400_000
        self.run(QUEUE_S + 0.2)
        assert self.stops.of(A) is not None
        self.congested, self.bears_bps = False, bears_bps
        began = self.orders[-1][0]
        while self.stops.of(A) is not None:
            self.run(0.1)
        return round(self.now - began)

    def sender(self, member):
        silent = self.stops.of(member) is not None
        rate = 0.0 if silent or member in self.heedful else self.rates[member]
        encoding = Encoding(SourceId(1), "", 720, 25.0, usual(720, top=True), fixed_bps=rate)
        deaf = member not in self.heedful
        return Sender(member, LINE, 40, (encoding,), deaf, member not in self.unstoppable)


def test_the_deaf_are_left_alone_where_their_line_bears_them():
    assert Stage().run(600) == []


def test_in_a_queue_they_are_stopped_soon_and_else_after_five_seconds():
    stage = Stage(bears_bps=400_000, congested=True)
    assert stage.run(5) == [(A, True, QUEUE_S)]
    stage = Stage(bears_bps=400_000)
    assert stage.run(6) == [(A, True, OVER_S)]
    order = stage.orders[0][1]
    assert (order.reason.why, order.reason.available_bps) == (Why.DEAF, 340_000)
    assert 600_000 < order.reason.required_bps < 700_000


def test_without_a_queue_what_leaves_nothing_over_is_let_be():
    stage = Stage(bears_bps=680_000)  # of which it takes 650: more than may be asked for
    assert stage.run(10) == []
    stage.congested = True
    assert stage.run(1) == [(A, True, QUEUE_S)]


def test_a_queue_that_was_none_stops_nobody():
    stage = Stage()
    for _ in range(20):
        stage.congested, stage.bears_bps = True, 400_000
        assert stage.run(QUEUE_S) == []
        stage.congested, stage.bears_bps = False, 2_000_000
        assert stage.run(2) == []


def test_who_obeys_or_cannot_be_asked_is_never_stopped():
    assert Stage(bears_bps=100_000, congested=True, heedful={A}).run(60) == []
    assert Stage(bears_bps=100_000, congested=True, unstoppable={A}).run(60) == []


def test_who_is_seen_large_is_stopped_last_and_no_more_than_must():
    stage = Stage(rates={A: 600_000.0, B: 500_000.0}, places={A: 2, B: 0})
    stage.run(10)
    stage.bears_bps, stage.congested = 800_000, True
    assert stage.run(10) == [(B, True, QUEUE_S)]
    stage.bears_bps = 300_000
    assert stage.run(10) == [(A, True, QUEUE_S)]


def test_it_is_let_back_with_a_fifth_to_spare_that_lasts():
    stage = Stage(bears_bps=400_000, congested=True)
    stage.run(2)
    stage.congested = False
    stage.bears_bps = 850_000  # 0.85 of it are 1.1 x what the picture takes
    assert stage.run(300) == []
    stage.bears_bps = 1_000_000
    assert stage.run(4) == []
    stage.bears_bps = 800_000
    stage.tick()
    stage.bears_bps = 1_000_000
    assert stage.run(10) == [(A, False, 5.0)]


def test_it_is_not_let_back_sooner_than_ten_seconds_after():
    stage = Stage(bears_bps=400_000, congested=True)
    assert stage.run(1) == [(A, True, QUEUE_S)]
    stage.congested, stage.bears_bps = False, 2_000_000
    assert stage.run(60) == [(A, False, WAIT_S - 1 + QUEUE_S)]


def test_each_mistake_doubles_the_wait_and_a_good_hour_forgets_them():
    stage = Stage()
    waits = [stage.stopped_for() for _ in range(9)]
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert WAIT_MOST_S == 600
    stage.run(3_600)
    assert stage.stopped_for() == WAIT_S


def test_where_others_fill_the_line_there_is_no_try():
    stage = Stage(bears_bps=400_000, congested=True)
    stage.run(1)
    stage.congested, stage.used_bps = False, 340_000
    assert stage.run(3_600) == []


def test_where_nobody_else_could_show_room_it_is_tried_ever_more_rarely():
    stage = Stage(used_bps=0)
    tries = [stage.stopped_for(400_000) for _ in range(7)]
    assert [one / TRY_S for one in tries] == [1, 2, 4, 8, 16, 30, 30]


def test_there_is_no_try_of_what_the_line_never_bore():
    stage = Stage(bears_bps=400_000, nominal_bps=500_000, used_bps=0, congested=True)
    stage.run(1)
    stage.congested = False
    assert stage.run(4_000) == []


def test_a_try_is_ended_by_a_queue_alone():
    """The estimate is still that of the thin line: it grows as the picture fills it."""
    stage = Stage(bears_bps=400_000, congested=True, used_bps=0)
    stage.run(1)
    stage.congested = False
    assert stage.run(70) == [(A, False, TRY_S - 1 + QUEUE_S)]
    stage.run(10)
    stage.bears_bps = 1_500_000
    assert stage.run(600) == []


def test_who_refused_or_left_is_let_be():
    stage = Stage(bears_bps=400_000, congested=True)
    stage.run(1)
    stage.unstoppable.add(A)
    assert stage.run(60) == [(A, False, 0.0)]
    stage = Stage(bears_bps=400_000, congested=True)
    stage.run(1)
    stage.rates = {}
    assert stage.run(1) == [(A, False, 0.0)]

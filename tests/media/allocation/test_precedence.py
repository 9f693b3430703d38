"""Why somebody has less than he needs: a thin line, others before him, or a floor of his own."""

from sfu.media.allocation.cost import Cost
from sfu.media.allocation.event import Demand
from sfu.media.allocation.fill import Room
from sfu.media.allocation.precedence import Precedence
from sfu.media.allocation.rung import Why
from sfu.media.allocation.world import DOWN, UP
from sfu.media.engine.pacer import PictureClass
from sfu.model import LineId, MemberId, SinkId

LINE = LineId(1)
PRICE = Cost(1.0, 0.0, 1.0, 0.0)


def demand(sink: int, priority: int = 5, picture_class: PictureClass = PictureClass.MAIN) -> Demand:
    return Demand(
        SinkId(sink), MemberId(f"v{sink}"), LINE, MemberId("m1"), picture_class, priority=priority
    )


def after(first: Demand, second: Demand, *, left: float, takes: bool = True) -> Precedence:
    """Serve one, which leaves so much of 1,000,000, then begin with the other."""
    room = Room(1e6)
    made = Precedence({(LINE, DOWN): room, (LINE, UP): Room(0.0)})
    made.begin([first])
    room.free_bps = left
    made.served([first] if takes else [])
    made.begin([second])
    return made


def why(made: Precedence, late: Demand, least: float = 300_000, needs: float = 300_000) -> Why:
    return made.why(late, PRICE, least, needs)


def test_who_had_enough_without_those_before_him_gives_way_to_their_priority():
    late = demand(2, priority=1)
    assert why(after(demand(1), late, left=100_000), late) is Why.PRIORITY


def test_who_had_too_little_anyway_has_a_thin_line():
    late = demand(2, priority=1)
    made = after(demand(1), late, left=100_000)
    assert why(made, late, 2e6, 2e6) is Why.LINE_DOWN
    assert made.why(late, None, 1, 1) is Why.LINE_DOWN


def test_those_before_him_who_have_nothing_are_not_why():
    late = demand(2, priority=1)
    assert why(after(demand(1), late, left=100_000, takes=False), late) is Why.LINE_DOWN


def test_another_class_before_him_is_no_priority():
    late = demand(2, priority=5, picture_class=PictureClass.THUMBNAIL)
    assert why(after(demand(1), late, left=100_000), late) is Why.LINE_DOWN


def test_what_would_do_for_others_and_not_for_him_is_his_floor():
    late = demand(2)
    made = after(demand(1, picture_class=PictureClass.SLIDES), late, left=200_000)
    assert why(made, late, 120_000, 300_000) is Why.FLOOR
    assert why(made, late, 250_000, 300_000) is Why.LINE_DOWN

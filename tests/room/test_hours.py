"""At the hour: called, freed, warned, ended.  Virtual time, both changes of the clocks."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.room.agenda import Agenda
from sfu.room.booking import Booking, occurrences
from sfu.room.hours import Attended, CallRooms, EndRooms, FreeRooms, Hours, Planned, Warn
from tests.room.week import LAJOUX, MOREZ, NOW, ROOMS, at, booked, wish

MINUTE = 60.0
BOTH = frozenset({LAJOUX, MOREZ})
NINE = at(2027, 3, 12, 9)


def meeting(*rooms, starts=(2027, 3, 12, 9, 0), booking=1, minutes=90):
    asked = wish(*(rooms or (LAJOUX, MOREZ)), starts=starts, minutes=minutes)
    made = Booking(booking, "", asked.rooms[0], asked, 0.0)
    (one,) = occurrences(made, 0, float("inf"))
    return one


def hours(*meetings):
    made = Hours(warn_s=5 * MINUTE, grace_s=15 * MINUTE)
    made.handle(Planned(meetings or (meeting(),)), NOW)
    return made


def run(core, until, *facts):
    """Let time pass from deadline to deadline; facts come when they come."""
    said = []
    waiting = sorted(facts, key=lambda fact: fact[0])
    for _ in range(1000):
        due = min(core.deadline or until, waiting[0][0] if waiting else until, until)
        if waiting and waiting[0][0] <= due:
            at_, fact = waiting.pop(0)
            core.handle(fact, at_)
            due = at_
        core.tick(due)
        said += [(round((due - NINE) / MINUTE, 3), one) for one in core.poll()]
        if due >= until:
            return [(when, type(one).__name__, getattr(one, "rooms", None)) for when, one in said]
    raise AssertionError("it does not come to rest")


def test_a_meeting_that_goes_well():
    said = run(hours(), NINE + 2 * 3600, (NINE + 30, Attended(LAJOUX, BOTH, 2)))
    assert said == [
        (0, "CallRooms", (LAJOUX, MOREZ)),
        (85, "Warn", None),
        (90, "EndRooms", ()),
    ]


def test_who_does_not_answer_is_called_again_twice_and_then_freed():
    there = Attended(LAJOUX, frozenset({LAJOUX}), 2)
    assert run(hours(), NINE + 20 * MINUTE, (NINE + 30, there)) == [
        (0, "CallRooms", (LAJOUX, MOREZ)),
        (2, "CallRooms", (MOREZ,)),
        (4, "CallRooms", (MOREZ,)),
        (15, "FreeRooms", (MOREZ,)),
    ]


def test_where_fewer_than_two_met_all_is_freed_and_nobody_is_warned():
    alone = Attended(LAJOUX, BOTH, 1)
    assert run(hours(), NINE + 3 * 3600, (NINE + 30, alone)) == [
        (0, "CallRooms", (LAJOUX, MOREZ)),
        (15, "FreeRooms", (LAJOUX, MOREZ)),
    ]


def test_who_was_there_and_hung_up_is_not_called_again_nor_freed():
    facts = [
        (NINE + 30, Attended(LAJOUX, BOTH, 3)),
        (NINE + 60, Attended(LAJOUX, frozenset({LAJOUX}), 2)),
    ]
    assert [name for _, name, _ in run(hours(), NINE + 20 * MINUTE, *facts)] == ["CallRooms"]


def test_who_came_early_is_not_called():
    early = (NINE - 5 * MINUTE, Attended(LAJOUX, BOTH, 2))
    assert run(hours(), NINE + 20 * MINUTE, early) == []


def test_at_the_end_only_rooms_that_others_want_are_hung_up():
    after = meeting(MOREZ, starts=(2027, 3, 12, 10, 30), booking=2)
    core = hours(meeting(), after)
    said = run(core, NINE + 91 * MINUTE, (NINE + 30, Attended(LAJOUX, BOTH, 2)))
    assert said[-2:] == [(90, "EndRooms", (MOREZ,)), (90.083, "CallRooms", (MOREZ,))]


def test_a_restart_in_the_middle_calls_again_and_gives_the_same_grace():
    assert run(hours(), NINE - MINUTE) == []
    core = Hours(5 * MINUTE, 15 * MINUTE)
    late = NINE + 40 * MINUTE
    core.handle(Planned((meeting(),)), late)
    core.tick(late)
    assert [type(one) for one in core.poll()] == [CallRooms]
    core.tick(late + 15 * MINUTE)
    assert [type(one) for one in core.poll()][-1] is FreeRooms


def test_what_is_cancelled_or_over_does_not_ring():
    core = hours()
    core.handle(Planned(()), NINE - 1)
    assert run(core, NINE + 7200) == []
    core = hours()
    core.tick(NINE + 91 * MINUTE)
    assert list(core.poll()) == []


def test_the_number_is_held_from_a_quarter_before_to_the_end():
    core = hours()
    assert core.holder(LAJOUX, NINE - 16 * MINUTE) is None
    held = core.holder(LAJOUX, NINE - 14 * MINUTE)
    assert held is not None
    assert held.organisation == "Parc"
    assert core.holder(LAJOUX, NINE + 89 * MINUTE) == held
    assert core.holder(LAJOUX, NINE + 90 * MINUTE) is None
    assert core.holder(MOREZ, NINE) is None


@pytest.mark.parametrize(
    ("starts", "until", "rings"),
    [
        ((2027, 3, 21, 9, 0), (2027, 4, 4), ["03-21 08", "03-28 07", "04-04 07"]),
        ((2027, 10, 24, 9, 0), (2027, 11, 7), ["10-24 07", "10-31 08", "11-07 08"]),
    ],
)
def test_it_rings_at_nine_by_the_wall_before_on_and_after_the_change(starts, until, rings):
    agenda = Agenda(ROOMS)
    booked(agenda, wish(starts=starts, until=until))
    core, now, said = Hours(300, 900), at(*starts) - 3600, []
    for _ in range(17 * 24 * 4):
        now += 15 * MINUTE
        core.handle(Planned(tuple(agenda.between(now - 3600, now + 86_400))), now)
        core.tick(now)
        called = [one for one in core.poll() if isinstance(one, CallRooms)]
        said += [f"{datetime.fromtimestamp(now, UTC):%m-%d %H}" for _ in called]
    assert list(dict.fromkeys(said)) == rings


moments = st.integers(0, 200)
facts = st.lists(
    st.tuples(
        moments,
        st.builds(
            Attended, st.just(LAJOUX), st.frozensets(st.sampled_from([LAJOUX, MOREZ])),
            st.integers(0, 5),
        ),
    ),
    max_size=8,
)  # fmt: skip


@given(facts)
def test_whoever_comes_and_goes_each_thing_is_done_in_its_turn(told):
    core, said = hours(), []
    by_minute = dict(told)
    for minute in range(201):
        if minute in by_minute:
            core.handle(by_minute[minute], NINE + minute * MINUTE)
        core.tick(NINE + minute * MINUTE)
        said += [(minute, one) for one in core.poll()]
    calls = [minute for minute, one in said if isinstance(one, CallRooms)]
    assert len(calls) <= 3
    assert all(minute <= 4 for minute in calls)
    for kind, minute in ((FreeRooms, 15), (Warn, 85), (EndRooms, 90)):
        assert [when for when, one in said if isinstance(one, kind)] in ([], [minute])


def test_days_of_the_plan_are_days_of_its_zone():
    assert meeting().day == date(2027, 3, 12)

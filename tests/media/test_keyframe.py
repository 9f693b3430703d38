from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.keyframe import (
    INTERVAL_S,
    LEAST_S,
    LONG_REPEAT_S,
    VOLLEY_S,
    Arrived,
    KeyframeEvent,
    KeyframeRequests,
    Routed,
    Started,
    Stopped,
    Wanted,
)


def play_all(*script: tuple[float, KeyframeEvent | None]) -> list[tuple[float, bool]]:
    """Feed (now, event) pairs, None being a tick; return when we asked and how loudly."""
    core, asked = KeyframeRequests(), []
    for now, event in script:
        if event is None:
            core.tick(now)
        else:
            core.handle(event, now)
        asked += [(now, ask.escalated) for ask in core.poll()]
    assert core.asked == len(asked)
    return asked


def play(*script: tuple[float, KeyframeEvent | None]) -> list[float]:
    return [now for now, _ in play_all(*script)]


def ticks(until: float, step: float = 0.1) -> list[tuple[float, None]]:
    return [(round(n * step, 3), None) for n in range(1, round(until / step) + 1)]


def test_ten_sinks_cost_one_request():
    assert play(*[(7.0, Wanted())] * 10) == [7.0]


def test_a_lost_request_is_repeated_until_the_frame_arrives():
    assert play((0, Wanted()), (0.2, None), (0.3, Arrived()), (9, None)) == [0, 0.2]


def test_a_broken_picture_is_asked_for_at_0_a_fifth_half_1_and_2_seconds():
    assert play((0, Wanted()), *ticks(3.9)) == [0, 0.2, 0.5, 1.0, 2.0]


def test_a_source_that_begins_with_a_key_frame_is_not_asked_for_another():
    assert play((0, Arrived()), (0.05, Started()), *ticks(3.0)) == []
    assert play((0, Arrived()), (0.9, Stopped()), (8, Started())) == [8]


@pytest.mark.parametrize("event", [Started(), Routed()])
def test_while_somebody_sees_nothing_it_is_asked_each_third_of_a_second(event):
    asked = play_all((0, event), *ticks(9.0, 0.005))
    early = [at for at, _ in asked if at < 5]
    assert early[:6] == pytest.approx([0, 0.2, 0.4, 0.445, 0.49, 0.535])  # forgotten, it seems
    assert len(early) == 18
    assert all(later - one < 0.45 for one, later in pairwise(early))
    loud = [at for at, escalated in asked if escalated]
    assert loud[0] < 1.4
    assert all(1.0 <= later - one < 2.4 for one, later in pairwise(loud))


def test_for_a_late_joiner_a_source_that_gave_nothing_is_asked_often_again():
    asked = play((0, Started()), *ticks(9.0), (9.1, Routed()), *ticks(10.0)[91:])
    assert len([at for at in asked if at >= 9.1]) >= 3


def test_the_first_key_frame_ends_the_schedule_of_the_call_start():
    began = [(0, Started()), *ticks(0.5)]
    assert play(*began, (0.51, Arrived()), *ticks(9.0)[5:]) == [0, 0.2, 0.4, 0.5]  # a volley, too


def test_after_a_second_without_a_frame_the_wish_is_escalated():
    asked = play_all((0, Wanted()), *ticks(2))
    assert asked == [(0, False), (0.2, False), (0.5, False), (1.0, True), (2.0, True)]


def test_the_next_wish_after_a_frame_starts_softly_again():
    asked = play_all((0, Wanted()), (2, None), (2.1, Arrived()), (8, Wanted()))
    assert asked == [(0, False), (2, True), (8, False)]


def test_a_source_that_never_answers_is_asked_ever_more_slowly():
    late = [at for at in play((0, Started()), *ticks(20)) if at >= 6]
    assert {round(b - a, 3) for a, b in pairwise(late)} == {LONG_REPEAT_S}


def test_a_late_joiner_does_not_wait_for_a_long_pause_to_end():
    assert play((0, Wanted()), *ticks(2.5), (2.6, Wanted())) == [0, 0.2, 0.5, 1.0, 2.0, 2.6]


def test_a_wish_right_after_a_frame_waits_its_turn_and_is_not_lost():
    assert play((0, Wanted()), (0.1, Arrived()), (0.2, Wanted()), *ticks(0.5)) == [0, 0.5]


def test_a_late_joiner_right_after_a_frame_waits_less_than_who_has_a_picture():
    assert play((0, Wanted()), (0.05, Arrived()), (0.1, Routed()), *ticks(0.3)) == [0, 0.2]
    assert play((0, Wanted()), (0.05, Arrived()), (0.3, Routed())) == [0, 0.3]


def test_a_stopped_source_is_asked_nothing():
    assert play((0, Wanted()), (0.1, Stopped()), *ticks(9)) == [0]


events = st.sampled_from([Wanted(), Routed(), Arrived(), Started(), Stopped(), None])
scripts = st.lists(st.tuples(st.floats(0, 20), events), max_size=60).map(
    lambda pairs: sorted(pairs, key=lambda pair: pair[0])
)


@given(scripts)
def test_requests_keep_their_distance(script):
    asked = play(*script)
    close = [later - earlier < LEAST_S - 1e-9 for earlier, later in pairwise(asked)]
    assert all(
        later - earlier >= VOLLEY_S - 1e-9
        for (earlier, later), near in zip(pairwise(asked), close, strict=True)
        if near
    )
    assert not any(all(close[at : at + 4]) for at in range(len(close) - 3))  # a volley is short


@given(scripts)
def test_who_waits_is_asked_for_at_once_or_within_the_distance(script):
    core = KeyframeRequests()
    for now, event in script:
        if event is not None:
            core.handle(event, now)
        if isinstance(event, Wanted):
            asked_now = any(True for _ in core.poll())
            assert core.deadline is not None
            assert asked_now or core.deadline <= now + INTERVAL_S
        else:
            core.tick(now)
            list(core.poll())


def test_a_wish_said_again_is_known_as_such_until_it_is_escalated():
    core = KeyframeRequests()
    core.handle(Wanted(), 0)
    asked = list(core.poll())
    for now in (0.2, 0.5, 1.0, 2.0):
        core.tick(now)
        asked += core.poll()
    assert [ask.repeated for ask in asked] == [False, True, True, False, False]
    assert core.unanswered_s(3.0) == 3.0
    core.handle(Arrived(), 3.1)
    assert core.unanswered_s(4.0) == 0.0
    core.handle(Wanted(), 5.0)
    assert [ask.repeated for ask in core.poll()] == [False]


def test_wishes_from_behind_a_line_keep_to_a_budget_and_joiners_do_not():
    core, asked = KeyframeRequests(), []
    for tenth in range(300):
        now = tenth / 10
        core.handle(Wanted(budgeted=True), now)
        if any(True for _ in core.poll()):
            asked.append(now)
            core.handle(Arrived(), now + 0.05)
    assert asked[1] <= 0.7
    assert all(later - one >= 2.9 for one, later in pairwise(asked[2:]))
    core.handle(Routed(), 30.0)
    assert any(True for _ in core.poll())


def test_a_budgeted_wish_that_nobody_answers_is_repeated_like_any_other():
    script = [(0.0, Wanted(budgeted=True)), *ticks(3.9)]
    assert play(*script) == [0, 0.2, 0.5, 1.0, 2.0]


def test_a_joiner_never_waits_for_the_budget():
    core = KeyframeRequests()
    for at in (0.0, 0.3, 0.6, 0.9):
        core.handle(Arrived(), at)
    core.handle(Wanted(budgeted=True), 1.0)
    assert not list(core.poll())
    core.handle(Routed(), 1.1)
    assert list(core.poll())

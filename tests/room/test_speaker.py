from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.model import MemberId
from sfu.room.speaker import HOLD_S, MARGIN, QUICK_HOLD_S, QUICK_S, STEADY_S, Speaker

A, B, C = MemberId("a"), MemberId("b"), MemberId("c")


class Stage:
    """A speaker that hears the same scores for a while, ten times a second."""

    def __init__(self) -> None:
        self.speaker = Speaker()
        self.now = 0.0
        self.changes: list[tuple[float, MemberId | None]] = []

    def hear(self, seconds: float, **scores: float) -> MemberId | None:
        for _ in range(round(seconds * 10)):
            self.now = round(self.now + 0.1, 3)
            before = self.speaker.leader
            self.speaker.hear({MemberId(m): score for m, score in scores.items()}, self.now)
            if self.speaker.leader != before:
                self.changes.append((self.now, self.speaker.leader))
        return self.speaker.leader


def test_nobody_leads_before_somebody_spoke():
    assert Stage().hear(5, a=3, b=5) is None


def test_the_first_to_speak_leads_quickly():
    assert Stage().hear(QUICK_S + 0.2, a=30, b=0) == A


def test_a_cough_takes_nothing_over():
    stage = Stage()
    stage.hear(3, a=30)
    stage.hear(0.5, a=30, b=50)
    assert stage.hear(3, a=30, b=0) == A


def test_a_silent_leader_still_leads_while_nobody_else_speaks():
    stage = Stage()
    stage.hear(3, a=30)
    assert stage.hear(60, a=0, b=4) == A


def test_a_silent_leader_loses_to_who_speaks_quickly():
    stage = Stage()
    stage.hear(3, a=30)
    assert stage.hear(QUICK_S + 0.2, a=0, b=20) == B


def test_against_a_leader_who_speaks_it_takes_to_be_louder_and_steady():
    stage = Stage()
    stage.hear(3, a=30, b=0)
    assert stage.hear(5, a=30, b=30 + MARGIN - 1) == A
    assert stage.hear(STEADY_S - 0.2, a=30, b=30 + MARGIN) == A
    assert stage.hear(0.4, a=30, b=30 + MARGIN) == B


def test_a_new_leader_who_speaks_is_held():
    stage = Stage()
    stage.hear(0.5, a=30)
    stage.hear(10, a=30, b=45)
    (took, _), (lost, _) = stage.changes
    assert lost - took >= HOLD_S - 1e-9


def test_even_a_silent_new_leader_has_its_moment():
    stage = Stage()
    stage.hear(0.4, a=30)
    stage.hear(2, a=0, b=30)
    (took, _), (lost, _) = stage.changes
    assert lost - took >= QUICK_HOLD_S - 1e-9


def test_two_challengers_do_not_put_each_other_off():
    stage = Stage()
    stage.hear(3, a=30)
    for _ in range(8):
        stage.hear(0.1, a=0, b=30, c=31)
        stage.hear(0.1, a=0, b=31, c=30)
    assert stage.speaker.leader in {B, C}


def test_who_led_before_leads_again_when_the_leader_leaves():
    stage = Stage()
    stage.hear(3, a=30)
    stage.hear(3, a=0, b=30)
    stage.speaker.forget(B, stage.now)
    assert stage.speaker.recent == [A]
    stage.speaker.forget(A, stage.now)
    assert stage.speaker.leader is None


def test_a_challenger_that_leaves_leaves_no_deadline_behind():
    stage = Stage()
    stage.hear(3, a=30)
    stage.hear(0.1, a=0, b=30)
    assert stage.speaker.deadline is not None
    stage.speaker.forget(B, stage.now)
    assert stage.speaker.deadline is None


steps = st.tuples(
    st.sampled_from([0.1, 0.3, 1.0]),
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.sampled_from([0.0, 8.0, 12.0, 30.0, 50.0])
    ),
)


@settings(max_examples=40)
@given(st.lists(steps, max_size=30))
def test_the_leader_changes_no_more_often_than_the_hysteresis_permits(script):
    stage = Stage()
    for seconds, scores in script:
        stage.hear(seconds, **scores)
    times = [at for at, _ in stage.changes]
    assert all(later - earlier >= QUICK_HOLD_S - 1e-9 for earlier, later in pairwise(times))


@settings(max_examples=40)
@given(st.lists(steps, max_size=30))
def test_two_who_speak_without_pause_change_places_no_more_often_than_the_hold(script):
    stage = Stage()
    for seconds, scores in script:
        stage.hear(seconds, a=20.0 + scores.get("a", 0.0), b=20.0 + scores.get("b", 0.0))
    times = [at for at, _ in stage.changes]
    assert all(later - earlier >= HOLD_S - 1e-9 for earlier, later in pairwise(times))

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.signalling.sip.timers import Alarms


def test_alarms_ring_in_order_and_can_be_moved_and_cleared():
    alarms: Alarms[str] = Alarms()
    for key, when in (("a", 3.0), ("b", 1.0), ("c", 2.0), ("a", 0.5), ("c", None)):
        alarms.set(key, when)
    assert alarms.deadline == 0.5
    assert list(alarms.due(2.5)) == ["a", "b"]
    assert alarms.deadline is None


def test_an_alarm_may_set_itself_again_while_it_rings():
    alarms: Alarms[str] = Alarms()
    alarms.set("a", 1.0)
    for key in alarms.due(1.0):
        alarms.set(key, 2.0)
    assert alarms.deadline == 2.0


steps = st.lists(
    st.tuples(st.integers(0, 5), st.none() | st.integers(0, 20).map(float)), max_size=300
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_alarms_agree_with_a_plain_table(moves):
    alarms: Alarms[int] = Alarms()
    table: dict[int, float] = {}
    for key, when in moves:
        alarms.set(key, when)
        table.pop(key, None)
        if when is not None:
            table[key] = when
    assert alarms.deadline == min(table.values(), default=None)
    assert sorted(alarms.due(10)) == sorted(key for key, when in table.items() if when <= 10)

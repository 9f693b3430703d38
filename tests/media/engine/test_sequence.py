from hypothesis import given
from hypothesis import strategies as st

from sfu.media.engine.sequence import Counter, Places


def test_numbers_are_extended_over_the_wrap() -> None:
    counter = Counter()
    taken = [counter.take(1, it) for it in (65534, 65535, 0, 65533)]
    assert taken == [(65534, False), (65535, False), (65536, False), (65533, True)]


def test_one_stray_is_not_believed_two_in_a_row_are() -> None:
    counter = Counter()
    counter.take(1, 10)
    assert counter.take(1, 30000) is None
    assert counter.take(1, 30001) == (30001, False)
    assert counter.restarted


def test_a_late_packet_gets_its_place_once() -> None:
    places = Places(100)
    places.rebase(7)
    assert (places.find(7), places.take()) == ((True, 0), 100)
    assert (places.find(9), places.take()) == ((True, 0), 102)
    assert places.find(8) == (False, 101)
    assert places.find(8) is None


@given(st.lists(st.integers(1, 400)), st.integers(0, 0xFFFF))
def test_no_number_is_given_twice(arrivals: list[int], first: int) -> None:
    places = Places(first)
    places.rebase(1)
    given_out = []
    for extended in arrivals:
        found = places.find(extended)
        if found is not None:
            given_out.append(places.take() if found[0] else found[1])
    assert len(given_out) == len(set(given_out))


def test_for_the_numbers_the_engine_keeps_to_itself_none_is_kept() -> None:
    places = Places(100)
    places.rebase(0xFFFC)
    assert places.find(0xFFFC) == (True, 0)
    assert places.find(0x10001) == (True, 0)
    assert places.find(0xFFFD) == (False, 100)
    assert places.find(0xFFFE) is None
    assert places.find(0xFFFF) is None
    assert places.find(0x10000) == (False, 103)

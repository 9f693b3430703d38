"""The laws of N-1."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from sfu.media.mix import FRAME
from sfu.media.mix.sum import KNEE, Plan, minus_own, soften

frames = nps.arrays(np.int16, st.tuples(st.integers(1, 8), st.just(16)))


@settings(max_examples=25)
@given(frames)
def test_everybody_hears_exactly_the_others(rows):
    sums = minus_own(rows)
    for own in range(len(rows)):
        others = [row.astype(int) for index, row in enumerate(rows) if index != own]
        assert (sums[own] == sum(others, np.zeros(16, dtype=int))).all()


@settings(max_examples=25)
@given(frames, st.integers(0, 2**32 - 1))
def test_nothing_of_ones_own_sound_is_left_in_what_one_hears(rows, seed):
    changed = rows.copy()
    changed[0] = np.random.default_rng(seed).integers(-32768, 32768, 16)
    assert (minus_own(rows)[0] == minus_own(changed)[0]).all()


sets = st.lists(st.frozensets(st.integers(0, 11)), max_size=12)


@settings(max_examples=60)
@given(sets, nps.arrays(np.int16, (12, 4)))
def test_a_plan_gives_what_adding_up_would(wanted, rows):
    frames = np.vstack([rows, np.zeros((1, 4), dtype=np.int16)])
    sums = Plan(wanted, 12).sums(frames)
    assert sums.shape == (len(wanted), 4)
    for inputs, one in zip(wanted, sums, strict=True):
        assert (one == rows[sorted(inputs)].sum(axis=0, dtype=np.int32)).all()


def test_rooms_side_by_side_do_not_hear_each_other():
    rooms = [frozenset({0, 1, 2}) - {own} for own in range(3)]
    rooms += [frozenset({3, 4}) - {own} for own in (3, 4)]
    frames = np.zeros((6, FRAME), dtype=np.int16)
    frames[:5] = np.array([[1], [10], [100], [1000], [10000]])
    heard = Plan(rooms, 5).sums(frames)[:, 0]
    assert list(heard) == [110, 101, 11, 10000, 1000]


@settings(max_examples=25)
@given(nps.arrays(np.int32, 32, elements=st.integers(-KNEE, KNEE)))
def test_what_is_not_too_loud_passes_bit_for_bit(sums):
    assert (soften(sums) == sums).all()


def test_what_is_too_loud_is_bent_not_cut_and_keeps_its_order():
    loud = np.arange(-500_000, 500_001, 997, dtype=np.int32)
    bent = soften(loud).astype(int)
    assert (np.diff(bent) >= 0).all()
    assert abs(bent).max() <= 32767
    assert (bent[np.abs(loud) > 30_000] != np.sign(loud[np.abs(loud) > 30_000]) * 32767).any()
    assert (bent == -bent[::-1]).all() == (loud == -loud[::-1]).all()

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.split import NOTHING, Rate, Viewer, split
from sfu.media.allocation.temporal import PART

LOW, HIGH = Rate(42_000, 199_000), Rate(120_000, 1_200_000)
ONE = [Rate(120_000, 1_400_000)]
PLENTY = 1e12


def watch(rates, *kbps, up=PLENTY, best=9, has=9):
    viewers = [Viewer(1000.0 * one, min(best, len(rates) - 1), has) for one in kbps]
    return split(rates, viewers, up)[0]


def test_equal_lines_all_see_the_top_layer_at_the_poorest_ones_share():
    given, meant, _ = split([LOW, HIGH], [Viewer(700_000, 1, 9), Viewer(650_000, 1, 9)], PLENTY)
    assert given == [1, 1]
    assert meant[1] == 650_000


def test_a_much_thinner_line_gets_the_thin_layer_and_drags_nobody_down():
    assert watch([LOW, HIGH], 700, 700, 200) == [1, 1, 0]
    assert watch([LOW, HIGH], 700, 700, 600) == [1, 1, 1]


def test_one_stream_is_held_to_the_thin_viewer_while_the_fat_ones_lose_little():
    assert watch(ONE, 1200, 300) == [0, 0]
    assert watch(ONE, 1200, 1200, 1200, 1200, 1200, 800) == [0] * 6


def test_beside_fat_ones_who_would_lose_too_much_the_thin_viewer_waits():
    assert watch(ONE, 1200, 250) == [0, NOTHING]
    assert watch(ONE, 1200, 1200, 1200, 1200, 1200, 700) == [0] * 5 + [NOTHING]


def test_who_cannot_be_steered_is_seen_by_those_whose_line_bears_it():
    deaf = [Rate(120_000, 1_400_000, fixed_bps=900_000)]
    assert watch(deaf, 1200, 800) == [0, NOTHING]


def test_the_senders_line_bears_one_layer_or_both():
    assert watch([LOW, HIGH], 700, 200, up=700_000) == [1, 0]
    assert watch([LOW, HIGH], 700, 200, up=150_000) in ([0, 0], [1, 1])
    assert watch([LOW, HIGH], 700, 200, up=30_000) == [NOTHING, NOTHING]


def test_a_small_place_takes_no_large_layer_however_wide_its_line():
    viewers = [Viewer(900_000, 0, 9), Viewer(300_000, 1, 9)]
    assert split([LOW, HIGH], viewers, PLENTY)[0] == [0, 1]


def test_up_needs_a_fifth_to_spare():
    assert watch([LOW, HIGH], 130, has=9) == [1]
    assert watch([LOW, HIGH], 130, has=0) == [0]
    assert watch([LOW, HIGH], 400, has=0) == [1]


shares = st.lists(st.integers(0, 3000), max_size=12)


@given(shares, st.integers(0, 3000))
def test_each_viewer_bears_his_layer_and_who_has_more_never_sees_less(kbps, up):
    viewers = [Viewer(1000.0 * one, 1, 9) for one in kbps]
    given, meant, _ = split([LOW, HIGH], viewers, 1000.0 * up)
    assert sum(meant) <= 1000 * up + 1
    for viewer, layer in zip(viewers, given, strict=True):
        if layer != NOTHING:
            assert viewer.share_bps >= meant[layer] >= (LOW, HIGH)[layer].floor_bps
    ranked = sorted(zip(kbps, given, strict=True))
    # groups within a tenth count as one, so look beyond that
    for one, low in ranked:
        assert all(high >= low for other, high in ranked if other > one / 0.9 + 1)


@pytest.mark.parametrize("count", [1, 5, 19])
def test_all_alike_is_never_cut(count):
    assert set(watch([LOW, HIGH], *[640] * count)) == {1}


# ---- half the pictures

LAYERED = [Rate(42_000, 199_000, halves=True), Rate(120_000, 1_200_000, halves=True)]


def halves(rates, *kbps, halved=False, **more):
    viewers = [Viewer(1000.0 * one, len(rates) - 1, 9, halved=halved, **more) for one in kbps]
    return split(rates, viewers, PLENTY)


def test_a_thin_line_sees_half_the_pictures_of_what_others_see_whole():
    given, meant, halved = halves(LAYERED, 1200, 500)
    assert (given, halved) == ([1, 1], {1})
    assert meant[1] == pytest.approx(500_000 / PART)


def test_lines_that_differ_by_little_share_all_pictures():
    assert halves(LAYERED, 700, 640)[2] == frozenset()
    assert halves(LAYERED, 1000, 800)[2] == frozenset()


def test_a_much_thinner_line_sees_the_thin_layer_whole():
    given, _, halved = halves(LAYERED, 1200, 250)
    assert (given, halved) == ([1, 0], frozenset())


def test_where_layers_cannot_be_told_apart_nobody_sees_half():
    assert halves([LOW, HIGH], 1200, 500)[2] == frozenset()


def test_who_sees_half_goes_on_where_he_would_not_begin_to():
    begins = {share for share in range(400, 1200, 10) if halves(LAYERED, 1200, share)[2]}
    stays = {
        share for share in range(400, 1200, 10)
        if 1 in split(
            LAYERED, [Viewer(1.2e6, 1, 9), Viewer(1000.0 * share, 1, 9, halved=True)], PLENTY
        )[2]
    }  # fmt: skip
    assert begins < stays


def test_what_is_too_little_for_all_pictures_is_not_halved_for_one():
    low = [Rate(120_000, 1_200_000, halves=True)]
    assert halves(low, 150, 90)[2] == frozenset()
    assert halves(low, 400, 240)[2] == {1}


def test_half_of_what_cannot_be_steered_is_seen_where_all_of_it_does_not_fit():
    deaf = [Rate(120_000, 1_400_000, fixed_bps=900_000, halves=True)]
    given, _, halved = halves(deaf, 1200, 700)
    assert (given, halved) == ([0, 0], {1})
    assert halves(deaf, 1200, 500)[0] == [0, NOTHING]


def test_a_floor_is_a_floor_of_half_the_pictures_too():
    assert halves(LAYERED, 1200, 500, floor_bps=550_000)[2] == frozenset()


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=10), st.integers(0, 3000))
def test_nobody_is_sent_more_than_his_line_has_however_many_see_half(kbps, up):
    viewers = [Viewer(1000.0 * one, 1, 9) for one in kbps]
    given, meant, halved = split(LAYERED, viewers, 1000.0 * up)
    for index, (viewer, level) in enumerate(zip(viewers, given, strict=True)):
        if level >= 0:
            part = PART if index in halved else 1.0
            assert part * meant[level] <= viewer.share_bps * (1 + 1e-9)
    assert sum(meant) <= 1000.0 * up + 1

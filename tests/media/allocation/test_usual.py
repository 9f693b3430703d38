from sfu.media.allocation.usual import usual


def test_a_picture_of_360_lines():
    one = usual(360, top=True)
    assert (one.floor_bps, one.good_bps, one.most_bps) == (120_000, 450_000, 1_200_000)


def test_a_lower_layer_is_never_sent_at_what_the_next_one_looks_better_with():
    assert usual(180, top=False).most_bps < usual(360, top=True).good_bps


def test_what_the_call_allows_bounds_all_three():
    one = usual(720, top=True, max_bps=200_000)
    assert one.floor_bps == one.good_bps == one.most_bps == 200_000


def test_a_height_not_known_yet_is_taken_for_a_room_codec():
    assert usual(0, top=True) == usual(720, top=True)

import pytest

from sfu.model import Codec
from sfu.signalling.sdp import h264
from sfu.signalling.sdp.format import Format, split_parameters


def form(fmtp: str, pt: int = 96) -> Format:
    return Format(pt, "H264", 90_000, tuple(split_parameters(fmtp)), fmtp, Codec.H264)


def limits(fmtp: str):
    found = h264.limits_of(form(fmtp))
    assert found is not None
    return found


def test_without_parameters_it_is_level_1_in_mode_0():
    found = limits("")
    assert (found.profile, found.constraints, found.level) == (66, 0, 10)
    assert (found.mbps, found.fs, found.modes) == (1_485, 99, {0})


def test_level_11_with_constraint_set3_is_level_1b():
    assert limits("profile-level-id=42f00b").br_kbps == 128
    assert limits("profile-level-id=42e00b").br_kbps == 192


def test_extensions_win_over_the_level_upwards_and_downwards():
    found = limits("profile-level-id=42800d; max-mbps=108000; max-fs=3600; max-br=500;max-dpb=300")
    assert (found.mbps, found.fs, found.br_kbps, found.dpb) == (108_000, 3_600, 500, 800)


def test_still_macroblocks_count_like_others_unless_told():
    assert limits("profile-level-id=42801f;max-mbps=120000").smbps == 120_000
    assert limits("profile-level-id=42801f;max-smbps=245000").smbps == 245_000


def test_an_unknown_level_counts_as_the_one_below():
    assert limits("profile-level-id=42e0ff").mbps == limits("profile-level-id=42e034").mbps
    assert limits("profile-level-id=42e001").mbps == 1_485


@pytest.mark.parametrize(
    ("profile", "usable"),
    [
        ("42001f", True), ("42801f", True), ("42e01f", True), ("42E01F", True),
        ("4d001f", False), ("4d801f", True), ("58801f", False), ("58c01f", True),
        ("64001f", False), ("56801f", False),
        ("42e01", False), ("zz", False), ("42 01f", False), ("42e01f00", False),
    ],
)  # fmt: skip
def test_only_what_everybody_decodes_is_usable(profile, usable):
    assert h264.is_usable(form(f"profile-level-id={profile}")) is usable


def test_interleaved_mode_is_refused():
    assert not h264.is_usable(form("profile-level-id=42e01f;packetization-mode=2"))
    assert not h264.is_usable(form("profile-level-id=42e01f;packetization-mode=x"))


ZERO, ONE = (
    form("profile-level-id=42801f", 97),
    form("profile-level-id=42801f;packetization-mode=1", 98),
)
HIGH = form("profile-level-id=64001f;packetization-mode=1", 99)


def test_mode_1_is_chosen_where_offered():
    assert h264.choose([HIGH, ZERO, ONE]) is ONE
    assert h264.choose([HIGH, ZERO]) is ZERO
    assert h264.choose([HIGH]) is None


def test_mode_0_is_chosen_while_somebody_receives_nothing_else():
    assert h264.choose([ONE, ZERO], single_nal=True) is ZERO
    assert h264.choose([ONE], single_nal=True) is ONE


def test_baseline_is_chosen_before_constrained_main():
    main = form("profile-level-id=4d801f;packetization-mode=1", 100)
    assert h264.choose([main, ONE]) is ONE
    assert h264.choose([main, ZERO]) is main


@pytest.mark.parametrize(
    ("size", "fits"), [((1280, 720), True), ((1920, 1080), False), ((2720, 16), False)]
)
def test_a_picture_must_fit_in_area_and_in_each_direction(size, fits):
    assert limits("profile-level-id=42e01f").fits(*size) is fits


def test_the_rate_falls_as_the_picture_grows():
    found = limits("profile-level-id=42e01f")
    assert h264.fps(found, 1280, 720) == 30
    assert h264.fps(found, 640, 360) == 117
    assert h264.fps(found, 1920, 1080) == 0


def test_a_picture_too_slow_is_not_the_best():
    found = limits("profile-level-id=42e01f;max-fs=8192")
    assert h264.best_size(found) == (1920, 1080, 13)
    assert h264.best_size(limits("profile-level-id=42e00b")) == (352, 288, 7)


def test_our_answer_echoes_the_level_and_never_exceeds_the_offer():
    hdx = form("profile-level-id=42800D; max-mbps=108000; max-fs=3600; max-br=1600; sar=13")
    assert h264.own_fmtp(hdx, max_br=1350) == (
        "profile-level-id=42800d;max-mbps=108000;max-fs=3600;max-br=1350"
    )
    assert h264.own_fmtp(hdx, max_br=9000, max_fs=920).endswith("max-fs=920;max-br=1600")


def test_our_answer_names_mode_1_and_mirrors_level_asymmetry():
    browser = form("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
    assert h264.own_fmtp(browser) == (
        "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1"
    )


def test_mode_0_is_spelled_out_where_wanted():
    assert h264.own_fmtp(ZERO) == "profile-level-id=42801f"
    assert h264.own_fmtp(ZERO, spell_mode=True) == "profile-level-id=42801f;packetization-mode=0"


def test_parameter_sets_are_read_and_broken_ones_left_out():
    both = form("sprop-parameter-sets=Z0LAH9kA8AoQ,aMuBcsg=,!!!,,AAAA,Zw==")
    assert [unit[0] & 0x1F for unit in h264.parameter_sets(both)] == [7, 8, 7]
    assert h264.parameter_sets(form("")) == ()

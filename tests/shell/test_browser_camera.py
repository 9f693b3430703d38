"""What a page is told to send: the room's word and the line's, put together."""

import pytest

from sfu.media.allocation.output import Cap
from sfu.model import Codec, MemberId
from sfu.room.output import SendPicture
from sfu.shell.browser_camera import CameraOrders, default_rates, height_of


def orders(*rids: str, max_bps: int = 0, max_fs: int = 0, wanted: bool = True) -> CameraOrders:
    made = CameraOrders(1_350_000, 3600)
    made.rids = rids
    made.room = SendPicture(MemberId("m1"), Codec.VP8, False, max_bps, max_fs, wanted)
    return made


def rates(made: CameraOrders) -> dict[str, tuple[int, bool]]:
    camera = made.camera()
    assert camera is not None
    return {one.rid: (one.max_bps, one.active) for one in camera.layers}


def test_nothing_is_said_before_the_room_has_spoken():
    assert CameraOrders(1_350_000, 3600).camera() is None


@pytest.mark.parametrize(
    ("layers", "split"),
    [
        (0, ()),
        (1, (1_350_000,)),
        (2, (150_000, 1_200_000)),
        (3, (135_000, 337_500, 877_500)),
        (5, (150_000, 270_000, 270_000, 270_000, 390_000)),
    ],
)
def test_a_page_whose_line_nobody_shares_out_splits_its_rate_over_its_layers(layers, split):
    assert default_rates(layers, 1_350_000) == split


def test_a_viewer_of_little_binds_each_layer_and_not_their_sum():
    assert rates(orders("l", "h", max_bps=384_000)) == {"l": (150_000, True), "h": (384_000, True)}


def test_caps_of_a_line_go_before_the_usual_rates():
    made = orders("l", "h")
    assert made.set_caps([Cap("l", 120_000, True), Cap("h", 0, False)])
    assert rates(made) == {"l": (120_000, True), "h": (0, False)}
    assert made.resting == ("h",)
    assert not made.set_caps([Cap("l", 120_000, True), Cap("h", 0, False)])
    assert made.set_caps([Cap("l", 120_000, True, 15), Cap("h", 0, False)])
    camera = made.camera()
    assert camera is not None
    assert camera.layers[0].max_fps == 15


def test_a_cap_for_the_only_stream_binds_it():
    made = orders()
    made.set_caps([Cap("", 400_000, True)])
    camera = made.camera()
    assert camera is not None
    assert (camera.max_bps, camera.active, camera.layers) == (400_000, True, ())
    made.set_caps([Cap("", 0, False)])
    camera = made.camera()
    assert camera is not None
    assert not camera.active


def test_no_cap_is_above_the_setting():
    made = orders("l", "h")
    made.set_caps([Cap("l", 150_000, True), Cap("h", 9_000_000, True)])
    assert rates(made)["h"] == (1_350_000, True)


@pytest.mark.parametrize(
    ("blocks", "height"), [(0, None), (396, 288), (920, 360), (3600, 720), (8160, 1080)]
)
def test_macroblocks_become_lines(blocks, height):
    assert height_of(blocks) == height

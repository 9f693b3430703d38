import pytest

from sfu.media.showing import STALL_S, Showing, VideoState, Way, video_state, ways


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (Showing(True, True, 0, True, 0.02), VideoState.OK),
        (Showing(True, True, 0, False, None), VideoState.OK),  # alone in the room
        (Showing(True, True, 0, True, None), VideoState.ONEWAY),
        (Showing(True, False, 0, True, 0.02), VideoState.ONEWAY),
        (Showing(True, True, STALL_S, True, 0.02), VideoState.STALLED),
        (Showing(True, True, 1.0, True, 0.02), VideoState.OK),
        (Showing(True, True, 0, True, STALL_S), VideoState.STALLED),
        (Showing(True, False, 0, False, None), VideoState.NO_PICTURE),
        (Showing(False, False, 0, False, None), VideoState.NO_PICTURE),
        (Showing(True, False, 9.0, False, 9.0), VideoState.NO_PICTURE),
        (Showing(True, True, 9.0, True, 0.02, stopped=True), VideoState.STOPPED),
    ],
)
def test_a_picture_fares(seen, state):
    assert video_state(seen) is state


@pytest.mark.parametrize(
    ("seen", "each"),
    [
        (Showing(True, True, 0, True, 0.02), (Way.OK, Way.OK)),
        (Showing(True, True, STALL_S, True, STALL_S), (Way.STALLED, Way.STALLED)),
        (Showing(True, False, 0, True, None), (Way.NONE, Way.NONE)),
        (Showing(True, True, 0, False, 0.02), (Way.OK, Way.NONE)),  # alone in the room
        (Showing(False, True, 0, True, 0.02), (Way.NONE, Way.NONE)),
    ],
)
def test_a_picture_fares_each_way(seen, each):
    assert ways(seen) == each

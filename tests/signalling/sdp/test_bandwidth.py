from sfu.signalling.sdp.bandwidth import payload_bps, stated, video_limit_bps
from tests.signalling.sdp.shapes import description, session


def limit(head: str, media: str, **more) -> int:
    made = description("m=video 1 RTP/AVP 96\n" + media, head=head)
    return video_limit_bps(made, made.media[0], sound=more.pop("sound", False), **more)


def test_forty_bytes_of_every_packet_are_headers():
    assert payload_bps(1_240_000) == 1_200_000


def test_tias_is_taken_as_payload_and_as_holds_headers():
    assert limit("", "b=TIAS:500000\n") == 500_000
    assert limit("", "b=AS:1240\n") == 1_200_000


def test_the_smallest_limit_rules():
    assert limit("b=AS:2000\nb=CT:620\n", "b=AS:1240\nb=TIAS:900000\n") == 600_000
    assert limit("b=TIAS:300000\n", "b=AS:1240\n") == 300_000
    assert limit("b=AS:2000\n", "b=CT:620\n") == 600_000
    assert limit("", "b=AS:1240\n", max_br_kbps=64) == 64_000


def test_a_limit_of_the_session_holds_sound_as_well():
    assert limit("b=AS:1320\n", "", sound=True) == 1_200_000


def test_without_a_limit_there_is_none():
    assert limit("", "") == 0
    assert limit("b=AS:0\nb=X-YZ:128\nb=AS\n", "b=AS:-1\nb=TIAS:99999999999999999999\n") == 0


def test_what_a_unit_states_is_found():
    mxp = session("tandberg_mxp")
    assert (stated(mxp, "AS"), stated(mxp, "CT"), stated(mxp.media[1], "TIAS")) == (
        768, 768, 704_000,
    )  # fmt: skip

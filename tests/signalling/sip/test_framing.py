from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.signalling.sip.framing import MAX_HEAD, Framer

ONE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
TWO = b"OPTIONS sip:b SIP/2.0\nl : 0\n\n"
THREE = b"OPTIONS sip:c SIP/2.0\r\nTo: x\r\n\r\n"


def test_messages_are_cut_out_of_a_stream():
    framer = Framer()
    assert framer.feed(b"\r\n\r\n" + ONE + b"\r\n\r\n" * 3 + TWO + THREE + ONE[:-1]) == [
        ONE,
        TWO,
        THREE,
    ]
    assert framer.take_pings() == 4
    assert not framer.idle
    assert framer.feed(b"y") == [ONE]
    assert framer.idle


def test_a_ping_alone_is_seen_at_once():
    framer = Framer()
    assert framer.feed(b"\r\n") == []
    assert framer.take_pings() == 0
    framer.feed(b"\r\n")
    assert framer.take_pings() == 1


def test_framing_lost_is_told_after_the_messages_before_it():
    for bad in (
        b"X\r\nContent-Length: x\r\n\r\n",
        b"X\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"X\r\nContent-Length: 65536\r\n\r\n",
        b"X" * (MAX_HEAD + 1),
    ):
        framer = Framer()
        assert framer.feed(ONE + bad) == [ONE]
        assert framer.error is not None
        assert framer.feed(ONE) == []


pieces = st.lists(
    st.sampled_from([ONE, TWO, THREE, b"\r\n\r\n", b"\r\n", b"X\r\nl: no\r\n\r\n", b"\xff"]),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(pieces, st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_any_segmentation_frames_alike(parts, sizes):
    data = b"".join(parts)
    whole, cut = Framer(), Framer()
    expected = whole.feed(data)
    got, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        got += cut.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert got == expected
    assert (cut.error is None) == (whole.error is None)


def test_a_line_end_alone_is_a_pong_and_no_message_begun():
    framer = Framer()
    assert framer.feed(b"\r\n") == []
    assert framer.idle
    assert framer.take_pings() == 0
    framer.feed(b"OPTIONS")
    assert not framer.idle

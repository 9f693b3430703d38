import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.signalling.sdp.session import (
    MAX_BYTES,
    MAX_FORMATS,
    MAX_LINES,
    MAX_MEDIA,
    MAX_SESSION_LINES,
    SessionDescription,
    parse,
    revise,
    same_lines,
)
from tests.signalling.sdp.shapes import NAMES, description, offered, session


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_room_codec_is_kept_in_order(name):
    assert bytes(session(name)) == offered(name)


def test_line_feeds_alone_are_read_and_written_as_crlf():
    assert bytes(parse(b"v=0\ns=-\nm=audio 1 RTP/AVP 0\n")) == (
        b"v=0\r\ns=-\r\nm=audio 1 RTP/AVP 0\r\n"
    )


def test_bytes_that_are_not_utf8_pass_unchanged():
    data = b"v=0\r\ns=R\xe9union\r\n"
    assert bytes(parse(data)) == data


def test_missing_session_lines_and_unknown_lines_do_not_hurt():
    read = parse(b"v=0\nZ\nm=audio 1 RTP/AVP 0\nq=?\na=whatever\n")
    assert read.media[0].has("whatever")
    assert read.origin == ""


def test_text_from_json_is_read_like_bytes():
    assert parse("v=0\r\ns=Réunion\r\n").text == "v=0\r\ns=Réunion\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"v=1\r\n",
        b"v=0\r\nm=audio\r\n",
        b"v=0\r\nm=audio x RTP/AVP 0\r\n",
        b"v=0\r\nm=audio 65536 RTP/AVP 0\r\n",
        "v=0\r\nm=audio ² RTP/AVP 0\r\n".encode(),
        b"v=0\r\n" + b"a" * MAX_BYTES,
        b"v=0\r\nm=audio 1 RTP/AVP 0\r\n" + b"a=x\r\n" * MAX_LINES,
        b"v=0\r\n" + b"a=x\r\n" * MAX_SESSION_LINES,
        b"v=0\r\n" + b"m=audio 1 RTP/AVP 0\r\n" * (MAX_MEDIA + 1),
        b"v=0\r\nm=audio 1 RTP/AVP" + b" 0" * (MAX_FORMATS + 1) + b"\r\n",
    ],
)
def test_what_is_no_description_or_too_large_is_the_peers_error(data):
    with pytest.raises(PeerError):
        parse(data)


def test_the_same_lines_with_another_version_are_a_refresh():
    again = offered("tandberg_mxp").replace(b"o=mxp 1 1", b"o=mxp 1 2")
    assert same_lines(session("tandberg_mxp"), parse(again))


def test_a_hold_under_the_same_version_is_no_refresh():
    held = offered("tandberg_mxp").replace(b"c=IN IP4 192.0.2.24", b"c=IN IP4 0.0.0.0")
    assert not same_lines(session("tandberg_mxp"), parse(held))


def test_our_version_grows_only_when_we_say_something_new():
    first = revise(None, description("m=audio 1 RTP/AVP 0\n"))
    assert revise(first, description("m=audio 1 RTP/AVP 0\n")) is first
    second = revise(first, description("m=audio 2 RTP/AVP 0\n"))
    assert second.origin == "- 1 2 IN IP4 192.0.2.9"
    assert revise(second, description("m=audio 1 RTP/AVP 0\n")).origin.split()[2] == "3"


def read(data: bytes) -> SessionDescription | None:
    try:
        return parse(data)
    except PeerError:
        return None


lines = st.lists(
    st.one_of(
        st.binary(max_size=30).filter(lambda raw: b"\r" not in raw and b"\n" not in raw),
        st.sampled_from([b"m=audio 9 RTP/AVP 0", b"a=sendrecv", b"c=IN IP4 ::", b"b=AS:1", b""]),
    ),
    max_size=20,
)


@settings(max_examples=60)
@given(lines)
def test_whatever_is_read_is_written_back(some):
    data = b"\r\n".join([b"v=0", *some, b""])
    found = read(data)
    if found is not None:
        assert bytes(found) == data
        assert parse(bytes(found)) == found


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_peers_error(data):
    read(data)
    read(b"v=0\n" + data)

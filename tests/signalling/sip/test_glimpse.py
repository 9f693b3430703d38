"""A glimpse sees what the parser would read, in every spelling peers use."""

import time

from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.signalling.sip.glimpse import Glimpse, glimpse, is_invite, is_response, user_of
from sfu.signalling.sip.message import parse_message
from tests.playbook import OFFER, Peer, Playbook


def test_what_is_seen_is_what_is_read():
    peer = Peer(Playbook())
    peer.our_tag = "ours"
    data = peer.write("INFO", OFFER)
    read = parse_message(data)
    assert glimpse(data) == Glimpse(
        read.call_id, (read.sender.tag, read.to.tag), read.via.branch, read.cseq.method
    )


def test_compact_names_blanks_and_bare_line_ends_are_seen_too():
    data = (
        b"BYE sip:a SIP/2.0\nv : SIP/2.0/UDP h ; branch = z9hG4bK7\n"
        b"f: A <sip:a@h>; tag = one\nT:<sip:b;tag=not>;TAG=two\ni :c@h\nCSEQ: 4  BYE\n\n"
    )
    seen = glimpse(data)
    assert (seen.call_id, seen.branch, seen.method) == ("c@h", "z9hG4bK7", "BYE")
    assert seen.tags[0] == "one"


def test_what_is_not_there_is_empty():
    assert glimpse(b"\r\n\r\n") == Glimpse("", (), "", "")
    assert user_of(b"REGISTER sip:a SIP/2.0\r\n\r\n") == ""


def test_whose_password_it_is():
    head = b'REGISTER sip:a SIP/2.0\r\nAuthorization: Digest realm="r", username="morez", uri="x"'
    assert user_of(head + b"\r\n\r\n") == "morez"
    assert user_of(head.replace(b"Auth", b"proxy-auth")) == "morez"


def test_requests_and_responses_are_told_apart():
    assert is_response(b"SIP/2.0 200 OK\r\n")
    assert is_response(b"sip/2.0 200 OK\r\n")
    assert not is_response(b"INVITE sip:a SIP/2.0")
    assert is_invite(b"INVITE sip:a SIP/2.0")
    assert not is_invite(b"INVITED sip:a SIP/2.0")


@given(st.binary(max_size=400))
def test_any_bytes_can_be_looked_at(data):
    assert isinstance(glimpse(data), Glimpse)
    assert isinstance(user_of(data), str)


def test_no_message_is_slow_to_look_at():
    for piece in (b"t:;", b"t:;tag", b"v:;branch", b"\nto:" + b";tag " * 100, b"i: ", b"username="):
        data = piece * (65_000 // len(piece))
        began = time.perf_counter()
        glimpse(data)
        user_of(data)
        assert time.perf_counter() - began < 0.2, piece


@given(st.lists(st.sampled_from([b"\r\n", b"a: b", b"Via", b":", b"SIP/2.0", b"l: 5"]), max_size=9))
def test_a_head_that_cannot_be_parsed_can_be_looked_at(parts):
    data = b"".join(parts)
    try:
        parse_message(data)
    except PeerError:
        glimpse(data)

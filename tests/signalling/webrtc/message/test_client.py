import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.signalling.webrtc import message
from sfu.signalling.webrtc.message import Join, Offer, Sound, State, parse


def say(**fields: object) -> message.ClientMessage:
    return parse(json.dumps(fields))


def test_a_join_with_number_and_name_is_read():
    assert say(type="join", room=" 4201 ", name="Anne Grandclément") == Join(
        room="4201", name="Anne Grandclément"
    )


def test_fields_of_a_newer_page_are_ignored():
    assert say(type="offer", sdp="v=0", colour="blue") == Offer(sdp="v=0")


def test_a_name_loses_controls_direction_marks_and_runs_of_spaces():
    joined = say(type="join", room="4201", name="  Anne\u202e\n\x00  M.  " + "x" * 90)
    assert isinstance(joined, Join)
    assert joined.name.startswith("Anne M. xxx")
    assert len(joined.name) == message.NAME_MAX


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": "sing"},
        {"type": "join"},
        {"type": "join", "room": 4201},
        {"type": "join", "room": "4" * 65},
        {"type": "offer", "sdp": ""},
        {"type": "offer", "sdp": "x" * (message.SDP_MAX + 1)},
        {"type": "state", "microphone": 1, "camera": True},
        {"type": "sound", "forwarded": 2},
    ],
)
def test_what_is_no_message_is_the_peers_fault(fields):
    with pytest.raises(PeerError):
        parse(json.dumps(fields))


def test_an_error_does_not_repeat_what_the_peer_said():
    with pytest.raises(PeerError) as caught:
        say(type="join", room="4201", pin=["secret-1234"])
    assert "1234" not in caught.value.reason
    assert "pin" in caught.value.reason


def test_a_message_over_the_cap_is_not_even_parsed():
    with pytest.raises(PeerError, match="longer"):
        parse('"' + "x" * message.TEXT_MAX)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
near_messages = st.fixed_dictionaries(
    {"type": st.sampled_from(["join", "offer", "state", "sound", "leave", "ping"])},
    optional={
        key: json_values | st.text(max_size=30)
        for key in ("room", "name", "pin", "resume", "sdp", "microphone", "camera", "forwarded")
    },
)
any_bytes = st.binary(max_size=200) | st.text(st.characters(), max_size=200)


@settings(max_examples=150)
@given(any_bytes | near_messages.map(json.dumps) | json_values.map(json.dumps))
def test_parse_raises_nothing_but_peer_error(text):
    try:
        parsed = parse(text)
    except PeerError:
        return
    assert isinstance(parsed, message.ClientMessage)


@pytest.mark.parametrize("text", ["[" * 100_000, '"\ud800"', '{"type":"\ud800"}', b"\xff\xfe"])
def test_deep_or_broken_text_is_the_peers_fault(text):
    with pytest.raises(PeerError):
        parse(text)


@given(st.booleans(), st.booleans())
def test_what_the_page_says_comes_back_the_same(microphone, camera):
    said = State(microphone=microphone, camera=camera)
    assert parse(said.model_dump_json()) == said


def test_each_rule_of_sound_is_read():
    assert [say(type="sound", forwarded=n) for n in (3, 1, 0)] == [
        Sound(forwarded=3),
        Sound(forwarded=1),
        Sound(forwarded=0),
    ]

"""What server and worker say to each other survives the line between them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.model import Codec, Ssrc
from sfu.worker.protocol import (
    ENCODED,
    MOST_LINE,
    PTIMES_MS,
    Alive,
    CloseInput,
    CloseLeg,
    Delays,
    KeyHeard,
    LevelsMeasured,
    Lines,
    PlayTone,
    SetInput,
    SetLeg,
    Speak,
    Spoken,
    decode,
    encode,
)

number = st.integers(0, 2**32 - 1)
pairs = st.lists(st.tuples(number, number), max_size=4).map(tuple)
messages = st.one_of(
    st.builds(SetInput, number, st.booleans()),
    st.builds(CloseInput, number),
    st.builds(
        SetLeg,
        leg=number,
        ssrc=number,
        codec=st.sampled_from(sorted(ENCODED)),
        ptime_ms=st.sampled_from(PTIMES_MS),
        inputs=st.frozensets(number, max_size=4),
    ),
    st.builds(CloseLeg, number),
    st.builds(PlayTone, number, st.text(max_size=8)),
    st.builds(Speak, number, st.lists(st.text(max_size=8), max_size=3).map(tuple)),
    st.builds(LevelsMeasured, pairs),
    st.builds(Spoken, number),
    st.builds(KeyHeard, number, st.text(max_size=2)),
    st.builds(Delays, pairs),
    st.builds(Alive, st.floats(0, 1)),
)


@settings(max_examples=60)
@given(st.lists(messages, max_size=5), st.integers(1, 40))
def test_messages_arrive_as_sent_however_the_stream_is_cut(sent, size):
    stream, lines, received = b"".join(map(encode, sent)), Lines(), []
    for start in range(0, len(stream), size):
        received += lines.feed(stream[start : start + size])
    assert received == sent


def test_a_message_reads_like_the_page_says():
    order = SetLeg(1, Ssrc(900), Codec.G722, 20, frozenset({Ssrc(8), Ssrc(7)}))
    assert encode(order) == (
        b'{"type":"set_leg","leg":1,"ssrc":900,"codec":2,"ptime_ms":20,"inputs":[7,8],'
        b'"max_bps":0}\n'
    )


@settings(max_examples=60)
@given(st.binary(max_size=60) | st.sampled_from(["set_leg", "alive", "x"]).map(str.encode))
def test_anything_else_is_refused(line):
    with pytest.raises(PeerError):
        decode(line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"set_input"}',
        b'{"type":"set_input","ssrc":-1}',
        b'{"type":"set_input","ssrc":1,"more":2}',
        b'{"type":"set_leg","leg":1,"ssrc":9,"codec":5,"ptime_ms":20,"inputs":[]}',
        b'{"type":"set_leg","leg":1,"ssrc":9,"codec":2,"ptime_ms":0,"inputs":[]}',
        b'{"type":"set_leg","leg":1,"ssrc":9,"codec":2,"ptime_ms":20,"inputs":["a"]}',
        b'{"type":"set_leg","leg":1,"ssrc":9,"codec":1,"ptime_ms":20,"inputs":[],"max_bps":500}',
        b'{"type":"play_tone","leg":1,"name":2}',
        b'{"type":"speak","leg":1,"names":[2]}',
        b'{"type":"speak","leg":1}',
        b'{"type":"key_heard","ssrc":1}',
        b'{"type":"levels_measured","levels":[[1]]}',
    ],
)
def test_a_message_with_a_wrong_field_is_refused(line):
    with pytest.raises(PeerError):
        decode(line)


def test_a_line_without_end_is_refused():
    with pytest.raises(PeerError):
        Lines().feed(b"x" * (MOST_LINE + 1))

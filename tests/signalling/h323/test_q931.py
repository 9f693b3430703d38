"""Q.931: what is written is read, what is broken is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.signalling.h323 import q931

ELEMENTS = st.lists(
    st.tuples(st.integers(0, 0x7D), st.binary(max_size=40))
    | st.tuples(st.just(0x7E), st.binary(max_size=400)),
    max_size=8,
).map(tuple)


@given(st.sampled_from(q931.Type), st.integers(0, 0x7FFF), st.booleans(), ELEMENTS)
def test_a_message_comes_back(kind, reference, from_called, elements):
    message = q931.Message(kind, reference, from_called, elements)
    assert q931.parse(q931.write(message)) == message


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    try:
        message = q931.parse(data)
    except PeerError:
        return
    assert isinstance(message.display + message.called_number + message.calling_number, str)
    assert 0 <= message.cause < 128
    assert message.user_user is None or isinstance(message.user_user, bytes)


def test_elements_are_read_by_their_meaning():
    number = (q931.Element.CALLED_NUMBER, bytes((0x81,)) + b"4201")
    calling = (q931.Element.CALLING_NUMBER, bytes((0x01, 0x80)) + b"4300")
    elements = (q931.cause(17), q931.display("Morez"), number, calling, q931.user_user(b"x"))
    message = q931.parse(q931.write(q931.Message(q931.Type.SETUP, 1, False, elements)))
    assert (message.cause, message.display) == (17, "Morez")
    assert (message.called_number, message.calling_number) == ("4201", "4300")
    assert message.user_user == b"x"


def test_an_element_beyond_the_end_is_refused():
    with pytest.raises(PeerError):
        q931.parse(bytes.fromhex("080200010570ff"))


def test_one_octet_elements_are_skipped():
    message = q931.parse(bytes.fromhex("080200015a 91 0802 80 90".replace(" ", "")))
    assert message.cause == 16

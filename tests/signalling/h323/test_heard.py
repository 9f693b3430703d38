"""What a message says: whole, and where no more than its type can be read."""

import pytest

from sfu.signalling.h323 import h225, q931
from sfu.signalling.h323.heard import DISCONNECT, RELEASE, Heard, read

NOISE = b"\xff\xff\xff"
OVER = h225.ReleaseComplete(b"", None)


def message(kind: q931.Type, user: bytes | None, *before: tuple[int, bytes]) -> q931.Message:
    last = () if user is None else (q931.user_user(user),)
    return q931.Message(kind, 9, False, (*before, *last))


def test_a_message_says_its_body_its_tunnel_and_what_is_in_it():
    facility = h225.Facility(bytes(16))
    octets = h225.write(h225.Information(facility, True, (b"\x01", b"\x02")))
    said = read(message(q931.Type.FACILITY, octets))
    assert said == Heard(said.body, True, True, (b"\x01", b"\x02"))
    assert isinstance(said.body, h225.Facility)


@pytest.mark.parametrize("user", [None, NOISE])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (q931.Type.RELEASE_COMPLETE, OVER),
        (RELEASE, OVER),
        (DISCONNECT, OVER),
        (q931.Type.ALERTING, h225.Proceeding(b"", True)),
        (q931.Type.PROGRESS, h225.Proceeding(b"")),
        (q931.Type.CONNECT, None),
        (q931.Type.NOTIFY, None),
    ],
)
def test_of_others_the_type_alone_counts(kind, body, user):
    assert read(message(kind, user)) == Heard(body, whole=False)


def test_a_release_that_says_nothing_we_know_is_one():
    octets = h225.write(h225.Information(h225.Other()))
    assert read(message(q931.Type.RELEASE_COMPLETE, octets)).body == OVER


def test_keys_stand_in_an_information_alone():
    keypad = (q931.Element.KEYPAD, b"4#")
    assert read(message(q931.Type.INFORMATION, None, keypad)).keys == "4#"
    assert read(message(q931.Type.NOTIFY, None, keypad)).keys == ""

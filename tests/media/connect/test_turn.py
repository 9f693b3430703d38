import base64
import hashlib
import hmac

from sfu.media.connect.turn import TurnServer, credentials
from sfu.model import MemberId

SERVER = TurnServer(("turn:turn.example:3478",), "north", 3600)


def test_the_name_says_when_they_end_and_whose_they_are():
    made = credentials(SERVER, MemberId("m7"), 1_800_000_000.9)
    assert made.username == "1800003600:m7"


def test_the_password_is_the_name_under_the_secret():
    made = credentials(SERVER, MemberId("m7"), 1_800_000_000)
    expected = hmac.new(b"north", b"1800003600:m7", hashlib.sha1).digest()
    assert base64.b64decode(made.password) == expected


def test_neither_secret_nor_password_is_shown():
    assert "north" not in repr(SERVER)
    made = credentials(SERVER, MemberId("m7"), 0)
    assert made.password not in repr(made)

import json

import pytest

from sfu.signalling.webrtc import message
from sfu.signalling.webrtc.message import RefusalCode


def test_server_messages_are_flat_json_with_their_type():
    row = message.MemberRow(member="m1", name="Morez", protocol="sip", picture="off", sound=False)
    assert json.loads(message.dump(message.Members(members=(row,), you="m2"))) == {
        "type": "members",
        "you": "m2",
        "members": [
            {
                "member": "m1",
                "name": "Morez",
                "protocol": "sip",
                "picture": "off",
                "sound": False,
                "muted": False,
            }
        ],
    }


@pytest.mark.parametrize("code", RefusalCode)
def test_each_refusal_has_its_words(code):
    assert message.refused(code).text.endswith(".")


@pytest.mark.parametrize("code", message.EndCode)
def test_each_end_has_its_words(code):
    assert message.ended(code).text.endswith(".")


def test_a_full_line_says_what_was_needed_and_what_was_free():
    said = json.loads(message.dump(message.line_full(412_000, 96_500)))
    assert (said["code"], said["needed_bps"], said["free_bps"]) == ("line_full", 412_000, 96_500)
    assert "412 kbit/s" in said["text"]
    assert "96" in said["text"]

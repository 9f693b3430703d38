"""The shapes calls have: late offers, modes, hold, refreshes, PINs, passwords, calls out (A3).

What a unit of SIPp's text and our media sends and gets is decoded, as is what a baresip or a
Chromium beside it sees and hears.
"""

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, LAJOUX, MOREZ
from tests.interop.server import Server
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

SINGLE_NALS = set(range(1, 24))


def run(story: Any) -> None:
    """Run one story to its end, 80 s at most."""
    asyncio.run(asyncio.wait_for(story, 80))


def test_a_caller_that_offers_late_is_seen_and_heard_and_sees_and_hears(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            lajoux = m.unit(LAJOUX)
            await lajoux.call("delayed_offer", "4201")
            await lajoux.play()
            await morez.sees(LAJOUX)
            await morez.hears(LAJOUX)
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            lajoux.cue()
            await lajoux.ends()

    run(story())


def test_a_unit_of_mode_0_gets_single_nal_units_from_a_codec_and_from_a_browser(
    meeting: Any,
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = m.unit(LAJOUX, modes=(0,), sends=0, silent=True)
            await lajoux.call("unit_call", "4201")
            await lajoux.play()
            morez = await m.room(MOREZ, silent=True)
            await morez.dial(server.sip("4201"))
            await lajoux.sees(MOREZ)
            await morez.sees(LAJOUX)
            assert lajoux.nal_types() <= SINGLE_NALS
            await morez.hang_up()

            anne = await m.person(ANNE)
            await anne.sees(LAJOUX)
            await lajoux.sees(ANNE)
            assert lajoux.nal_types() <= SINGLE_NALS
            lajoux.cue()
            await lajoux.ends()

    run(story())


def test_a_unit_of_both_modes_is_asked_for_mode_0_when_somebody_knows_no_other(
    meeting: Any,
) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            lajoux = m.unit(LAJOUX, modes=(1, 0), sends=1, silent=True)
            await lajoux.call("asked_mode_0", "4201")
            await lajoux.play()
            morez = m.unit(MOREZ, modes=(0,), sends=0, silent=True)
            await morez.call("unit_call", "4201")
            await morez.play()
            await lajoux.signalled("o=salle 1 2 ")
            lajoux.sends = 0
            await lajoux.play()
            await lajoux.sees(MOREZ)
            await morez.sees(LAJOUX)
            assert morez.nal_types() <= SINGLE_NALS
            for unit in (lajoux, morez):
                unit.cue()
                await unit.ends()

    run(story())


def test_a_picture_of_mode_1_alone_is_kept_from_a_unit_of_mode_0_and_the_server_says_so(
    meeting: Any,
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = m.unit(LAJOUX, modes=(1,), sends=1)
            await lajoux.call("unit_call", "4201")
            await lajoux.play()
            morez = m.unit(MOREZ, modes=(0,), sends=0, silent=True)
            await morez.call("unit_call", "4201")
            await morez.play()
            await lajoux.sees(MOREZ)
            await until(
                lambda: any(
                    row.get("event") == "notice" and row["code"] == "picture_needs_transcoding"
                    for row in server.records()
                ),
                10,
                "the notice",
            )
            await morez.hears(LAJOUX)
            assert not morez.nal_types() - SINGLE_NALS
            assert morez.picture() == ""
            for unit in (lajoux, morez):
                unit.cue()
                await unit.ends()

    run(story())


@pytest.mark.waits
@pytest.mark.parametrize(
    ("host", "direction", "mirror"),
    [
        ("[local_ip]", "sendonly", "recvonly"),
        ("[local_ip]", "inactive", "inactive"),
        ("0.0.0.0", "sendrecv", "recvonly"),
    ],
)
def test_who_holds_leaves_the_others_screens_and_comes_back(
    meeting: Any, host: str, direction: str, mirror: str
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            anne = await m.person(ANNE)
            lajoux = m.unit(LAJOUX)
            await lajoux.call("hold", "4201", HOST=host, DIRECTION=direction, MIRROR=mirror)
            await lajoux.play()
            await anne.sees(LAJOUX, MOREZ)
            await lajoux.hears(MOREZ, ANNE)

            lajoux.cue()  # it plays on: what it holds us with is for nobody's ears
            await anne.sees(MOREZ)
            await anne.hears(MOREZ)
            lajoux.forget()
            await asyncio.sleep(1.5)
            assert not list(lajoux.rtp("video")), "it is sent a picture while it holds"
            assert not list(lajoux.rtp("audio")), "it is sent sound while it holds"

            lajoux.cue()
            await anne.sees(LAJOUX, MOREZ)
            await anne.hears(LAJOUX, MOREZ)
            await lajoux.hears(MOREZ, ANNE)
            await until(lambda: lajoux.picture() != "", 10, "its picture after the hold")
            lajoux.cue()
            await lajoux.ends()

    run(story())


def test_a_description_said_again_leaves_the_media_untouched(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            lajoux = m.unit(LAJOUX)
            await lajoux.call("refresh", "4201")
            await lajoux.play()
            await lajoux.sees(MOREZ)
            await morez.sees(LAJOUX)
            lajoux.forget()
            await asyncio.sleep(1)
            lajoux.cue()
            await lajoux.signalled("CSeq: 502 ACK")
            await asyncio.sleep(1)
            for kind in ("audio", "video"):
                heads = [head for head, _ in lajoux.rtp(kind)]
                assert len({ssrc for *_, ssrc in heads}) == 1
                numbers = [number for _, number, _, _ in heads]
                assert numbers == [(numbers[0] + n) % 65536 for n in range(len(numbers))]
            answers = [line for line in lajoux.messages.splitlines() if line.startswith("o=sfu")]
            assert len(answers) >= 3
            assert len(set(answers)) == 1
            await morez.sees(LAJOUX)
            lajoux.cue()
            await lajoux.ends()

    run(story())


PIN_ROOM = '[[room]]\nnumber = "4201"\npin = "2468"\n'
KEY = """  <send retrans="500">
<![CDATA[
INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "@NAME@" <sip:salle@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:4201@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: {number} INFO
Max-Forwards: 70
Content-Type: application/dtmf-relay
Content-Length: [len]

Signal={key}
Duration=160
]]>
  </send>
  <recv response="200"/>
"""


def _info(keys: str) -> str:
    """Return the part of a scenario that presses keys by SIP INFO."""
    return "".join(KEY.format(number=number, key=key) for number, key in enumerate(keys, 2))


def test_a_pin_by_info_opens_the_room(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(PIN_ROOM)
            lajoux = m.unit(LAJOUX)
            await lajoux.call("pin_right", "4201", DIGITS=_info("11#2468"))
            await until(lambda: server.metric("sfu_members") == 1, 15, "the member")
            lajoux.cue()
            await lajoux.ends()

    run(story())


def test_a_pin_by_rfc_4733_opens_the_room(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(PIN_ROOM)
            lajoux = m.unit(LAJOUX)
            await lajoux.call("pin_right", "4201", DIGITS="")
            await lajoux.play()
            await until(lambda: list(lajoux.rtp("audio")), 5, "the tone that asks")
            assert server.metric("sfu_members") == 0
            await lajoux.press("2468#")
            await until(lambda: server.metric("sfu_members") == 1, 10, "the member")
            lajoux.cue()
            await lajoux.ends()

    run(story())


@pytest.mark.parametrize("way", ["info", "rfc 4733"])
def test_the_third_wrong_pin_ends_the_call(meeting: Any, way: str) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(PIN_ROOM)
            lajoux = m.unit(LAJOUX)
            info = _info("1111#2222#3333#") if way == "info" else ""
            await lajoux.call("pin_refused", "4201", DIGITS=info)
            await lajoux.play()
            if not info:
                await lajoux.press("1111#2222#")
                assert server.metric("sfu_calls") == 1
                await lajoux.press("3333#")
            await lajoux.ends()
            assert server.metric("sfu_members") == 0
            assert server.metric("sfu_calls") == 0

    run(story())


def test_a_wrong_pin_in_the_number_is_refused_at_once(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(PIN_ROOM)
            lajoux = m.unit(LAJOUX)
            await lajoux.call("pin_in_number", "4201##9999")
            await lajoux.ends()
            right = m.unit(MOREZ)
            await right.call("unit_call", "4201##2468")
            await until(lambda: server.metric("sfu_members") == 1, 10, "the member")
            right.cue()
            await right.ends()

    run(story())


ACCOUNT = '[[account]]\nuser = "morez"\npassword = "le-bon-mot"\n'


def test_a_wrong_password_registers_nobody_and_the_right_one_is_called_into_the_room(
    meeting: Any,
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(ACCOUNT)
            wrong = await m.room(LAJOUX, **_registering(server, "un-autre-mot"))
            await until(lambda: "403 Forbidden" in wrong.log, 10, "the refusal")
            assert "200 OK" not in wrong.log
            assert server.metric("sfu_registrations") == 0
            status, outcome = await asyncio.to_thread(_dial, server, "morez", "4201")
            assert status == 400, outcome

            morez = await m.room(MOREZ, **_registering(server, "le-bon-mot"))
            await until(lambda: server.metric("sfu_registrations") == 1, 10, "a registration")
            lajoux = m.unit(LAJOUX)
            await lajoux.call("unit_call", "4201")
            await lajoux.play()
            status, outcome = await asyncio.to_thread(_dial, server, "morez", "4201")
            assert (status, outcome["answered"]) == (201, True)
            await morez.sees(LAJOUX)
            await morez.hears(LAJOUX)
            await lajoux.sees(MOREZ)
            lajoux.cue()
            await lajoux.ends()

    run(story())


def test_the_command_calls_a_codec_into_the_room(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = await m.room(MOREZ)
            lajoux = m.unit(LAJOUX)
            await lajoux.call("unit_call", "4201")
            await lajoux.play()
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "sfu", "call", morez.uri, "--room", "4201",
                 "--config", str(server.home / "sfu.toml")],
                capture_output=True, text=True, timeout=30,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            await morez.sees(LAJOUX)
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            lajoux.cue()
            await lajoux.ends()

    run(story())


def _registering(server: Server, password: str) -> dict[str, object]:
    """Return what makes a baresip register as morez with this password."""
    return {
        "user": "morez",
        "registrar": server.sip_port,
        "account": f"auth_user=morez;auth_pass={password}",
    }


def _dial(server: Server, target: str, room: str) -> tuple[int, dict[str, Any]]:
    """Call by the API; return status and outcome."""
    request = urllib.request.Request(
        server.local + "/api/v1/calls",
        json.dumps({"target": target, "room": room}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


PAN = bytes.fromhex("0086 03 0000 0000 01 c0 01 c8 05")
"""A frame of H.224 for client 1, far-end camera control: H.281 says, begin to pan right."""
STOP = bytes.fromhex("0086 03 0000 0000 01 c0 03 c8")


def test_two_units_alone_together_move_each_others_camera_and_no_third(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            pair = [m.unit(LAJOUX), m.unit(MOREZ)]
            for unit in pair:
                await unit.call("unit_call", "4201", MORE=unit.camera_lines())
                await unit.play()
            await until(lambda: server.metric("sfu_members") == 2, 10, "both members")
            for number, (presses, moves) in enumerate((pair, pair[::-1]), 1):
                said = [PAN, STOP] * 3
                for at, frame in enumerate(said):
                    presses.press_camera(frame, 10 * number + at)
                    await asyncio.sleep(0.05)
                await until(lambda it=moves: len(it.camera_moves()) == 6, 5, "the frames")
                assert moves.camera_moves() == said
            third = m.unit(ANNE)
            await third.call("unit_call", "4201")
            await until(lambda: server.metric("sfu_members") == 3, 10, "the third member")
            pair[0].press_camera(PAN, 90)
            await asyncio.sleep(0.5)
            assert len(pair[1].camera_moves()) == 6
            for unit in pair:
                unit.cue()
                await unit.ends()

    run(story())

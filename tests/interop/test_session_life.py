"""What happens in the life of a call: transfers, places taken, forks, early answers (RFC 3515,
3891, 3262, 4028), each with SIPp as the other end and its media looked at.
"""

import asyncio
import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.server import Server
from tests.interop.turns import CUE, SDP, answers, answers_invite, asks, described, hears, is_asked
from tests.interop.unit import Unit
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

RELIABLE = "Require: 100rel\nRSeq: "
NO_DIAL_OUT = "[dial_out]\nnetworks = []\n"
SIPFRAG = "Content-Type: message/sipfrag;version=2.0"


def run(story: Any) -> None:
    """Run one story to its end, 60 s at most."""
    asyncio.run(asyncio.wait_for(story, 60))


def post(server: Server, path: str, **words: str) -> tuple[int, dict[str, Any]]:
    """Ask the API; return status and answer."""
    request = urllib.request.Request(
        server.local + path, json.dumps(words).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def rooms(server: Server) -> dict[str, list[str]]:
    """Return who is where."""
    return {
        room["room"]: sorted(member["name"] for member in room["members"])
        for room in json.loads(server.get("/api/v1/rooms"))
        if room["members"]
    }


def referring(to: str, *, extra: str = "", status: int = 202, told: tuple[int, ...] = ()) -> str:
    """At a cue ask for a transfer; then hear this status, and NOTIFYs of these."""
    more = f"Refer-To: <{to}>" + (f"\n{extra}" if extra else "")
    turns = [CUE, asks("REFER", 2, more), hears(status)]
    for one in told:
        state = "terminated" if one >= 200 else "active"
        turns += [is_asked("NOTIFY", f"Subscription-State: {state}.*SIP/2.0 {one} "), answers(200)]
    return "".join(turns)


# ---- a room's wish


def test_a_room_follows_its_transfer_to_the_other_meeting(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez, lajoux = m.unit(MOREZ), m.unit(LAJOUX)
            there = referring(server.sip("4202"), told=(100, 200))
            await morez.call("unit_call", "4201", THEN=there)
            await morez.play()
            await lajoux.call("unit_call", "4202")
            await lajoux.play()
            await until(lambda: len(rooms(server)) == 2, 10, "two meetings")
            assert morez.picture() == ""
            morez.cue()
            await morez.sees(LAJOUX)
            await morez.hears(LAJOUX)
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            assert rooms(server) == {"4202": sorted([LAJOUX.name, MOREZ.name])}
            assert server.metric("sfu_transfers_total") == 1
            for unit in (morez, lajoux):
                unit.cue()
                await unit.ends()

    run(story())


@pytest.mark.parametrize(
    ("user", "extra", "status"),
    [
        ("9999", "", 404),
        ("4202", "Refer-Sub: false\nSupported: norefersub", 202),
        ("4202", "Refer-Sub: false\nRequire: norefersub", 202),
        ("4202", "Require: nonesuch", 420),
    ],
)
def test_a_transfer_in_its_shapes(meeting: Any, user: str, extra: str, status: int) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = m.unit(MOREZ)
            wish = referring(server.sip(user), extra=extra, status=status)
            await morez.call("unit_call", "4201", THEN=wish)
            await until(lambda: "4201" in rooms(server), 10, "the meeting")
            morez.cue()
            await morez.signalled(f"SIP/2.0 {status} ")
            await asyncio.sleep(0.5)
            assert list(rooms(server)) == ["4202" if status == 202 else "4201"]
            assert "NOTIFY sip:" not in morez.messages
            morez.cue()
            await morez.ends()

    run(story())


def test_a_stranger_has_nobody_called(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(NO_DIAL_OUT)
            morez, lajoux = m.unit(MOREZ), m.unit(LAJOUX)
            there = f"sip:lajoux@127.0.0.9:{lajoux.port}"
            await morez.call("unit_call", "4201", THEN=referring(there, status=403))
            await until(lambda: server.metric("sfu_members") == 1, 10, "the member")
            morez.cue()
            await morez.signalled("SIP/2.0 403 ")
            assert any(row.get("event") == "transfer_refused" for row in server.records())
            morez.cue()
            await morez.ends()

    run(story())


def test_who_may_dial_out_has_somebody_called_in(meeting: Any) -> None:
    """127.0.0.9 is no name of this server, which listens on all of loopback."""

    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez, lajoux = m.unit(MOREZ), m.unit(LAJOUX, host="127.0.0.9")
            taking = answers(200, SDP, described(), TAGGED) + is_asked("ACK")
            await lajoux.call("called", "", ANSWERS=taking)
            there = f"sip:lajoux@127.0.0.9:{lajoux.port}"
            await morez.call("unit_call", "4201", THEN=referring(there, told=(100, 200)))
            await morez.play()
            await until(lambda: "4201" in rooms(server), 10, "the meeting")
            morez.cue()
            await until(lambda: len(rooms(server).get("4201", [])) == 2, 10, "the other")
            await lajoux.play()
            await morez.sees(LAJOUX)
            morez.cue()
            await morez.ends()
            await hang_up_all(server)
            await lajoux.ends()

    run(story())


# ---- an operator's wish

LET_GO = is_asked("BYE") + answers(200)
GOING = "".join([
    is_asked("REFER", "Refer-To: .sip:ailleurs@127.0.0.9"),
    answers(202),
    asks("NOTIFY", 2, f"Event: refer\nSubscription-State: active\n{SIPFRAG}",
         "SIP/2.0 100 Trying\n"),
    hears(200),
    asks("NOTIFY", 3, f"Event: refer\nSubscription-State: terminated;reason=noresource\n{SIPFRAG}",
         "SIP/2.0 200 OK\n"),
    hears(200),
])  # fmt: skip


def test_an_operator_sends_a_codec_on_and_it_says_that_it_went(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = m.unit(MOREZ)
            await morez.call("unit_call", "4201", THEN=GOING, END=LET_GO)
            await until(lambda: "4201" in rooms(server), 10, "the meeting")
            status, outcome = await asyncio.to_thread(
                post, server, "/api/v1/members/m1/transfer", target="sip:ailleurs@127.0.0.9"
            )
            assert (status, outcome["done"], outcome["status"]) == (200, True, 200)
            await morez.ends()
            assert rooms(server) == {}
            assert "Refer-To: <sip:ailleurs@127.0.0.9>" in morez.messages
            text = server.get("/metrics")
            assert 'sfu_transfers_total{by="operator",outcome="sent"} 1.0' in text
            assert 'sfu_call_ends_total{protocol="sip",reason="transferred"} 1.0' in text

    run(story())


def test_an_operator_brings_a_codec_to_another_room(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = m.unit(MOREZ)
            await morez.call("unit_call", "4201")
            await until(lambda: "4201" in rooms(server), 10, "the meeting")
            path = "/api/v1/members/m1/transfer"
            status, _ = await asyncio.to_thread(post, server, path, target="4202")
            assert (status, list(rooms(server))) == (200, ["4202"])
            morez.cue()
            await morez.ends()

    run(story())


# ---- in another's place


def test_a_colleagues_unit_takes_the_place_of_a_call(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve('[[room]]\nnumber = "4201"\npin = "2468"\n')
            morez, lajoux = m.unit(MOREZ), m.unit(LAJOUX)
            await morez.call("unit_call", "4201##2468", END=LET_GO)
            await until(lambda: "4201" in rooms(server), 10, "the meeting")
            call_id, ours, theirs = dialog_ids(morez)
            guessed = m.unit(LAJOUX)
            guess = f"\nReplaces: {call_id};to-tag={ours}0;from-tag={theirs}"
            await guessed.call("refused", "4201", EXTRA=guess, STATUS="481")
            await guessed.ends()
            right = f"\nReplaces: {call_id};to-tag={ours};from-tag={theirs}"
            await lajoux.call("unit_call", "anything", EXTRA=right)
            await morez.ends()  # by the server's BYE
            assert rooms(server) == {"4201": [LAJOUX.name]}
            lajoux.cue()
            await lajoux.ends()

    run(story())


def dialog_ids(unit: Unit) -> tuple[str, str, str]:
    """Return Call-ID, the server's tag and the unit's own."""
    ok = unit.messages.split("SIP/2.0 200")[1]
    found = [
        re.search(pattern, ok)
        for pattern in (r"Call-ID: (\S+)", r"\nTo: .*;tag=(\S+)", r"\nFrom: .*;tag=(\S+)")
    ]
    call_id, ours, theirs = (one[1] for one in found if one)
    return call_id, ours, theirs


# ---- we call


TAGGED = "[last_To:];tag=taken"


async def called(m: Any, server: Server, how: str, then: str = "") -> Unit:
    """Have the server call a unit that answers so, and let them see each other."""
    unit: Unit = m.unit(LAJOUX)
    await unit.call("called", "", ANSWERS=how, THEN=then)
    status, outcome = await asyncio.to_thread(
        post, server, "/api/v1/calls", target=f"sip:lajoux@127.0.0.1:{unit.port}", room="4201"
    )
    assert (status, outcome["answered"]) == (201, True), unit.messages
    await unit.play()
    return unit


async def hang_up_all(server: Server) -> None:
    """End what is up."""
    for call in json.loads(server.get("/api/v1/calls")):
        if call["ended_at"] is None:
            request = urllib.request.Request(
                f"{server.local}/api/v1/calls/{call['call']}", method="DELETE"
            )
            await asyncio.to_thread(urllib.request.urlopen, request, timeout=5)


HOW = {
    "an early answer that counts, and a 200 without": "".join([
        answers(183, f"{RELIABLE}1\n{SDP}", described(), TAGGED),
        is_asked("PRACK", "RAck: 1 1 INVITE"),
        answers(200),
        answers_invite(180, f"{RELIABLE}2"),
        is_asked("PRACK", "RAck: 2 1 INVITE"),
        answers(200),
        answers_invite(200),
        is_asked("ACK"),
    ]),
    "three phones ring and two answer": "".join([
        answers(180, to="[last_To:];tag=first"),
        answers(183, SDP, described(), to="[last_To:];tag=second"),
        answers(180, to="[last_To:];tag=third"),
        answers(200, SDP, described(), to="[last_To:];tag=second"),
        is_asked("ACK", "To: .*tag=second"),
        answers_invite(200, SDP, described(2), to="To:[$to];tag=first"),
        is_asked("ACK", "To: .*tag=first"),
        is_asked("BYE", "To: .*tag=first"),
        answers(200),
    ]),
    "a session that is too short for it": "".join([
        answers(422, "Min-SE: 3600", to=TAGGED),
        is_asked("ACK"),
        is_asked("INVITE", "Session-Expires: 3600.*Min-SE: 3600"),
        answers(200, f"Require: timer\nSession-Expires: 3600;refresher=uac\n{SDP}", described(),
                TAGGED),
        is_asked("ACK"),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("how", HOW)
def test_who_is_called_and_answers_in_its_own_way_is_seen_and_heard(meeting: Any, how: str) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = m.unit(MOREZ)
            await morez.call("unit_call", "4201")
            await morez.play()
            lajoux = await called(m, server, HOW[how])
            await morez.sees(LAJOUX)
            await morez.hears(LAJOUX)
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            await hang_up_all(server)
            await lajoux.ends()

    run(story())

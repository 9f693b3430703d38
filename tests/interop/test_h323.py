"""Two of our servers call each other by H.323: a SIP room behind one, a browser behind the other.

What is asserted of media is what the clients decoded; tshark reads all that passed between the
servers.
"""

import asyncio
import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, LAJOUX
from tests.interop.server import Server
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

WRONG = "_ws.malformed || _ws.expert.severity == error"
NAMED = '[[room]]\nnumber = "4201"\nname = "Lajoux"\n'
"""Who is called from a room sees its name."""
TUNNELLED = {"SFU_H323__TUNNELLING": "true"}
SEPARATE: dict[str, str] = {}


def run(story: Any) -> None:
    """Run one story to its end, two minutes at most."""
    asyncio.run(asyncio.wait_for(story, 120))


@pytest.mark.parametrize("mode", [SEPARATE, TUNNELLED], ids=["separate", "tunnelled"])
def test_a_sip_room_and_a_browser_meet_by_h323(meeting: Any, tmp_path: Path, mode: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            near = await m.serve(NAMED, environment=mode)
            far = await m.serve(environment=mode)
            capture = tmp_path / "calls.pcap"
            async with Capture(far, near, capture):
                lajoux = await m.room(LAJOUX)
                await lajoux.dial(near.sip("4201"))
                anne = await m.person(ANNE, far.page, room="4202")
                status, outcome = await asyncio.to_thread(dial, near, far.h323("4202"), "4201")
                assert (status, outcome["answered"]) == (201, True)
                await anne.sees(LAJOUX)
                await lajoux.sees(ANNE)
                await anne.hears(LAJOUX)
                await lajoux.hears(ANNE)
                for server in (near, far):
                    assert server.metric('sfu_calls{protocol="h323"}') == 1
                    assert server.metric('sfu_members{protocol="h323"}') == 1
                (member,) = (
                    one
                    for room in json.loads(far.get("/api/v1/rooms"))
                    for one in room["members"]
                    if one["protocol"] == "h323"
                )
                assert member["endpoint"].startswith("sfu ")
                await lajoux.hang_up()
                await asyncio.to_thread(hang_up, near, outcome["call"])
                await until(lambda: far.metric('sfu_calls{protocol="h323"}') == 0, 10, "its end")
                await until(lambda: near.metric('sfu_calls{protocol="h323"}') == 0, 10, "our end")
            ends = 'sfu_call_ends_total{protocol="h323",reason="%s"}'
            assert far.metric(ends % "hung_up") == 1
            assert near.metric(ends % "ended_by_server") == 1
            calls = json.loads(far.get("/api/v1/calls"))
            assert "h323" in {one["protocol"] for one in calls}
            judge(capture, far, separate=mode is SEPARATE)

    run(story())


def test_a_server_that_is_killed_in_mid_call_is_gone_at_once(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            near = await m.serve()
            far = await m.serve()
            await asyncio.to_thread(dial, near, far.h323("4202"), "4201")
            await until(lambda: far.metric("sfu_members") == 1, 10, "its coming")
            assert near.metric("sfu_members") == 1
            far.kill()
            await until(lambda: near.metric("sfu_members") == 0, 5, "its going")
            assert near.metric('sfu_call_ends_total{protocol="h323",reason="vanished"}') == 1

    run(story())


def test_what_cannot_be_called_is_told(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            near = await m.serve()
            far = await m.serve()
            status, outcome = await asyncio.to_thread(dial, near, far.h323("77"), "4201")
            assert (status, outcome["answered"]) == (502, False)
            assert (outcome["reason"], outcome["status"]) == ("unreachable", 1)  # Q.850
            status, outcome = await asyncio.to_thread(dial, near, "h323:nowhere", "4201")
            assert status == 400
            await far.stop()
            status, outcome = await asyncio.to_thread(dial, near, far.h323("4202"), "4201")
            assert (status, outcome["reason"]) == (502, "unreachable")

    run(story())


def dial(server: Server, target: str, room: str) -> tuple[int, dict[str, Any]]:
    """Have a server call somebody; return the status and what it says."""
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


def hang_up(server: Server, call: int) -> None:
    """End a call by the API."""
    request = urllib.request.Request(f"{server.local}/api/v1/calls/{call}", method="DELETE")
    urllib.request.urlopen(request, timeout=5).close()


class Capture:
    """tcpdump on loopback, of the H.323 connections between two servers, and of `more`."""

    def __init__(self, one: Server, other: Server, path: Path, *more: str) -> None:
        ports = [
            words
            for base in (one.base, other.base)
            for words in (f"tcp port {base + 5}", f"tcp portrange {base + 910}-{base + 999}")
        ]
        self._words = [
            "tcpdump",
            "-i",
            "lo",
            "-U",
            "--immediate-mode",
            "-s",
            "0",
            "-w",
            str(path),
            " or ".join((*ports, *more)),
        ]
        self._path = path

    async def __aenter__(self) -> None:
        self._process = subprocess.Popen(
            self._words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await until(lambda: self._path.exists() and self._path.stat().st_size >= 24, 10, "tcpdump")

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await asyncio.to_thread(self._process.wait, 10)


def judge(capture: Path, far: Server, *, separate: bool) -> None:
    """Assert that tshark finds a whole call, and nothing malformed."""
    signalling = read(capture, "q931", "q931.message_type")
    types = {int(one, 0) for row in signalling for one in row.split(",") if one}
    assert types >= {0x05, 0x02, 0x07, 0x5A}, types
    control = read(capture, "h245", "frame.number")
    assert len(control) >= 8, control
    ports = {row for row in read(capture, "h245", "tcp.dstport") if row}
    assert (str(far.base + 5) not in ports) is separate
    assert read(capture, WRONG, "_ws.expert") == []


def read(capture: Path, wanted: str, field: str) -> list[str]:
    """Return a field of the frames tshark finds to match."""
    words = ["tshark", "-r", str(capture), "-Y", wanted, "-T", "fields", "-e", field]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()

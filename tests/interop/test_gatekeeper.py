"""One of our servers is registered at the other's gatekeeper: calls by number, both ways.

A SIP room stands behind one and a browser behind the other; tshark reads what passed between.
"""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, LAJOUX, MOREZ
from tests.interop.server import Server
from tests.interop.test_h323 import NAMED, Capture, dial, hang_up
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

SECRET = "a long one"
ACCOUNT = f"""
[rooms]
numbers = ["5000-5999"]
[register]
networks = ["127.0.0.0/8"]
[[account]]
user = "lajoux"
password = "{SECRET}"
"""


def member(far: Server, password: str = SECRET) -> str:
    """Have a server register at another's gatekeeper, rooms 42xx its own."""
    return f"""
[gatekeeper]
host = "127.0.0.1:{far.base + 6}"
name = "lajoux"
password = "{password}"
prefixes = ["42"]
dial = ["5", "9"]
"""


def run(story: Any) -> None:
    """Run one story to its end, two minutes at most."""
    asyncio.run(asyncio.wait_for(story, 120))


def test_a_sip_room_and_a_browser_call_each_other_by_number(meeting: Any, tmp_path: Path) -> None:
    async def story() -> None:
        async with meeting() as m:
            far = await m.serve(ACCOUNT)
            capture = tmp_path / "calls.pcap"
            near = Server(tmp_path / "near", far.base + 1_000)
            near.settings = NAMED + member(far)
            async with Capture(near, far, capture, f"udp port {far.base + 6}"):
                m.cleanup(near.stop)
                await near.start()
                registered = "sfu_h323_member_registered"
                await until(lambda: near.metric(registered) == 1, 10, "its registration")
                assert far.metric("sfu_h323_registrations") == 1
                lajoux = await m.room(LAJOUX)
                await lajoux.dial(near.sip("4201"))
                anne = await m.person(ANNE, far.page, room="5202")

                status, outcome = await asyncio.to_thread(dial, near, "5202", "4201")
                assert (status, outcome["answered"]) == (201, True)
                await anne.sees(LAJOUX)
                await lajoux.sees(ANNE)
                await anne.hears(LAJOUX)
                await asyncio.to_thread(hang_up, near, outcome["call"])
                asked = 'sfu_h323_ras_messages_total{outcome="confirmed",request="%s"}'
                await until(lambda: far.metric(asked % "drq") == 1, 10, "the call given back")

                status, outcome = await asyncio.to_thread(dial, far, "4201", "5202")
                assert (status, outcome["answered"]) == (201, True)
                await lajoux.sees(ANNE)
                await anne.hears(LAJOUX)
                assert far.metric(asked % "arq") == 2
                await asyncio.to_thread(hang_up, far, outcome["call"])
                await until(lambda: far.metric(asked % "drq") == 2, 10, "the second given back")

                status, outcome = await asyncio.to_thread(dial, near, "9999", "4201")
                assert (status, outcome["reason"]) == (502, "unreachable")
                await near.stop()
                await until(lambda: far.metric("sfu_h323_registrations") == 0, 10, "its leaving")
            judge(capture, far)

    run(story())


def test_a_wrong_password_is_told_on_both_sides(meeting: Any, tmp_path: Path) -> None:
    async def story() -> None:
        async with meeting() as m:
            far = await m.serve(ACCOUNT)
            near = Server(tmp_path / "near", far.base + 1_000, member(far, "wrong"))
            m.cleanup(near.stop)
            await near.start()
            failures = "sfu_h323_member_failures_total"
            await until(lambda: near.metric(failures) == 1, 10, "its refusal")
            refused = 'sfu_h323_ras_messages_total{outcome="rejected",request="rrq"}'
            assert far.metric(refused) == 1
            (told,) = (one for one in near.records() if one["event"] == "gatekeeper_failed")
            assert told["reason"] == "securityDenial"
            status, outcome = await asyncio.to_thread(dial, near, "5202", "4201")
            assert (status, "gatekeeper" in json.dumps(outcome)) == (400, True)

    run(story())


def test_a_sip_room_and_a_page_call_an_h323_number(meeting: Any, tmp_path: Path) -> None:
    async def story() -> None:
        async with meeting() as m:
            far = await m.serve(ACCOUNT)
            near = Server(tmp_path / "near", far.base + 1_000)
            near.settings = NAMED + member(far)
            m.cleanup(near.stop)
            await near.start()
            await until(lambda: far.metric("sfu_h323_registrations") == 1, 10, "its registration")
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(near.sip("4201"))
            morez = await m.room(MOREZ)
            await morez.dial(far.sip("4201"))
            await morez.sees(LAJOUX)
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            await morez.hang_up()
            await until(lambda: far.metric("sfu_members") == 0, 10, "the other let go")
            anne = await m.person(ANNE, far.page, room="4201")
            await lajoux.sees(ANNE)
            await anne.hears(LAJOUX)

    run(story())


def judge(capture: Path, far: Server) -> None:
    """Assert that tshark finds all of RAS that was needed, and nothing malformed."""
    ras = f"udp.port=={far.base + 6},h225"
    wrong = read(capture, ras, "_ws.malformed || _ws.expert.severity == error")
    assert wrong == []
    names = {int(one) for row in read(capture, ras, "h225.RasMessage") for one in row.split(",")}
    # GRQ GCF, RRQ RCF, URQ UCF, ARQ ACF ARJ, DRQ DCF as H.225.0 numbers them
    assert names >= {0, 1, 3, 4, 6, 7, 9, 10, 11, 15, 16}


def read(capture: Path, decode: str, wanted: str) -> list[str]:
    """Return the kinds of RAS in the frames that match."""
    words = ["tshark", "-r", str(capture), "-d", decode, "-Y", wanted,
             "-T", "fields", "-e", "h225.RasMessage"]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()

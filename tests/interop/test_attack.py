"""Attacks on the ports of SIP, the page and H.323, of each kind, beside a running meeting (C7).

Four room codecs meet; somebody attacks from addresses that no setting lists.  Meanwhile the meeting
gets its packets, a listed codec's call is answered, and so is an honest stranger's; what was too
much is counted by its reason; afterwards nothing is left of it.  Figures: `scripts/bench attack`.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from benchmarks.attack import MEMBERS, SETTINGS, STRANGER, child, refusals
from benchmarks.caller import Caller
from benchmarks.latency import Traffic, stamped
from benchmarks.storm import KINDS

from tests.interop.server import Server
from tests.interop.wait import settled, until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

SECONDS, WARM_S = 2.0, 3.0
RATE = 2000
"""Messages a second: what attacks takes CPU of the machine under test, too."""
GROWTH_BYTES = 40 * 1024 * 1024
UNCONFIRMED_S = 50.0
"""A call nobody confirms is over after 32 s."""
COUNTED = {
    "registers": "messages",
    "invites": "messages",
    "rooms": "calls",
    "everywhere": "strangers",
    "passwords": "passwords",
    "garbage": "messages",
    "pipelined": "messages",
    "huge": "too_large",
    "connections": "connections",
    "slow": "connections",
    "page_connections": "web_connections",
    "page_bodies": "web_too_large",
    "h323_setups": "connections",
    "h323_connections": "connections",
}


def test_a_meeting_and_honest_calls_go_on_under_each_attack(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(SETTINGS)
            before = await settled(lambda: _holdings(server))
            callers = [Caller(server.sip_port, f"codec{index}") for index in range(MEMBERS)]
            for caller in callers:
                await asyncio.to_thread(caller.dial, "4400")
            viewers = [stamped(caller.video.rtp) for caller in callers[1:]]
            traffic = Traffic(callers, viewers)
            await asyncio.to_thread(traffic.run, WARM_S)
            await asyncio.to_thread(_under, server, traffic, "nothing")
            held = server.pss_bytes()
            for kind in KINDS:
                await asyncio.to_thread(_under, server, traffic, kind)
            assert server.pss_bytes() - held < GROWTH_BYTES
            for caller in callers:
                await asyncio.to_thread(caller.hang_up)
            await _assert_nothing_is_left(server, before)
            _assert_told(server)

    asyncio.run(asyncio.wait_for(story(), 300))


def _under(server: Server, traffic: Traffic, kind: str) -> None:
    """Attack; the meeting and two honest callers must not notice."""
    before = refusals(server)
    storm = None
    if kind in KINDS:
        storm = child("benchmarks.storm", "send", kind, server.sip_port, SECONDS + 1, RATE)
    try:
        traffic.run(0.5)
        traffic.sent, traffic.counting = 0, True
        traffic.times_us.clear()
        traffic.run(SECONDS / 2)
        assert server.metric('sfu_members{protocol="sip"}') >= MEMBERS
        _call(Caller(server.sip_port, "honest"))
        if kind != "everywhere":  # strangers share what is left when all of them are too many
            _call(Caller(server.sip_port, "unlisted", STRANGER))
        traffic.run(SECONDS / 2)
        arrived = len(traffic.times_us) / (traffic.sent * len(traffic.viewers))
        assert arrived > 0.98, f"{kind}: {arrived:.1%} of the meeting's packets arrived"
    finally:
        traffic.counting = False
        sent = storm.communicate(timeout=30)[0] if storm is not None else "0"
    if kind in KINDS:
        assert int(sent) > 0, kind
    if kind in COUNTED:
        reason = COUNTED[kind]
        assert refusals(server)[reason] > before[reason], f"{kind}: {refusals(server)}"


def _call(caller: Caller) -> None:
    """Be answered within its patience, 5 s, and hang up."""
    caller.dial("4301")
    caller.hang_up()


async def _assert_nothing_is_left(server: Server, before: dict[str, float]) -> None:
    try:
        await until(lambda: _holdings(server) == before, UNCONFIRMED_S, "a house as before")
    except TimeoutError as error:
        raise AssertionError(f"{error}: {before} became {_holdings(server)}") from None


def _assert_told(server: Server) -> None:
    """Each attacker stands in the log, no honest caller does, and nothing went wrong."""
    rows = server.records()
    blamed = {str(row["remote"]) for row in rows if row.get("event") == "sip_abuse"}
    assert "127.0.0.66" in blamed
    assert not blamed & {"127.0.0.1", STRANGER}
    assert len([row for row in rows if row.get("event") == "sip_abuse"]) < 200
    faults = [row for row in rows if row.get("level") in ("error", "critical")]
    assert not faults, faults[:3]


def _holdings(server: Server) -> dict[str, float]:
    """What a server holds for others; loop and log keep what they had."""
    fds = Path(f"/proc/{server.pids()[0]}/fd")
    return {
        "sockets": sum("socket:" in os.readlink(fd) for fd in fds.iterdir() if fd.is_symlink()),
        "transports": server.metric("sfu_transports"),
        "members": server.metric("sfu_members"),
        "calls": server.metric("sfu_calls"),
        "connections": server.metric("sfu_sip_connections"),
    }

"""Two hundred calls with media, twice: nothing fails, nothing stays behind (A4).

SIPp calls 20 rooms at 20 calls a second; each call plays G.722 and H.264 for five seconds, so
that about a hundred are up at a time, each of which is sent a mix and a picture.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.interop import sipp
from tests.interop.fixtures import LAJOUX
from tests.interop.server import Server
from tests.interop.sipp import Outcome
from tests.interop.wait import settled, until

pytestmark = pytest.mark.interop

ROOMS = [str(number) for number in range(4201, 4221)]
CALLS = 200
RATE = 20
GROWTH_BYTES = 5 * 1024 * 1024


def test_two_hundred_calls_leave_nothing_behind(meeting: Any, tmp_path: Path) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            folder = tmp_path / "sipp"
            await asyncio.to_thread(sipp.lay_out, folder, LAJOUX, rooms=ROOMS)
            before = await settled(lambda: _holdings(server))
            await _round(server, folder)
            await _empties(server, before)
            first = await _settled_bytes(server)
            await _round(server, folder)
            await _empties(server, before)
            second = await _settled_bytes(server)
            assert second - first <= GROWTH_BYTES, f"from {first} to {second} bytes"
            assert server.metric("sfu_call_ends_total") == 2 * CALLS
            assert server.metric('sfu_call_ends_total{protocol="sip",reason="hung_up"}') == (
                2 * CALLS
            )
            faults = [row for row in server.records() if row.get("level") in ("error", "critical")]
            assert not faults, faults[:3]

    asyncio.run(asyncio.wait_for(story(), 150))


async def _round(server: Server, folder: Path) -> None:
    """Have SIPp make all its calls; every room must see, hear and be served."""
    sent = server.metric("sfu_sink_packets_total")
    received = server.metric("sfu_source_packets_total")
    outcome = await sipp.run(
        folder, f"127.0.0.1:{server.sip_port}", "room_call",
        "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(server.base + 990),
        "-aa", "-r", str(RATE), "-m", str(CALLS), "-mp", "30000",
        seconds=45,
    )  # fmt: skip
    _assert_all_well(outcome)
    # 5 s of 50 packets of sound alone are 250 of each call
    assert server.metric("sfu_source_packets_total") - received > CALLS * 250
    assert server.metric("sfu_sink_packets_total") - sent > CALLS * 250


def _assert_all_well(outcome: Outcome) -> None:
    summary = outcome.text[-3000:]
    assert outcome.code == 0, summary
    assert (outcome.successful, outcome.failed) == (CALLS, 0), summary


def _holdings(server: Server) -> dict[str, float]:
    """What a server holds: descriptors and processes by /proc, sockets by its own count."""
    pids = server.pids()
    return {
        "processes": len(pids),
        "descriptors": sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        "sockets": server.metric("sfu_sockets"),
        "transports": server.metric("sfu_transports"),
        "sources": server.metric("sfu_sources"),
        "sinks": server.metric("sfu_sinks"),
        "rooms": server.metric("sfu_rooms"),
        "calls": server.metric("sfu_calls"),
        "members": server.metric("sfu_members"),
    }


async def _empties(server: Server, before: dict[str, float]) -> None:
    """Wait until it holds what it held before anybody called, and not a thing more."""
    try:
        await until(lambda: _holdings(server) == before, 10, "an empty house", every=0.5)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {before} became {_holdings(server)}") from None


async def _settled_bytes(server: Server) -> int:
    """Give the allocator and the transactions that linger (timers D, H, J: 32 s) no excuse."""
    sizes = [server.pss_bytes()]

    def stays() -> bool:
        sizes.append(server.pss_bytes())
        return len(sizes) > 4 and max(sizes[-4:]) - min(sizes[-4:]) < 256 * 1024

    await until(stays, 10, "a size that stays", every=0.5)
    return sizes[-1]

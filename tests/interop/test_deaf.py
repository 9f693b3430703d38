"""A real unit that heeds no lower b=: its picture is stopped and let back, its call goes on."""

import asyncio
import json
import signal
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, LAJOUX
from tests.interop.server import Server
from tests.interop.wait import until

pytestmark = pytest.mark.interop

SENDS_BPS = 600_000
THIN_BPS, WIDE_BPS = 500_000, 4_000_000
SETTINGS = """
[[line]]
site = "lajoux"
up_bps = {up_bps}
down_bps = 2000000
framing = "atm"
overhead_bytes = 40
networks = ["127.0.0.1/32"]
"""
SOUND_BPS = 200_000
"""More than G.722 and its reports in cells, less than any picture beside it."""


def of_lajoux(server: Server) -> str:
    """Return how its picture fares."""
    (room,) = json.loads(server.get("/api/v1/rooms"))
    return next(str(one["video"]) for one in room["members"] if one["protocol"] == "sip")


async def received_bps(server: Server, seconds: float = 4) -> float:
    before = server.metric("sfu_line_received_bytes_total")
    await asyncio.sleep(seconds)
    return 8 * (server.metric("sfu_line_received_bytes_total") - before) / seconds


def offers(server: Server) -> list[Any]:
    return [
        one["why"]
        for one in server.records()
        if one.get("event") == "limit_ordered" and one["dialect"] == "reoffer"
    ]


def change(server: Server, up_bps: int) -> None:
    """Have the operator say that the line is another now."""
    server.settings = SETTINGS.format(up_bps=up_bps)
    (server.home / "sfu.toml").write_text(server.configuration())
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)


def test_who_heeds_no_limit_is_stopped_and_is_seen_again_when_its_line_is_wider(
    meeting: Any,
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(SETTINGS.format(up_bps=WIDE_BPS))
            lajoux = await m.room(LAJOUX, video_bps=SENDS_BPS)
            await lajoux.dial(server.sip("4201"))
            anne = await m.person(ANNE, server.page_ipv6)
            await anne.sees(LAJOUX)
            assert await received_bps(server) > SOUND_BPS

            change(server, THIN_BPS)
            await until(lambda: of_lajoux(server) == "stopped", 40, "that it is stopped")
            assert "receivers_take_less" in offers(server)  # it was told less before
            assert offers(server)[-1] == "deaf"
            await asyncio.sleep(1)
            assert await received_bps(server) < SOUND_BPS
            assert server.metric("sfu_line_pictures_stopped_total") == 1
            told = [one for one in anne.messages if one["type"] == "pictures"][-1]
            (given,) = told["pictures"].values()
            assert (given["rung"], given["why"]) == ("sound_only", "deaf")
            await lajoux.sees(ANNE)
            await lajoux.hears(ANNE)
            await anne.hears(LAJOUX)

            change(server, WIDE_BPS)
            await until(lambda: of_lajoux(server) == "ok", 30, "that it is let back")
            assert await received_bps(server) > SOUND_BPS
            await anne.sees(LAJOUX)
            await asyncio.sleep(15)
            assert server.metric("sfu_line_pictures_stopped_total") == 1
            await anne.hears(LAJOUX)

    asyncio.run(asyncio.wait_for(story(), 180))

"""A line of 1 Mbit/s behind one codec: pictures are held at their sources, speech is untouched."""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO, LAJOUX
from tests.interop.wait import until

pytestmark = pytest.mark.interop

RATE_BPS = 1_000_000
SETTINGS = f"""
[[line]]
site = "lajoux"
up_bps = {RATE_BPS}
down_bps = {RATE_BPS}
framing = "atm"
overhead_bytes = 40
networks = ["127.0.0.1/32"]
"""
SECONDS = 10


def caps(visitor: Any) -> list[int]:
    """Return the rates of the layers a page was last told to send, or of its one picture."""
    told = [one for one in visitor.messages if one["type"] == "send"]
    if not told:
        return []
    camera = told[-1]["camera"]
    layers = [one["max_bps"] for one in camera.get("layers", []) if one["active"]]
    return layers or [camera["max_bps"]]


def test_a_thin_line_holds_pictures_at_their_source_and_leaves_speech_alone(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(SETTINGS)
            lajoux = await m.room(LAJOUX, silent=True)
            await lajoux.dial(server.sip("4201"))
            anne = await m.person(ANNE, server.page_ipv6)
            bruno = await m.person(BRUNO, server.page_ipv6)
            await anne.sees(LAJOUX, BRUNO)
            await lajoux.sees(ANNE)
            assert server.metric("sfu_line_members") == 1

            # whoever Lajoux sees sends no more than its line bears, and was told so by its page
            async def held() -> bool:
                return any(0 < rate < RATE_BPS for who in (anne, bruno) for rate in caps(who))

            await until(held, 10, "a page that is told less")
            before = server.metric("sfu_line_sent_bytes_total")
            dropped = server.metric("sfu_line_dropped_packets_total")
            await asyncio.sleep(SECONDS)
            sent_bps = 8 * (server.metric("sfu_line_sent_bytes_total") - before) / SECONDS
            assert 106_000 < sent_bps < RATE_BPS
            assert server.metric("sfu_line_dropped_packets_total") == dropped
            assert server.metric("sfu_line_paced_bps") <= RATE_BPS
            assert server.metric("sfu_line_pacer_wait_seconds") < 1

            # nobody's voice is missing
            await lajoux.hears(ANNE, BRUNO)
            await anne.hears(BRUNO)
            assert await asyncio.to_thread(server.get, "/api/v1/lines")

    asyncio.run(asyncio.wait_for(story(), 200))

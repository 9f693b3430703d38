"""Who joins while another's camera has just begun sees it at once, and asks nobody for anything."""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO
from tests.interop.wait import until

pytestmark = pytest.mark.interop


async def key_frames(visitor: Any) -> tuple[int, int]:
    """Return the key frames its page's encoders made, and the wishes for them they heard."""
    rows = [
        row
        for row in await visitor.stats()
        if row["type"] == "outbound-rtp" and row["kind"] == "video"
    ]
    made = sum(row.get("keyFramesEncoded", 0) for row in rows)
    return made, sum(row.get("pliCount", 0) for row in rows)


def test_a_first_picture_needs_no_second_key_frame(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne, bruno = await m.visitor(ANNE), await m.visitor(BRUNO)
            await anne.join()

            async def films() -> bool:
                return (await key_frames(anne))[0] > 0

            await until(films, 15, "Anne's camera to begin", every=0.02)
            await asyncio.sleep(0.3)
            await bruno.join()
            took = await bruno.sees(ANNE)
            made, wishes = await key_frames(anne)
            asked = m.server.metric("sfu_keyframe_requests_total")
            print(f"Bruno saw Anne {took:.2f} s after he was in; {made=} {wishes=} {asked=}")
            assert wishes == 0

    asyncio.run(asyncio.wait_for(story(), 180))

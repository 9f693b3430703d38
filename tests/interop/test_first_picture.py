"""Who comes while another's camera begins sees it at once: its first key frame is the only one."""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO

pytestmark = pytest.mark.interop


async def wishes(visitor: Any) -> int:
    """Return how many wishes for a key frame this page's encoders heard."""
    rows = await visitor.stats()
    sent = [row for row in rows if row["type"] == "outbound-rtp" and row["kind"] == "video"]
    assert sum(row.get("keyFramesEncoded", 0) for row in sent) > 0
    return sum(row.get("pliCount", 0) for row in sent)


async def sees_without_a_wish(one: Any, other: Any) -> None:
    took = await one.sees(other.who)
    print(f"{one.who.name} saw {other.who.name} {took:.2f} s after he was in")
    assert await wishes(other) == 0


def test_the_first_key_frame_of_who_comes_is_there_for_who_waits(meeting: Any) -> None:
    """It arrives before the room knows that there is a picture."""

    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            bruno, anne = await m.person(BRUNO), await m.visitor(ANNE)
            await anne.join()
            await sees_without_a_wish(bruno, anne)

    asyncio.run(asyncio.wait_for(story(), 180))


def test_who_comes_a_moment_later_begins_with_it_too(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne, bruno = await m.visitor(ANNE), await m.visitor(BRUNO)
            await anne.join()
            await asyncio.sleep(0.3)
            await bruno.join()
            await sees_without_a_wish(bruno, anne)
            assert m.server.metric("sfu_keyframe_requests_total") == 0

    asyncio.run(asyncio.wait_for(story(), 180))

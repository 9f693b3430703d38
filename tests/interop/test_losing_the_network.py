"""A page that loses its WebSocket comes back to its place; media goes on meanwhile."""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO
from tests.interop.wait import until

pytestmark = pytest.mark.interop


def test_a_lost_websocket_is_taken_up_again_with_the_same_member(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne = await m.person(ANNE)
            bruno = await m.visitor(BRUNO)
            links: list[Any] = []

            def relay(link: Any) -> None:
                link.connect_to_server()
                links.append(link)

            await bruno.page.route_web_socket("**/ws", relay)
            await bruno.page.reload()
            await bruno.join()
            await bruno.sees(ANNE)
            member = bruno.last("joined")["member"]

            before = len([one for one in bruno.messages if one["type"] == "joined"])
            await links[-1].close(code=1011)
            await until(
                lambda: len([one for one in bruno.messages if one["type"] == "joined"]) > before,
                20,
                "its coming back",
            )
            assert bruno.last("joined")["member"] == member
            await bruno.sees(ANNE)
            await anne.sees(BRUNO)
            assert len(anne.last("members")["members"]) == 2

    asyncio.run(asyncio.wait_for(story(), 180))


def test_media_comes_back_after_an_ice_restart(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne = await m.person(ANNE)
            bruno = await m.person(BRUNO)
            await bruno.sees(ANNE)
            answers = len([one for one in bruno.messages if one["type"] == "answer"])
            await bruno.page.evaluate("sfu.call.peer.negotiate({restart: true})")
            await until(
                lambda: len([one for one in bruno.messages if one["type"] == "answer"]) > answers,
                10,
                "the answer to the restart",
            )
            frames = await decoded(bruno)
            await until(lambda: grown(bruno, frames + 20), 40, "frames after the restart")
            frames = await decoded(anne)
            await until(lambda: grown(anne, frames + 20), 40, "its own frames, at the other end")
            await anne.sees(BRUNO)

    asyncio.run(asyncio.wait_for(story(), 180))


async def decoded(visitor: Any) -> int:
    """Return how many frames its browser has decoded."""
    rows = await visitor.stats()
    return sum(row.get("framesDecoded", 0) for row in rows if row["type"] == "inbound-rtp")


async def grown(visitor: Any, wanted: int) -> bool:
    return await decoded(visitor) >= wanted

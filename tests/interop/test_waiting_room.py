"""A held room, by real clients: a moderator lets in a page and a codec, mutes and removes."""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO, LAJOUX
from tests.interop.wait import until

pytestmark = pytest.mark.interop
HELD = """
[[room]]
number = "4201"
name = "Conseil"
waiting_room = true
moderator_pin = "97531"
"""


def test_a_moderator_admits_mutes_and_removes_pages_and_codecs(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(HELD)
            anne = await m.visitor(ANNE)
            await anne.page.click("#have-pin")
            await anne.page.fill("#pin", "97531")
            await anne.join()
            assert anne.last("joined")["moderator"]

            bruno = await m.visitor(BRUNO)
            await bruno.page.fill("#name", BRUNO.name)
            await bruno.page.click("#enter")
            await until(lambda: bruno.last("waiting"), 15, "Bruno told to wait")
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            await until(lambda: len(waiting(anne)) == 2, 20, "both waiting before Anne's eyes")
            assert server.metric("sfu_waiting") == 2
            assert [row["name"] for row in anne.last("members")["members"]] == [ANNE.name]

            await anne.page.click("#manage")
            await anne.page.click('#door-list [data-act="admit"] >> nth=0')
            await until(lambda: len(waiting(anne)) == 1, 10, "one let in")
            await anne.page.click('#door-list [data-act="admit"] >> nth=0')
            await until(lambda: not waiting(anne), 10, "both let in")
            await anne.page.keyboard.press("Escape")
            await anne.sees(BRUNO, LAJOUX)
            await bruno.sees(ANNE, LAJOUX)
            await anne.hears(BRUNO, LAJOUX)
            await lajoux.hears(ANNE, BRUNO)
            assert not bruno.last("joined")["moderator"]

            member = next(one for one, name in anne.names().items() if name == BRUNO.name)
            await moderate(anne, member, "take_voice")
            await anne.hears(LAJOUX)
            await lajoux.hears(ANNE)
            await moderate(anne, member, "give_voice")
            await anne.hears(BRUNO, LAJOUX)

            await anne.page.evaluate("window.confirm = () => true")
            await moderate(anne, member, "remove")
            await until(lambda: bruno.last("ended"), 10, "Bruno put out")
            assert bruno.last("ended")["code"] == "removed"
            unit = next(one for one, name in anne.names().items() if name != ANNE.name)
            await moderate(anne, unit, "remove")
            await until(
                lambda: [row["name"] for row in anne.last("members")["members"]] == [ANNE.name],
                15, "Anne alone",
            )  # fmt: skip

    asyncio.run(asyncio.wait_for(story(), 240))


def waiting(visitor: Any) -> list[dict[str, str]]:
    return list(visitor.last("door").get("waiting", ()))


async def moderate(visitor: Any, member: str, what: str) -> None:
    """Press a button beside a member in the moderators' list."""
    if not await visitor.page.is_visible("#member-list"):
        await visitor.page.click("#manage")
    await visitor.page.click(f'#member-list [data-member="{member}"] [data-act="{what}"]')
    await visitor.page.keyboard.press("Escape")

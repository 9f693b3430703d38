"""Rooms, units, sites and lines changed while the server runs, and kept over a restart."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from sfu.config import Line, Room, Settings, Site
from sfu.config.overlay import HouseKind
from sfu.errors import UseError
from sfu.shell.alterations import Alterations
from sfu.shell.store import Store

ROOM, LINE = HouseKind.ROOM, HouseKind.LINE
BASE = Settings(
    room=(Room(number="4201", name="Conseil", pin="4711"),),
    line=(Line(site="morez", up_bps=800_000, down_bps=2_000_000),),
)


ELSEWHERE = Settings(site=(Site(name="lajoux"),))


def taker(adopted: list[Settings]) -> Callable[[Settings], Awaitable[None]]:
    async def take(settings: Settings) -> None:
        adopted.append(settings)

    return take


def played(url: str, *stories: Callable[[Alterations], Awaitable[None]]) -> None:
    """Play each story behind a start of its own."""

    async def whole() -> None:
        for story in stories:
            store = await Store.open(url)
            try:
                alterations = Alterations(store, BASE)
                await alterations.open()
                await story(alterations)
            finally:
                await store.close()

    asyncio.run(whole())


def test_what_was_changed_holds_at_once_and_after_a_restart(url):
    adopted: list[Settings] = []

    async def change(here):
        here.adopt = taker(adopted)
        await here.put(ROOM, "4201", {"name": "Bureau"})
        await here.put(LINE, "morez", {"site": "morez", "up_bps": 500_000, "down_bps": 1_000_000})
        await here.put(ROOM, "4300", {"name": "Annexe"})

    async def later(here):
        assert [(one.number, one.name) for one in here.settings.room] == [
            ("4201", "Bureau"), ("4300", "Annexe"),
        ]  # fmt: skip
        assert here.settings.room[0].pin == "4711"  # not named: it stays
        assert here.settings.line[0].down_bps == 1_000_000

    played(url, change, later)
    assert [len(one.room) for one in adopted] == [1, 1, 2]


def test_what_is_listed_says_where_it_is_from_and_tells_no_secret(url):
    async def story(here):
        await here.put(ROOM, "4300", {"name": "Annexe"})
        await here.put(LINE, "morez", {"site": "morez", "up_bps": 500_000, "down_bps": 1_000_000})
        items = {(one.kind, one.key): one for one in here.items()}
        assert items[ROOM, "4201"].secrets == ("pin",)
        assert "4711" not in str(items)
        facts = {key: (one.of_file, one.altered) for key, one in items.items()}
        assert facts == {
            (ROOM, "4201"): (True, False), (ROOM, "4300"): (False, True),
            (LINE, "morez"): (True, True),
        }  # fmt: skip

    played(url, story)


def test_what_is_dropped_is_gone_and_the_files_comes_back_when_it_is_undone(url):
    async def drop(here):
        assert await here.drop(ROOM, "4201")
        assert not await here.drop(ROOM, "4999")
        await here.put(ROOM, "4300", {})
        assert await here.drop(ROOM, "4300")

    async def undo(here):
        assert here.settings.room == ()
        assert await here.undo(ROOM, "4201")
        assert not await here.undo(ROOM, "4300")
        assert here.settings.room == BASE.room

    played(url, drop, undo)


def test_what_cannot_be_changes_nothing(url):
    async def story(here):
        with pytest.raises(UseError, match=r"room\[1\]\.pin"):
            await here.put(ROOM, "4201", {"pin": "x"})

        async def refuse(settings):
            raise UseError("somebody stands behind line morez now")

        here.adopt = refuse
        with pytest.raises(UseError, match="stands behind"):
            await here.drop(LINE, "morez")
        assert here.settings == BASE
        assert not any(one.altered for one in here.items())

    played(url, story)


def test_what_cannot_be_written_does_not_hold(url):
    async def whole():
        store = await Store.open(url)
        here = Alterations(store, BASE)
        adopted: list[Settings] = []
        here.adopt = taker(adopted)
        await store.change(text("DROP TABLE alterations"))
        with pytest.raises(Exception, match="alterations"):
            await here.put(ROOM, "4300", {})
        assert here.settings == BASE
        assert adopted[-1] == BASE
        await store.close()

    asyncio.run(whole())


def test_another_file_is_laid_under_what_was_changed_or_refused_whole(url):
    other = Settings(room=(Room(number="4201", name="Autre"), Room(number="4400")))

    async def story(here):
        await here.put(ROOM, "4300", {"name": "Annexe"})
        await here.renew(other)
        assert [one.number for one in here.settings.room] == ["4201", "4400", "4300"]

        async def refuse(settings):
            raise UseError("not now")

        here.adopt = refuse
        with pytest.raises(UseError, match="not now"):
            await here.renew(BASE)
        assert here.base == other
        assert len(here.settings.room) == 3

    played(url, story)


def test_two_who_change_at_once_both_hold(url):
    async def story(here):
        async with asyncio.TaskGroup() as both:
            both.create_task(here.put(ROOM, "4300", {"name": "Annexe"}))
            both.create_task(here.put(ROOM, "4301", {"name": "Mairie"}))

    async def after(here):
        assert [one.number for one in here.settings.room] == ["4201", "4300", "4301"]

    played(url, story, after)


def test_a_file_that_would_leave_out_a_change_is_refused(url):
    async def story(here):
        await here.put(ROOM, "4300", {"site": "morez"})
        with pytest.raises(UseError, match="morez"):
            await here.renew(ELSEWHERE)
        assert here.base == BASE
        assert here.settings.room[-1].number == "4300"

    played(url, story)


def test_what_the_file_bears_no_more_is_shown_and_undone_and_hinders_nothing_else(url):
    async def before(here):
        await here.put(ROOM, "4300", {"site": "morez"})

    async def story(here):
        here.base = ELSEWHERE
        await here.open()
        (lost,) = [one for one in here.items() if one.fault]
        assert (lost.key, lost.of_file, lost.altered) == ("4300", False, True)
        assert "morez" in lost.fault
        await here.put(ROOM, "4400", {})
        assert [one.number for one in here.settings.room] == ["4400"]
        assert await here.undo(ROOM, "4300")
        assert not [one for one in here.items() if one.fault]

    async def after(here):
        assert [one.number for one in here.settings.room] == ["4201", "4400"]

    played(url, before, story, after)


def test_rows_of_a_backup_that_cannot_hold_now_hold_from_the_next_start(url):
    async def story(here):
        async def refuse(settings):
            raise UseError("somebody stands behind line morez now")

        here.adopt = refuse
        await here.renew()
        assert here.settings == BASE

    played(url, story)

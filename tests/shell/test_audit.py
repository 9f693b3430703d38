"""What was done is kept in order; strangers cannot fill the disk with what they were refused."""

import asyncio

from sfu.shell.audit import STRANGERS_BURST, Deed
from sfu.shell.people import People
from sfu.shell.store import Store


def deed(who="anne", **more):
    facts = {"role": "operator", "address": "192.0.2.9", "action": "POST /api/v1/calls",
             "target": "", "detail": "21 into 4201", "status": 201}  # fmt: skip
    return Deed(**{"who": who, **facts, **more})


def test_lines_are_read_newest_first_page_by_page(url):
    async def story():
        store = await Store.open(url)
        audit = People(store, clock=lambda: 1000.0).audit
        for number in range(5):
            audit.note(deed(target=str(number)))
        first = await audit.lines(2)
        second = await audit.lines(2, before=first[-1].id)
        await store.close()
        return [line.target for line in [*first, *second]], first[0]

    targets, line = asyncio.run(story())
    assert targets == ["4", "3", "2", "1"]
    assert (line.at, line.who, line.status, line.detail) == (1000.0, "anne", 201, "21 into 4201")


def test_strangers_are_kept_in_a_measure_and_people_always(url):
    now = [1000.0]

    async def story():
        store = await Store.open(url)
        audit = People(store, clock=lambda: now[0]).audit
        for _ in range(100):
            audit.note(deed("", status=401))
            audit.note(deed("anne"))
        now[0] += 10.0
        for _ in range(10):
            audit.note(deed("", status=401))
        lines = await audit.lines(1000)
        await store.close()
        return sum(not line.who for line in lines), sum(line.who == "anne" for line in lines), audit

    strangers, known, audit = asyncio.run(story())
    assert (strangers, known, audit.dropped) == (STRANGERS_BURST + 2, 100, 88)


def test_what_no_database_takes_is_made_storable(url):
    async def story():
        store = await Store.open(url)
        audit = People(store).audit
        audit.note(deed("a\0\ud800", detail="x" * 999))
        lines = await audit.lines(1)
        await store.close()
        return lines[0]

    line = asyncio.run(story())
    assert (line.who, len(line.detail)) == ("a??", 256)

"""Who asks to be forgotten is, and nobody is remembered longer than he need be."""

import asyncio
import json
from datetime import datetime

import pytest
from sqlalchemy import insert

from sfu.errors import UseError
from sfu.model import MemberId, Protocol, RoomId
from sfu.shell.forget import DAY_S, Keeping, forget, keep_to, read_date
from sfu.shell.record import Joining
from sfu.shell.store import Store
from sfu.shell.tables import audit, outbox
from tests.databases import rows

NOW = 1_800_000_000.0


@pytest.fixture
def kept(url):
    """Three calls, a day apart, and a line of the audit log."""
    people = [("Éloïse", "morez@192.0.2.21"), ("MOREZ", ""), ("Anne", "anne@192.0.2.210")]

    async def story():
        store = await Store.open(url)
        for day, (name, caller) in enumerate(people):
            joining = Joining(RoomId("42"), MemberId("m"), name, Protocol.SIP, caller, "X")
            at = NOW + day * DAY_S
            store.left(store.joined(joining, at), at + 60, "hung_up")
        await store.flush()
        await store.change(
            insert(audit),
            {"at": NOW, "who": "anne", "role": "operator", "address": "192.0.2.21",
             "action": "x", "target": "", "detail": "", "status": 200},
        )  # fmt: skip
        await store.close()

    asyncio.run(story())
    return url


def names(url):
    return rows(url, "select name, caller from calls order by id")


@pytest.mark.parametrize(
    ("who", "met", "left"),
    [
        ("éloïse", 1, [("", "morez@192.0.2.21"), ("MOREZ", ""), ("Anne", "anne@192.0.2.210")]),
        ("morez", 2, [("Éloïse", ""), ("", ""), ("Anne", "anne@192.0.2.210")]),
        ("192.0.2.21", 2, [("Éloïse", ""), ("MOREZ", ""), ("Anne", "anne@192.0.2.210")]),
        ("More", 0, [("Éloïse", "morez@192.0.2.21"), ("MOREZ", ""), ("Anne", "anne@192.0.2.210")]),
    ],
)
def test_one_person_is_forgotten_and_the_meeting_stays(kept, who, met, left):
    assert forget(kept, who) == met
    assert names(kept) == left
    assert forget(kept, who) == 0
    assert rows(kept, "select count(*), sum(left_at - joined_at) from calls") == [(3, 180.0)]


def test_what_webhooks_have_still_to_tell_of_him_is_not_told(url):
    async def story():
        store = await Store.open(url)
        for number, name in enumerate(("Éloïse", "Anne")):
            body = json.dumps({"type": "joined", "member": {"name": name, "from": ["a@192.0.2.9"]}})
            row = {"id": f"msg_{number}", "webhook": "w", "body": body, "created_at": NOW}
            await store.change(insert(outbox), {**row, "attempts": 0, "next_at": NOW})
        await store.close()

    asyncio.run(story())
    assert forget(url, "éloïse") == 1
    assert rows(url, "select id from outbox") == [("msg_1",)]
    assert forget(url, "192.0.2.9") == 1


def test_everybody_of_older_rows_is_forgotten(kept):
    assert forget(kept, before=NOW + DAY_S) == 2  # a call and the line of the audit log
    assert names(kept) == [("", ""), ("MOREZ", ""), ("Anne", "anne@192.0.2.210")]
    lines = rows(kept, "select who, address, action, detail from audit order by id")
    assert lines == [("anne", "", "x", ""), ("command line", "", "forget", "2 rows")]


def test_what_was_deleted_is_not_left_in_the_file(sqlite):
    async def story():
        store = await Store.open(sqlite)
        store.joined(Joining(RoomId("42"), MemberId("m"), "Zoé-Unique", Protocol.SIP, "", ""), NOW)
        await store.close()

    asyncio.run(story())
    forget(sqlite, "Zoé-Unique")
    path = sqlite.partition("///")[2]
    with open(path, "rb") as stream:
        assert b"Unique" not in stream.read()


@pytest.mark.parametrize(
    ("keeping", "calls", "lines"),
    [
        (Keeping(0, 0, 0), 3, 1),
        (Keeping(0, 10, 0), 1, 1),
        (Keeping(0, 0, 12), 3, 1),
        (Keeping(0, 0, 11), 3, 0),
    ],
)
def test_rows_are_kept_as_long_as_is_set(kept, keeping, calls, lines):
    async def story():
        store = await Store.open(kept)
        now = NOW + 11.5 * DAY_S
        await store.work(lambda connection: keep_to(connection, keeping, now))
        await store.close()

    asyncio.run(story())
    assert rows(kept, "select count(*) from calls") == [(calls,)]
    assert rows(kept, "select count(*) from meetings") == [(calls,)]
    assert rows(kept, "select count(*) from audit") == [(lines,)]


def test_people_are_kept_as_long_as_is_set(kept):
    async def story():
        store = await Store.open(kept)
        now = NOW + 366.5 * DAY_S
        met = await store.work(lambda connection: keep_to(connection, Keeping(365, 0, 0), now))
        await store.close()
        return met

    assert asyncio.run(story()) == 3  # two calls, a line of the audit log
    assert names(kept) == [("", ""), ("", ""), ("Anne", "anne@192.0.2.210")]


def test_a_day_is_read_as_people_write_it():
    assert read_date("2026-01-31") == datetime(2026, 1, 31).timestamp()
    with pytest.raises(UseError, match="no date like"):
        read_date("31/01/2026")


def test_where_nothing_is_kept_nothing_is_made(tmp_path):
    with pytest.raises(UseError, match="does not exist"):
        forget(f"sqlite:///{tmp_path}/none.sqlite3", "x")
    assert list(tmp_path.iterdir()) == []


def test_where_no_server_ever_ran_nothing_is_forgotten(empty):
    with pytest.raises(UseError, match="nothing is kept"):
        forget(empty, "x")

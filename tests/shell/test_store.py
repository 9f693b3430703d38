"""Call records are written behind the meeting's back, and survive a killed server."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest
from sqlalchemy import insert
from structlog.testing import capture_logs

from sfu.errors import UseError
from sfu.model import MemberId, Protocol, RoomId
from sfu.shell import store as store_module
from sfu.shell.record import SERVER_STOPPED, Direction, Joining, Traffic
from sfu.shell.store import Store
from sfu.shell.tables import meetings
from tests.databases import rows

NOW = 1_800_000_000.0


def joining(member="m1", room="4201", **more):
    facts = {"name": "Morez", "protocol": Protocol.SIP, "caller": "morez@192.0.2.21", "model": "X"}
    return Joining(room=RoomId(room), member=MemberId(member), **(facts | more))


@contextlib.asynccontextmanager
async def opened(url):
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


def test_a_call_is_read_back_as_it_was_told(url):
    async def story():
        async with opened(url) as store:
            first = store.joined(joining(), NOW)
            second = store.joined(joining("m2", direction=Direction.OUT), NOW + 1)
            store.left(
                first, NOW + 60, "hung_up", status=200, text="OK", site="morez",
                traffic=Traffic(9 << 40, 8, 7, 6),
            )  # fmt: skip
            return first, second, await store.recent(10)

    first, second, found = asyncio.run(story())
    assert [record.id for record in found] == [second, first]
    lasting, over = found
    assert (lasting.left_at, lasting.cause, lasting.direction) == (None, None, "out")
    assert (over.joined_at, over.left_at, over.cause, over.status) == (
        NOW,
        NOW + 60,
        "hung_up",
        200,
    )
    assert (over.received_bytes, over.sent_bytes, over.received_packets, over.lost_packets) == (
        9 << 40, 8, 7, 6,
    )  # fmt: skip
    assert (lasting.site, over.site) == ("", "morez")
    assert (over.name, over.caller, over.model, over.protocol) == (
        "Morez", "morez@192.0.2.21", "X", "sip",
    )  # fmt: skip


def test_a_meeting_lasts_from_the_first_join_to_the_last_leave(url):
    async def story():
        async with opened(url) as store:
            a = store.joined(joining("m1"), NOW)
            b = store.joined(joining("m2"), NOW + 5)
            other = store.joined(joining("m3", room="4202"), NOW + 6)
            store.left(a, NOW + 10, "hung_up")
            store.left(b, NOW + 20, "hung_up")
            store.left(b, NOW + 99, "vanished")  # told twice: the first counts
            store.left(store.joined(joining("m4"), NOW + 30), NOW + 40, "hung_up")
            store.left(other, NOW + 50, "hung_up")

    asyncio.run(story())
    assert rows(url, "select room, started_at, ended_at from meetings order by id") == [
        ("4201", NOW, NOW + 20),
        ("4202", NOW + 6, NOW + 50),
        ("4201", NOW + 30, NOW + 40),
    ]
    assert rows(url, "select meeting_id from calls order by id") == [(1,), (1,), (2,), (3,)]


def test_a_beat_touches_only_calls_that_last(url):
    async def story():
        async with opened(url) as store:
            a, b, c = (store.joined(joining(f"m{n}"), NOW) for n in range(3))
            store.left(a, NOW + 3, "hung_up")
            store.heartbeat([a, b], NOW + 5)
            await store.flush()
            store.heartbeat([b], NOW + 10)
            store.heartbeat([b], NOW + 15)
            return [record.last_seen_at for record in await store.recent(9)], c

    assert asyncio.run(story())[0] == [NOW, NOW + 15, NOW + 3]


KILLED = """
    import asyncio, os, signal, sys
    from sfu.model import Protocol
    from sfu.shell.record import Joining
    from sfu.shell.store import Store

    async def main():
        store = await Store.open(sys.argv[1])
        records = [store.joined(Joining("4201", f"m{n}", "", Protocol.SIP, "", ""), 1000.0)
                   for n in range(3)]
        store.left(records[0], 1007.0, "hung_up")
        store.heartbeat(records[1:], 1010.0)
        await store.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(main())
"""


def test_a_killed_server_leaves_true_ends(url):
    words = [sys.executable, "-c", textwrap.dedent(KILLED), url]
    assert subprocess.run(words, env=dict(os.environ)).returncode == -signal.SIGKILL

    async def story():
        async with opened(url) as store:
            found = await store.recent(9)
            return found, store.joined(joining(), NOW)

    found, new = asyncio.run(story())
    assert [(record.left_at, record.cause) for record in reversed(found)] == [
        (1007.0, "hung_up"),
        (1010.0, SERVER_STOPPED),
        (1010.0, SERVER_STOPPED),
    ]
    assert rows(url, "select ended_at from meetings") == [(1010.0,), (None,)]
    assert new == 4


def test_writes_happen_by_themselves_while_the_store_runs(url):
    async def story():
        async with opened(url) as store, asyncio.TaskGroup() as tasks:
            tasks.create_task(store.run())
            store.joined(joining(), NOW)
            while not rows(url, "select * from calls"):
                await asyncio.sleep(0.001)
            await store.close()

    asyncio.run(asyncio.wait_for(story(), 5))


def test_a_disk_that_does_not_answer_costs_a_bounded_queue(url, monkeypatch):
    monkeypatch.setattr(store_module, "QUEUE_LENGTH", 5)

    async def story():
        async with opened(url) as store:
            for n in range(10):
                store.joined(joining(f"m{n}"), NOW)
            return store.lost_writes, len(await store.recent(99))

    assert asyncio.run(story()) == (6, 4)  # one of the five is the meeting


def test_a_locked_database_is_tried_again(sqlite, monkeypatch):
    monkeypatch.setattr(store_module, "RETRY_S", 0.001)

    async def story():
        path = sqlite.partition("///")[2]
        with capture_logs() as said, contextlib.closing(sqlite3.connect(path)) as other:
            async with opened(f"{sqlite}?timeout=0") as store, asyncio.TaskGroup() as tasks:
                tasks.create_task(store.run())
                other.execute("begin immediate")
                store.joined(joining(), NOW)
                while not said:
                    await asyncio.sleep(0.001)
                other.rollback()
                found = await store.recent(1)
                await store.close()
        return said[0]["error"], len(found)

    assert asyncio.run(asyncio.wait_for(story(), 5)) == ("database is locked", 1)


def test_what_a_peer_calls_itself_is_cut_and_storable(url):
    async def story():
        async with opened(url) as store:
            store.joined(joining(name="a\0\ud800" + "x" * 1000), NOW)
            return (await store.recent(1))[0].name

    assert asyncio.run(story()) == "a??" + "x" * 253


def test_a_second_start_finds_the_tables_and_leaves_the_migrations_alone(url, monkeypatch):
    async def story():
        async with opened(url):
            pass
        monkeypatch.setattr("alembic.command.upgrade", None)  # who calls it falls over
        async with opened(url) as store:
            return await store.recent(1)

    assert asyncio.run(story()) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite+aiosqlite:////proc/none/calls.sqlite3", "/proc/none/calls.sqlite3 does not exist"),
        ("nonsense", "store.url is no SQLAlchemy URL"),
        ("postgresql+nodriver://u:s3cret@db/x", "of a known database"),
    ],
)
def test_a_database_that_cannot_be_had_is_one_line(url, said):
    with pytest.raises(UseError) as caught:
        asyncio.run(Store.open(url))
    line = str(caught.value)
    assert line.startswith("call records")
    assert said in line
    assert "s3cret" not in json.dumps(line)


@pytest.mark.interop
def test_a_database_that_is_restarted_costs_no_record(postgresql, cluster, monkeypatch):
    monkeypatch.setattr(store_module, "RETRY_S", 0.05)

    async def story():
        with capture_logs() as said:
            async with opened(postgresql) as store, asyncio.TaskGroup() as tasks:
                tasks.create_task(store.run())
                first = store.joined(joining("m1"), NOW)
                while not rows(postgresql, "select * from calls"):
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(cluster.pause)
                second = store.joined(joining("m2"), NOW + 5)
                store.left(first, NOW + 10, "hung_up")
                while not said:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(cluster.resume)
                while len(rows(postgresql, "select * from calls")) < 2:
                    await asyncio.sleep(0.01)
                store.left(second, NOW + 20, "hung_up")
                await store.close()
        return {line["event"] for line in said}, store.lost_writes

    assert asyncio.run(asyncio.wait_for(story(), 40)) == ({"call records cannot be written"}, 0)
    found = rows(postgresql, "select member, left_at from calls order by id")
    assert found == [("m1", NOW + 10), ("m2", NOW + 20)]


BUSY = """
    import asyncio, itertools, sys, time
    from sfu.model import Protocol
    from sfu.shell.record import Joining
    from sfu.shell.store import Store

    async def main():
        store = await Store.open(sys.argv[1])
        inside = []
        for n in itertools.count():
            now = time.time()
            inside.append(store.joined(Joining(f"{n % 3}", f"m{n}", "", Protocol.SIP, "", ""), now))
            if len(inside) > 5:
                store.left(inside.pop(n % 5), now, "hung_up")
            store.heartbeat(inside, now)
            await store.flush()
            print(inside[-1], len(inside), now, flush=True)  # what was said to be kept

    asyncio.run(main())
"""


@pytest.mark.interop
def test_ten_kills_at_any_moment_lose_nothing_that_was_kept(url):
    dice = random.Random(7)
    kept = 0
    for _ in range(10):
        words = [sys.executable, "-c", textwrap.dedent(BUSY), url]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            said = [server.stdout.readline()]
            time.sleep(dice.uniform(0.0, 0.4))
            server.kill()
            said += [line for line in server.stdout if line.endswith("\n")]
        last, inside, at = said[-1].split()
        assert rows(url, f"select count(*) from calls where id <= {last}") == [(int(last),)]
        still_open = rows(url, "select count(*) from calls where left_at is null")[0][0]
        assert still_open in (int(inside), int(inside) + 1, int(inside) - 1)  # one more was written
        asyncio.run(_opened_once(url))
        ends = rows(url, f"select left_at from calls where cause = '{SERVER_STOPPED}' "
                         f"and left_at > {float(at) - 0.001}")  # fmt: skip
        assert len(ends) >= int(inside) - 1  # each at the last beat that was kept, or after
        kept += len(said)
    assert rows(url, "select count(*) from calls where left_at is null") == [(0,)]
    assert rows(url, "select count(*) from meetings where ended_at is null") == [(0,)]
    assert kept > 20


async def _opened_once(url):
    async with opened(url):
        pass


def test_a_row_that_cannot_be_written_costs_itself_alone(url):
    async def story():
        async with opened(url) as store, asyncio.TaskGroup() as tasks:
            store.joined(joining("m1"), NOW)
            store.put(insert(meetings), {"id": 1, "room": "4209", "started_at": NOW})  # is there
            store.put(insert(meetings), {"id": 2**70, "room": "4209", "started_at": NOW})
            store.heartbeat([store.joined(joining("m2"), NOW)], NOW + 5)
            tasks.create_task(store.run())
            while store._writes or store._beat:
                await asyncio.sleep(0.001)
            store.joined(joining("m3"), NOW)  # the writer goes on
            while len(rows(url, "select * from calls")) < 3:
                await asyncio.sleep(0.001)
            await store.close()
            return store.lost_writes

    with capture_logs() as said:
        assert asyncio.run(asyncio.wait_for(story(), 10)) == 2
    assert [line["count"] for line in said] == [1, 1]
    assert rows(url, "select member, last_seen_at from calls order by id") == [
        ("m1", NOW), ("m2", NOW + 5), ("m3", NOW),
    ]  # fmt: skip


def test_a_pool_without_a_free_connection_costs_nothing(url, monkeypatch):
    monkeypatch.setattr(store_module, "RETRY_S", 0.001)

    async def story():
        with capture_logs() as said:
            async with opened(url) as store, asyncio.TaskGroup() as tasks:
                monkeypatch.setattr(store._engine.pool, "_timeout", 0.01)
                async with contextlib.AsyncExitStack() as taken:
                    for _ in range(15):  # all the pool gives
                        await taken.enter_async_context(store._engine.connect())
                    tasks.create_task(store.run())
                    store.joined(joining(), NOW)
                    while not said:
                        await asyncio.sleep(0.001)
                found = await store.recent(1)
                await store.close()
                return {line["event"] for line in said}, len(found), store.lost_writes

    assert asyncio.run(asyncio.wait_for(story(), 10)) == ({"call records cannot be written"}, 1, 0)

"""What was booked is read back as it was granted, after a restart too."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from datetime import date

from sfu.room.agenda import Agenda
from sfu.room.booking import ALL_ROOMS
from sfu.shell.diary import Diary
from sfu.shell.store import Store
from tests.room.week import LAJOUX, MOREZ, ROOMS, booked, wish

FRIDAY = date(2027, 3, 12)


def test_a_booking_is_read_back_as_it_was_granted(url):
    agenda = Agenda(ROOMS)
    weekly = booked(agenda, wish(LAJOUX, MOREZ, until=(2027, 4, 9), title="Conseil d'été"))
    once = booked(agenda, wish(starts=(2027, 3, 13, 9, 0), organiser=""))

    async def story():
        store = await Store.open(url)
        diary = Diary(store)
        assert await diary.load() == ([], 1)
        for one in (weekly, once):
            await diary.grant(one)
        await diary.give_up(weekly.booking, FRIDAY, [MOREZ], 1.0)
        await diary.give_up(weekly.booking, FRIDAY, [ALL_ROOMS], 2.0)
        await store.close()
        store = await Store.open(url)
        found = await Diary(store).load()
        await Diary(store).cancel(weekly.booking, 3.0)
        left = await Diary(store).load()
        await store.close()
        return found, left

    (found, following), (left, _) = asyncio.run(story())
    agenda.give_up(weekly.booking, FRIDAY, MOREZ)
    assert found == [agenda.give_up(weekly.booking, FRIDAY), once]
    assert found[0].sequence == 1
    assert following == 3
    assert left == [once]


KILLED = """
    import asyncio, os, signal, sys
    from sfu.shell.diary import Diary
    from sfu.shell.store import Store
    from tests.room.week import ROOMS, booked, wish
    from sfu.room.agenda import Agenda

    async def story():
        diary = Diary(await Store.open(sys.argv[1]))
        await diary.grant(booked(Agenda(ROOMS), wish()))
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(story())
"""


def test_who_heard_yes_has_the_room_even_if_the_server_is_killed_then(url):
    words = [sys.executable, "-c", textwrap.dedent(KILLED), url]
    killed = subprocess.run(words, env=dict(os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert killed.returncode == -signal.SIGKILL

    async def story():
        store = await Store.open(url)
        try:
            return await Diary(store).load()
        finally:
            await store.close()

    (found,), _ = asyncio.run(story())
    assert found.wish == wish()

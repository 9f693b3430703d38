"""The server lets go of what it need not keep, by itself; a restore needs the directory alone."""

import asyncio
import time

import pytest

from sfu.app.upkeep import keep_house, restore
from sfu.config import Retention, Settings
from sfu.errors import UseError
from sfu.model import MemberId, Protocol, RoomId
from sfu.shell.backup import back_up
from sfu.shell.data import DataDirectory, store_url
from sfu.shell.record import Joining
from sfu.shell.store import Store
from sfu.shell.tasks import spawn


def test_old_names_go_at_the_start_already(tmp_path):
    async def story():
        store = await Store.open(store_url(tmp_path, ""))
        for days in (400, 1):
            at = time.time() - days * 86_400
            joining = Joining(RoomId("42"), MemberId("m"), "Anne", Protocol.SIP, "", "")
            store.left(store.joined(joining, at), at + 60, "hung_up")
        await store.flush()
        keeping = spawn("retention", keep_house(store, Retention()))
        while (found := await store.recent(9))[1].name:
            await asyncio.sleep(0.01)
        keeping.cancel()
        await store.close()
        return [one.name for one in found]

    assert asyncio.run(asyncio.wait_for(story(), 20)) == ["Anne", ""]


def test_a_directory_in_use_is_not_restored_behind_its_servers_back(tmp_path):
    asyncio.run(_empty(tmp_path))
    back_up(store_url(tmp_path, ""), tmp_path / "copy")
    settings = Settings(data=str(tmp_path))
    server = DataDirectory(tmp_path)
    with pytest.raises(UseError, match="in use by another server"):
        restore(settings, tmp_path / "copy", {})
    server.close()
    assert restore(settings, tmp_path / "copy", {}) == 0


async def _empty(folder):
    await (await Store.open(store_url(folder, ""))).close()

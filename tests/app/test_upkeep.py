"""The server lets go of what it need not keep, by itself; a restore needs the directory alone."""

import asyncio
import time

import pytest

from sfu.app.upkeep import forget_staged, has_administrator, keep_house, restore, set_account, stage
from sfu.config import Retention, Settings
from sfu.config.running import Store as Place
from sfu.errors import UseError
from sfu.model import MemberId, Protocol, Role, RoomId
from sfu.shell.backup import back_up
from sfu.shell.data import DataDirectory
from sfu.shell.people import People
from sfu.shell.record import Joining
from sfu.shell.store import Store
from sfu.shell.tasks import spawn


def settings_of(folder, url):
    return Settings(data=str(folder), store=Place(url=url))


def test_old_names_go_at_the_start_already(url):
    async def story():
        store = await Store.open(url)
        for days in (400, 1):
            at = time.time() - days * 86_400
            joining = Joining(RoomId("42"), MemberId("m"), "Anne", Protocol.SIP, "", "")
            store.left(store.joined(joining, at), at + 60, "hung_up")
        await store.flush()
        keeping = spawn("retention", keep_house(store, Retention))
        while (found := await store.recent(9))[1].name:
            await asyncio.sleep(0.01)
        keeping.cancel()
        await store.close()
        return [one.name for one in found]

    assert asyncio.run(asyncio.wait_for(story(), 20)) == ["Anne", ""]


def test_a_directory_in_use_is_not_restored_behind_its_servers_back(url, tmp_path):
    back_up(url, tmp_path / "copy")
    settings = settings_of(tmp_path, url)
    server = DataDirectory(tmp_path)
    with pytest.raises(UseError, match="in use by another server"):
        restore(settings, tmp_path / "copy", {})
    server.close()
    assert restore(settings, tmp_path / "copy", {}) == 0


def test_who_restores_learns_whether_anybody_can_administer(url, tmp_path):
    settings = settings_of(tmp_path, url)
    assert not has_administrator(settings, {})
    set_account(settings, {}, "bruno", Role.OPERATOR)
    assert not has_administrator(settings, {})
    set_account(settings, {}, "anne", Role.ADMINISTRATOR)
    assert has_administrator(settings, {})


def test_no_account_is_made_before_there_was_a_server(empty, tmp_path):
    with pytest.raises(UseError, match="start the server once"):
        set_account(settings_of(tmp_path, empty), {}, "anne", Role.OPERATOR)


def test_an_account_is_made_and_mended_from_a_shell(url, tmp_path):
    settings = settings_of(tmp_path, url)
    with pytest.raises(UseError, match="say --role"):
        set_account(settings, {}, "anne", None)
    first = set_account(settings, {}, "Anne", Role.ADMINISTRATOR)
    second = set_account(settings, {}, "anne", None)
    with pytest.raises(UseError, match="last administrator"):
        set_account(settings, {}, "anne", None, remove=True)
    set_account(settings, {}, "bruno", Role.ADMINISTRATOR)
    assert set_account(settings, {}, "bruno", None, remove=True) is None
    with pytest.raises(UseError, match="no account bruno"):
        set_account(settings, {}, "bruno", None, remove=True)

    async def story():
        store = await Store.open(url)
        people = People(store)
        found = [await people.log_in("anne", one or "") for one in (first, second)]
        lines = await people.audit.lines(9)
        await store.close()
        return [one is not None for one in found], lines

    known, lines = asyncio.run(story())
    assert known == [False, True]
    assert [(one.who, one.action, one.target) for one in reversed(lines)] == [
        ("command line", "set account", "anne"),
        ("command line", "set account", "anne"),
        ("command line", "set account", "bruno"),
        ("command line", "remove account", "bruno"),
    ]


def test_the_first_password_is_not_left_lying_when_it_is_another(url, tmp_path):
    (tmp_path / "first-password").write_text("old")
    set_account(settings_of(tmp_path, url), {}, "admin", Role.ADMINISTRATOR)
    assert not (tmp_path / "first-password").exists()


def test_a_backup_is_laid_where_the_running_server_takes_it(tmp_path):
    (tmp_path / "copy").write_bytes(b"rows")
    data = tmp_path / "data"
    data.mkdir()
    (data / "control.key").write_text("sfu_control_x\n")
    name, key = stage(Settings(data=str(data)), tmp_path / "copy", {})
    assert (data / name).read_bytes() == b"rows"
    assert key == "sfu_control_x"
    forget_staged(Settings(data=str(data)), name, {})
    assert [one.name for one in data.iterdir()] == ["control.key"]
    (data / "control.key").rename(data / "lost")
    with pytest.raises(UseError, match=r"control\.key"):
        stage(Settings(data=str(data)), tmp_path / "copy", {})
    assert [one.name for one in data.iterdir()] == ["lost"]  # and no copy of all that is kept
    (data / "lost").rename(data / "control.key")
    with pytest.raises(UseError, match="none does not exist"):
        stage(Settings(data=str(data)), tmp_path / "none", {})

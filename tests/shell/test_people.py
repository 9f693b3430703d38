"""Who is known by password, cookie, token or the data directory, and for how long."""

import asyncio
import contextlib
import os
import stat
import threading
from functools import partial

import pytest

from sfu.errors import UseError
from sfu.model import Role
from sfu.shell import accounts
from sfu.shell.password import hash_password
from sfu.shell.people import CONTROL, SESSION_S, People, digest, first_password_file, write_secret
from sfu.shell.store import Store
from tests.databases import rows

PASSWORD = "a long enough one"


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@contextlib.asynccontextmanager
async def opened(url, directory=None):
    store = await Store.open(url)
    try:
        yield People(store, directory, Clock())
    finally:
        await store.close()


async def anne(people, role=Role.ADMINISTRATOR):
    await people.store.work(lambda c: accounts.add(c, "anne", role, PASSWORD))


def test_the_first_start_makes_an_administrator_and_no_later_one_does(url, tmp_path):
    async def story():
        async with opened(url, tmp_path) as people:
            password = await people.begin()
            account, _, _ = await people.log_in("admin", password)
        async with opened(url, tmp_path) as people:
            return account.role, await people.begin()

    assert asyncio.run(story()) == (Role.ADMINISTRATOR, None)


def test_who_logs_in_is_known_by_the_cookie_for_a_working_day(url):
    async def story():
        async with opened(url) as people:
            await anne(people, Role.OPERATOR)
            assert await people.log_in("anne", "another long one") is None
            assert await people.log_in("bruno", PASSWORD) is None
            account, secret, ends = await people.log_in(" Anne ", PASSWORD)
            known = await people.by_session(secret)
            people._clock.now = ends
            return account.name, known, ends, await people.by_session(secret)

    name, known, ends, later = asyncio.run(story())
    assert (name, known.name, known.role, known.how) == ("anne", "anne", Role.OPERATOR, "session")
    assert ends == Clock.now + SESSION_S
    assert later is None


def test_who_logs_out_is_gone_at_once(url):
    async def story():
        async with opened(url) as people:
            await anne(people)
            (_, first, _), (_, second, _) = [await people.log_in("anne", PASSWORD) for _ in "12"]
            await people.log_out(first)
            return await people.by_session(first), (await people.by_session(second)).name

    assert asyncio.run(story()) == (None, "anne")


def test_no_secret_stands_in_the_database(url, tmp_path):
    async def story():
        async with opened(url, tmp_path) as people:
            password = await people.begin()
            _, cookie, _ = await people.log_in("admin", password)
            _, token = await people.make_token("calendar", Role.READ_ONLY, "admin", None)
            return password, cookie, token

    secrets = asyncio.run(story())
    kept = str(
        [rows(url, f"select * from {table}") for table in ("accounts", "sessions", "tokens")]
    )
    assert [one for one in secrets if one in kept] == []
    assert digest(secrets[1]) in kept


def test_a_token_lasts_as_long_as_it_says_and_until_it_is_revoked(url):
    async def story():
        async with opened(url) as people:
            await anne(people)
            short, one = await people.make_token("a", Role.OPERATOR, "anne", 1)
            long, two = await people.make_token("b", Role.READ_ONLY, "anne", None)
            known = [await people.by_token(one), await people.by_token(two)]
            await people.store.flush()
            used = [token.used_at for token in await people.tokens()]
            people._clock.now += 86_400
            later = [await people.by_token(one), await people.by_token(two)]
            revoked = [await people.revoke(long.id), await people.revoke(long.id)]
            return known, used, later, revoked, await people.by_token(two), short.expires_at

    known, used, later, revoked, gone, ends = asyncio.run(story())
    assert [(one.name, one.role) for one in known] == [
        ("token a", Role.OPERATOR),
        ("token b", Role.READ_ONLY),
    ]
    assert used == [Clock.now, Clock.now]
    assert [one and one.name for one in later] == [None, "token b"]
    assert (revoked, gone, ends) == ([True, False], None, Clock.now + 86_400)


def test_a_token_does_no_more_than_its_maker_may_now(url):
    async def story():
        async with opened(url) as people:
            await anne(people)
            await people.store.work(
                lambda c: accounts.add(c, "bruno", Role.ADMINISTRATOR, PASSWORD)
            )
            _, secret = await people.make_token("a", Role.OPERATOR, "anne", None)
            _, ours = await people.make_token("b", Role.OPERATOR, "", None)  # by `sfu` here
            seen = [(await people.by_token(secret)).role]
            await people.store.work(lambda c: accounts.change(c, "anne", Role.READ_ONLY))
            seen.append((await people.by_token(secret)).role)
            await people.store.work(lambda c: accounts.remove(c, "anne"))
            return [*seen, await people.by_token(secret), (await people.by_token(ours)).role]

    assert asyncio.run(story()) == [Role.OPERATOR, Role.READ_ONLY, None, Role.OPERATOR]


def test_who_reads_the_data_directory_is_an_administrator(url, tmp_path):
    async def story():
        async with opened(url, tmp_path) as people:
            assert people.by_control("") is None
            await people.begin()
            path = tmp_path / CONTROL
            secret = path.read_text().strip()
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            await people.begin()
            return people.by_control(secret), people.by_control(path.read_text().strip()).role

    assert asyncio.run(story()) == (None, Role.ADMINISTRATOR)  # each start has its own


def test_ones_own_password_takes_the_old_one_and_ends_the_first_ones_file(url, tmp_path):
    async def story():
        async with opened(url, tmp_path) as people:
            password = await people.begin()
            write_secret(first_password_file(tmp_path), password)
            _, cookie, _ = await people.log_in("admin", password)
            wrong = await people.change_own("admin", "not this one", PASSWORD)
            there = first_password_file(tmp_path).exists()
            right = await people.change_own("admin", password, PASSWORD)
            gone = await people.by_session(cookie)
            return wrong, there, right, gone, (await people.log_in("admin", PASSWORD))[0].name

    assert asyncio.run(story()) == (False, True, True, None, "admin")
    assert not first_password_file(tmp_path).exists()


def test_no_password_is_reckoned_on_the_loop_that_carries_meetings(url, monkeypatch):
    async def story():
        async with opened(url) as people:
            await anne(people)
            here, reckoned = threading.get_ident(), []

            def reckon(password):
                reckoned.append(threading.get_ident() == here)
                return hash_password(password)

            for module in ("password", "accounts"):
                monkeypatch.setattr(f"sfu.shell.{module}.hash_password", reckon)
            changed = await people.change_own("anne", PASSWORD, "an even longer one")
            with pytest.raises(UseError, match="12 to 256"):
                await people.hashed("short")
            return changed, set(reckoned)

    assert asyncio.run(story()) == (True, {False})


def test_what_was_under_way_when_the_password_was_reset_opens_nothing(url, monkeypatch):
    async def story():
        async with opened(url) as people:
            await anne(people)
            check = people._verifier.check

            async def reset_meanwhile(kept, password):
                right = await check(kept, password)
                reset = partial(accounts.change, name="anne", password="an even longer one")
                await people.store.work(reset)
                return right

            with monkeypatch.context() as patch:
                patch.setattr(people._verifier, "check", reset_meanwhile)
                opened_late = await people.log_in("anne", PASSWORD)
            await people.store.work(partial(accounts.change, name="anne", password=PASSWORD))
            with monkeypatch.context() as patch:
                patch.setattr(people._verifier, "check", reset_meanwhile)
                changed_late = await people.change_own("anne", PASSWORD, "one of his own choice")
            return opened_late, changed_late, await people.log_in("anne", "an even longer one")

    opened_late, changed_late, right = asyncio.run(story())
    assert (opened_late, changed_late) == (None, False)
    assert right is not None

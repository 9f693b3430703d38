"""There is always somebody who can administer, and a password that changes ends what it opened."""

import asyncio
from functools import partial
from typing import Any

from sfu.errors import UseError
from sfu.model import Role
from sfu.shell import accounts
from sfu.shell.accounts import NotAllowed
from sfu.shell.people import People
from sfu.shell.store import Store
from tests.databases import rows

PASSWORD = "a long enough one"


def played(url, *steps):
    """Do each step in a transaction of its own; give what they gave, or what they raised."""

    async def story():
        store = await Store.open(url)
        found = []
        for step in steps:
            try:
                found.append(await store.work(step))
            except UseError as error:
                found.append(error)
        await store.close()
        return found

    return asyncio.run(story())


def adding(name, role, password=PASSWORD):
    return lambda connection: accounts.add(connection, name, role, password)


def test_an_account_is_made_once_under_a_name_in_small_letters(url):
    made, again, wrong, short = played(
        url,
        adding(" Anne.Martin ", Role.OPERATOR),
        adding("anne.martin", Role.ADMINISTRATOR),
        adding("a b", Role.OPERATOR),
        adding("bruno", Role.OPERATOR, "short"),
    )
    assert (made.name, made.role, made.seen_at) == ("anne.martin", Role.OPERATOR, None)
    assert PASSWORD not in repr(made)
    assert isinstance(again, NotAllowed)
    assert "letters" in str(wrong)
    assert "12 to 256" in str(short)
    assert rows(url, "select name from accounts") == [("anne.martin",)]


def test_the_last_administrator_stays(url):
    answers = played(
        url,
        adding("anne", Role.ADMINISTRATOR),
        adding("bruno", Role.OPERATOR),
        lambda connection: accounts.remove(connection, "anne"),
        lambda connection: accounts.change(connection, "anne", Role.OPERATOR),
        lambda connection: accounts.change(connection, "bruno", Role.ADMINISTRATOR),
        lambda connection: accounts.change(connection, "anne", Role.READ_ONLY),
        lambda connection: accounts.remove(connection, "bruno"),
        lambda connection: accounts.remove(connection, "anne"),
        lambda connection: accounts.remove(connection, "anne"),
    )
    assert [isinstance(one, NotAllowed) for one in answers] == [
        False, False, True, True, False, False, True, False, False,
    ]  # fmt: skip
    assert answers[-2:] == [True, False]
    assert rows(url, "select name, role from accounts") == [("bruno", "administrator")]


def test_another_role_or_password_ends_what_was_open(url):
    async def story():
        store = await Store.open(url)
        people = People(store)
        await store.work(adding("anne", Role.ADMINISTRATOR))
        await store.work(adding("bruno", Role.OPERATOR))
        seen: list[Any] = []
        for step in (
            partial(accounts.change, name="bruno", role=Role.ORGANISER),
            partial(accounts.change, name="bruno", password="an even longer one"),
            partial(accounts.change, name="bruno"),
            partial(accounts.remove, name="bruno"),
        ):
            opened = await people.open_session("bruno")
            assert opened is not None
            await store.work(step)
            seen.append(await people.by_session(opened[1]) is None)
        seen.append(await people.open_session("bruno"))
        await store.close()
        return seen

    assert asyncio.run(story()) == [True, True, False, True, None]


def test_who_is_given_a_name_again_has_no_part_in_what_was_opened_in_it(url):
    async def story():
        store = await Store.open(url)
        people = People(store)
        await store.work(adding("anne", Role.ADMINISTRATOR))
        await store.work(adding("bruno", Role.OPERATOR))
        _, secret = await people.make_token("calendar", Role.OPERATOR, "bruno", None)
        _, ours = await people.make_token("ledger", Role.OPERATOR, "anne", None)
        await store.work(lambda connection: accounts.remove(connection, "bruno"))
        _, older = await people.make_token("restored", Role.OPERATOR, "bruno", None)
        await store.work(adding("bruno", Role.OPERATOR))
        known = [await people.by_token(one) is not None for one in (secret, older, ours)]
        await store.close()
        return known

    assert asyncio.run(story()) == [False, False, True]

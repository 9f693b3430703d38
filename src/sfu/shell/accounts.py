"""Accounts of people who operate the server, as rows; `people` is who uses them.

::

    add, change, remove --> one transaction each, so that there is always an administrator

Not to be taken for `[[account]]` of the settings: those are units that register.
"""

import re
import time
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, insert, select, update

from sfu.errors import UseError
from sfu.model import Role
from sfu.shell.password import LONGEST, SHORTEST, hash_password
from sfu.shell.tables import accounts, sessions, tokens

FIRST = "admin"
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class NotAllowed(UseError):
    """It cannot be done now: the name is taken, or nobody would be left to administer."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who operates the server.  Times are seconds since 1970."""

    name: str
    role: Role
    created_at: float
    seen_at: float | None
    """When he logged in last."""
    password: str = field(repr=False)
    """Its hash; "" where another house vouches for him (OpenID Connect)."""
    subject: str = ""
    """Who he is there: issuer and subject."""


def read_name(text: str) -> str:
    """Read a name, in small letters; UseError where it is none."""
    name = text.strip().lower()
    if not NAME.fullmatch(name):
        raise UseError("a name has 1 to 64 letters, digits and . _ @ -")
    return name


def check_password(password: str) -> str:
    """Give back a password that may be used; UseError where it may not."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UseError(f"a password has {SHORTEST} to {LONGEST} characters")
    return password


def find(connection: Connection, name: str) -> Account | None:
    """Give an account, None where there is none of this name."""
    row = connection.execute(select(accounts).where(accounts.c.name == name)).mappings().first()
    return None if row is None else Account(**{**row, "role": Role(row["role"])})


def everybody(connection: Connection) -> list[Account]:
    """Give all accounts by name."""
    rows = connection.execute(select(accounts).order_by(accounts.c.name)).mappings()
    return [Account(**{**row, "role": Role(row["role"])}) for row in rows]


def add(
    connection: Connection,
    name: str,
    role: Role,
    password: str = "",
    subject: str = "",
    *,
    hashed: str = "",
) -> Account:
    """Make an account; NotAllowed where the name is taken.

    A password is reckoned here, for some 30 ms; a server gives its hash instead.
    """
    name = read_name(name)
    if find(connection, name) is not None:
        raise NotAllowed(f"there is an account {name} already")
    row = {
        "name": name,
        "role": role.value,
        "password": hash_password(check_password(password)) if password else hashed,
        "subject": subject,
        "created_at": time.time(),
    }
    _end(connection, name)  # what a restore may have brought back of an earlier one
    connection.execute(insert(accounts), row)
    made = find(connection, name)
    assert made is not None
    return made


def welcome(connection: Connection, said: str, role: Role, subject: str) -> str:
    """Give the account of somebody another house vouches for, made where it is his first time.

    Its word on his role counts each time.  NotAllowed where another has the name.
    """
    known = select(accounts.c.name).where(accounts.c.subject == subject)
    name = connection.scalar(known)
    if name is None:
        return add(connection, said, role, subject=subject).name
    mine = update(accounts).where(accounts.c.name == name)
    connection.execute(mine.values(role=role.value))
    return str(name)


def dismiss(connection: Connection, subject: str) -> None:
    """End what somebody could do here whom the other house lets do nothing any more."""
    name = connection.scalar(select(accounts.c.name).where(accounts.c.subject == subject))
    if name is not None:
        lowest = update(accounts).where(accounts.c.name == name).values(role=Role.READ_ONLY.value)
        connection.execute(lowest)
        _end(connection, name)


def change(
    connection: Connection,
    name: str,
    role: Role | None = None,
    password: str | None = None,
    *,
    hashed: str = "",
) -> Account | None:
    """Give an account another role or password, and end its sessions; None for no such account.

    A password is reckoned here, for some 30 ms; a server gives its hash instead.
    """
    known = find(connection, name)
    if known is None:
        return None
    values: dict[str, str] = {}
    if role is not None and role is not known.role:
        _demand_another_administrator(connection, known)
        values["role"] = role.value
    if password is not None:
        hashed = hash_password(check_password(password))
    if hashed:
        values["password"] = hashed
    if values:
        connection.execute(update(accounts).where(accounts.c.name == name).values(values))
        connection.execute(delete(sessions).where(sessions.c.account == name))
    return find(connection, name)


def remove(connection: Connection, name: str) -> bool:
    """Remove an account, its sessions and the tokens it made.  False for no such account."""
    known = find(connection, name)
    if known is None:
        return False
    _demand_another_administrator(connection, known)
    _end(connection, name)
    connection.execute(delete(accounts).where(accounts.c.name == name))
    return True


def count(connection: Connection) -> int:
    """Return how many accounts there are."""
    return connection.scalar(select(func.count()).select_from(accounts)) or 0


def has_administrator(connection: Connection) -> bool:
    """Tell whether anybody can administer."""
    found = select(func.count()).where(accounts.c.role == Role.ADMINISTRATOR.value)
    return bool(connection.scalar(found))


def _end(connection: Connection, name: str) -> None:
    """End all that was opened in this name: who is given it next has no part in that."""
    connection.execute(delete(sessions).where(sessions.c.account == name))
    connection.execute(delete(tokens).where(tokens.c.made_by == name))


def _demand_another_administrator(connection: Connection, leaving: Account) -> None:
    """Refuse what would leave nobody who can administer."""
    if leaving.role is not Role.ADMINISTRATOR:
        return
    others = select(func.count()).where(
        accounts.c.role == Role.ADMINISTRATOR.value, accounts.c.name != leaving.name
    )
    if not connection.scalar(others):
        raise NotAllowed(f"{leaving.name} is the last administrator")

"""Who is asking: accounts logged in by password, programs with tokens, who reads our directory.

::

    name, password --> log_in --> a secret in a cookie --\
    POST /tokens -------------> a secret to keep --------+--> by_session, by_token --> Person
    DIR/control.key (0600) ---- for `sfu` here ----------/

Only hashes of secrets are kept; each has 256 bits, so SHA-256 without salt will do.
"""

import hmac
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from sfu.model import Role
from sfu.shell import accounts as kept
from sfu.shell.accounts import Account
from sfu.shell.audit import Audit
from sfu.shell.password import Verifier, make_password
from sfu.shell.store import Store
from sfu.shell.tables import accounts, sessions, tokens
from sfu.shell.tries import PinTries

SESSION_S = 12 * 3600.0
"""A working day; then one logs in again."""
TRIES = 10
"""Wrong passwords of an address in a minute; beyond, right ones are refused there too."""
TOKEN_PREFIX = "sfu_"
"""So that scanners of leaked secrets know one of ours."""
CONTROL = "control.key"
USED_EVERY_S = 60.0
"""When a token was used last is noted no more often."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known, and what he may do."""

    name: str
    role: Role
    how: str
    """session, token, control, place."""
    account: str = ""
    """Whose session, or whose token."""


@dataclass(frozen=True, slots=True)
class Token:
    """A program's key.  Times are seconds since 1970."""

    id: str
    name: str
    role: Role
    made_by: str
    created_at: float
    expires_at: float | None
    used_at: float | None


class People:
    """Knows who may do what; one per server."""

    def __init__(
        self,
        store: Store,
        directory: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep people in this store; `directory` holds the key of commands on this machine."""
        self.store = store
        self.audit = Audit(store, clock)
        self.tries = PinTries(TRIES)
        self._directory = directory
        self._clock = clock
        self._verifier = Verifier()
        self._control = ""

    # ---- the first start, and commands on this machine

    async def begin(self) -> str | None:
        """Make the first administrator where there is nobody; return its password, once."""
        self._write_control()
        return await self.store.work(_first)

    def by_control(self, secret: str) -> Person | None:
        """Know who can read the data directory."""
        if self._control and hmac.compare_digest(secret.encode(), self._control.encode()):
            return Person("command line", Role.ADMINISTRATOR, "control")
        return None

    def _write_control(self) -> None:
        if self._directory is None:
            return
        self._control = TOKEN_PREFIX + "control_" + secrets.token_urlsafe(32)
        write_secret(self._directory / CONTROL, self._control)

    # ---- logging in

    async def log_in(self, name: str, password: str) -> tuple[Account, str, float] | None:
        """Open a session: the account, the cookie's secret, when it ends.  None: not so."""
        name = name.strip().lower()
        found = await self.store.look(select(accounts).where(accounts.c.name == name))
        known = found[0]["password"] if found else None
        if not await self._verifier.check(known, password):
            return None
        return await self.open_session(name, known)

    async def open_session(
        self, name: str, proved: str | None = None
    ) -> tuple[Account, str, float] | None:
        """Open a session for somebody who has proved who he is, `proved`: by this hash.

        None where he is gone, or his password is another by now: who changed it wants him out.
        """
        now, secret = self._clock(), secrets.token_urlsafe(32)
        ends = now + SESSION_S

        def task(connection: Connection) -> Account | None:
            account = kept.find(connection, name)
            if account is None or proved not in (None, account.password):
                return None
            connection.execute(delete(sessions).where(sessions.c.expires_at < now))
            row = {"hash": digest(secret), "account": name, "created_at": now, "expires_at": ends}
            connection.execute(insert(sessions), row)
            connection.execute(update(accounts).where(accounts.c.name == name).values(seen_at=now))
            return account

        account = await self.store.work(task)
        return None if account is None else (account, secret, ends)

    async def by_session(self, secret: str) -> Person | None:
        """Know who is logged in."""
        query = (
            select(accounts.c.name, accounts.c.role)
            .join(sessions, sessions.c.account == accounts.c.name)
            .where(sessions.c.hash == digest(secret), sessions.c.expires_at > self._clock())
        )
        found = await self.store.look(query)
        for row in found:
            return Person(row["name"], Role(row["role"]), "session", row["name"])
        return None

    async def log_out(self, secret: str) -> None:
        """End a session."""
        await self.store.change(delete(sessions).where(sessions.c.hash == digest(secret)))

    async def change_own(self, name: str, old: str, new: str) -> bool:
        """Change one's password; every session of the account ends.  False: `old` is wrong."""
        found = await self.store.look(select(accounts).where(accounts.c.name == name))
        if not found or not await self._verifier.check(found[0]["password"], old):
            return False
        hashed = await self.hashed(new)

        def task(connection: Connection) -> bool:
            account = kept.find(connection, name)
            if account is None or account.password != found[0]["password"]:
                return False  # another took its place while ours was reckoned
            kept.change(connection, name, hashed=hashed)
            return True

        if not await self.store.work(task):
            return False
        self.forget_first(name)
        return True

    async def hashed(self, password: str) -> str:
        """Hash a new password, in line with those that are checked; UseError where it is none."""
        return await self._verifier.hash(kept.check_password(password))

    def forget_first(self, name: str) -> None:
        """Remove the file with the first password, once it is another."""
        if self._directory is not None:
            forget_first(self._directory, name)

    # ---- tokens

    async def make_token(
        self, name: str, role: Role, made_by: str, days: int | None
    ) -> tuple[Token, str]:
        """Make a program's key; the secret is given this once."""
        now = self._clock()
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        ends = None if days is None else now + days * 86_400.0
        token = Token(secrets.token_hex(4), name, role, made_by, now, ends, None)
        row = {
            "id": token.id, "hash": digest(secret), "name": name, "role": role.value,
            "made_by": made_by, "created_at": now, "expires_at": ends,
        }  # fmt: skip
        await self.store.change(insert(tokens), row)
        return token, secret

    async def by_token(self, secret: str) -> Person | None:
        """Know a program; it may do no more than who made its token may now."""
        if not secret.startswith(TOKEN_PREFIX):
            return None
        now = self._clock()
        query = (
            select(tokens, accounts.c.role.label("maker"))
            .outerjoin(accounts, accounts.c.name == tokens.c.made_by)
            .where(tokens.c.hash == digest(secret))
        )
        for row in await self.store.look(query):
            if row["expires_at"] is not None and row["expires_at"] <= now:
                return None
            if row["maker"] is None and row["made_by"]:
                return None  # who made it is gone
            role, most = Role(row["role"]), Role(row["maker"] or Role.ADMINISTRATOR)
            if row["used_at"] is None or now - row["used_at"] > USED_EVERY_S:
                used = update(tokens).where(tokens.c.id == row["id"])
                self.store.put(used, {"used_at": now})
            allowed = role if most.covers(role) else most
            return Person(f"token {row['name']}", allowed, "token", row["made_by"])
        return None

    async def tokens(self) -> list[Token]:
        """Give all tokens, oldest first, without their secrets."""
        columns = [column for column in tokens.c if column.name != "hash"]
        rows = await self.store.look(select(*columns).order_by(tokens.c.created_at))
        return [Token(**{**row, "role": Role(row["role"])}) for row in rows]

    async def revoke(self, token: str) -> bool:
        """End a token; False for no such one."""
        return bool(await self.store.change(delete(tokens).where(tokens.c.id == token)))


def digest(secret: str) -> str:
    """Give what is kept of a secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def first_password_file(directory: Path) -> Path:
    """Give where the first password is left where nobody watches a terminal."""
    return directory / "first-password"


def forget_first(directory: Path, name: str) -> None:
    """Remove the file with the first password, once it is another."""
    if name.strip().lower() == kept.FIRST:
        first_password_file(directory).unlink(missing_ok=True)


def write_secret(path: Path, secret: str) -> None:
    """Leave a secret in a file for its owner's eyes, whatever was there."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(part, flags, 0o600), "w") as stream:
        stream.write(secret + "\n")
    part.replace(path)


def _first(connection: Connection) -> str | None:
    """Make the first administrator, once."""
    if kept.count(connection):
        return None
    password = make_password()
    kept.add(connection, kept.FIRST, Role.ADMINISTRATOR, password)
    return password

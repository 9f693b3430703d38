"""What is done to a database beside meetings: retention, restoring, accounts from a shell.

Who may read the data directory may do all of it: the key of a running server lies there too.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Connection, insert
from sqlalchemy.exc import SQLAlchemyError

from sfu.config import Retention, Settings
from sfu.errors import UseError
from sfu.model import Role
from sfu.shell import accounts, backup
from sfu.shell.audit import Deed, row_of
from sfu.shell.data import DataDirectory, chosen_directory, store_url
from sfu.shell.database import connect_plainly, migrate, revision, sqlite_file, words
from sfu.shell.fault import naming
from sfu.shell.forget import Keeping, keep_to
from sfu.shell.password import make_password
from sfu.shell.people import CONTROL, forget_first
from sfu.shell.store import Store
from sfu.shell.tables import audit

EVERY_S = 6 * 3600.0

log = structlog.get_logger()


async def keep_house(store: Store, retention: Callable[[], Retention]) -> None:
    """Let go of what is older than it is kept, now and each quarter of a day; the task of it."""
    while True:
        days = retention()
        keeping = Keeping(days.people_days, days.records_days, days.audit_days)
        try:
            met = await store.work(partial(keep_to, keeping=keeping))
            if met:
                log.info("forgotten", rows=met)
        except (SQLAlchemyError, OSError) as error:
            log.error("retention_failed", why=words(error))
        await asyncio.sleep(EVERY_S)


def control_key(settings: Settings, environ: Mapping[str, str]) -> str:
    """Read the key of the server that runs; UseError where it cannot be."""
    path = chosen_directory(settings.data, environ) / CONTROL
    with naming(f"{path}"):
        return path.read_text().strip()


def stage(settings: Settings, file: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """Lay a backup where the server that runs takes it; give its name and the server's key."""
    directory, key = chosen_directory(settings.data, environ), control_key(settings, environ)
    path = directory / f"restore-{os.urandom(8).hex()}.sqlite3"
    with naming(f"backup {file}"), open(file, "rb") as source:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with naming(f"{path}"), open(os.open(path, flags, 0o600), "wb") as target:
            shutil.copyfileobj(source, target)
            if os.geteuid() == 0:  # the server is somebody else
                owner = directory.stat()
                os.fchown(target.fileno(), owner.st_uid, owner.st_gid)
    return path.name, key


def forget_staged(settings: Settings, name: str, environ: Mapping[str, str]) -> None:
    """Take away what was laid there and the server did not take: it is the whole database."""
    (chosen_directory(settings.data, environ) / name).unlink(missing_ok=True)


def set_account(
    settings: Settings,
    environ: Mapping[str, str],
    name: str,
    role: Role | None,
    *,
    remove: bool = False,
) -> str | None:
    """Make an account, or give one another password; return it.  None: it was removed."""
    directory = chosen_directory(settings.data, environ)
    password = _set_account(store_url(directory, settings.store.url), name, role, remove)
    forget_first(directory, name)
    return password


def _set_account(url: str, name: str, role: Role | None, remove: bool) -> str | None:
    with _transaction(url) as connection:
        name = accounts.read_name(name)
        known = accounts.find(connection, name)
        if remove:
            if not accounts.remove(connection, name):
                raise UseError(f"there is no account {name}")
            _note(connection, "remove account", name)
            return None
        password = make_password()
        if known is None and role is None:
            raise UseError(f"there is no account {name}; to make it, say --role")
        if known is None:
            accounts.add(connection, name, role or Role.READ_ONLY, password)
        else:
            accounts.change(connection, name, role, password)
        _note(connection, "set account", name, role.value if role else "")
        return password


def has_administrator(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Tell whether anybody can administer what is kept."""
    directory = chosen_directory(settings.data, environ)
    with _transaction(store_url(directory, settings.store.url)) as connection:
        return accounts.has_administrator(connection)


@contextmanager
def _transaction(url: str) -> Iterator[Connection]:
    path = sqlite_file(url)
    if path is not None and not path.exists():
        raise UseError(f"{path} does not exist: start the server once")
    engine = connect_plainly(url)
    try:
        with engine.begin() as connection:
            if revision(connection) is None:
                raise UseError("the database has no tables of sfu: start the server once")
            migrate(connection)
            yield connection
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise UseError(f"accounts: {words(error)}") from error
    finally:
        engine.dispose()


def _note(connection: Connection, action: str, target: str, detail: str = "") -> None:
    deed = Deed("command line", Role.ADMINISTRATOR.value, "", action, target, detail, 0)
    connection.execute(insert(audit), row_of(deed, time.time()))


def restore(settings: Settings, file: Path, environ: Mapping[str, str]) -> int:
    """Restore a backup with the server standing still; return how many rows came back."""
    data = DataDirectory.open(settings.data, environ)
    try:
        return backup.restore(data.store_url(settings.store.url), file).rows
    finally:
        data.close()

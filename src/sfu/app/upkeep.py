"""What keeps a database in order: retention while the server runs, and restoring a backup."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sfu.config import Retention, Settings
from sfu.shell import backup
from sfu.shell.data import DataDirectory
from sfu.shell.database import words
from sfu.shell.forget import Keeping, keep_to
from sfu.shell.store import Store

EVERY_S = 6 * 3600.0

log = structlog.get_logger()


async def keep_house(store: Store, retention: Retention) -> None:
    """Let go of what is older than it is kept, now and each quarter of a day; the task of it."""
    keeping = Keeping(retention.people_days, retention.records_days, retention.audit_days)
    while True:
        try:
            met = await store.work(lambda connection: keep_to(connection, keeping))
            if met:
                log.info("forgotten", rows=met)
        except (SQLAlchemyError, OSError) as error:
            log.error("retention_failed", why=words(error))
        await asyncio.sleep(EVERY_S)


def restore(settings: Settings, file: Path, environ: Mapping[str, str]) -> int:
    """Restore a backup with the server standing still; return how many rows came back."""
    data = DataDirectory.open(settings.data, environ)
    try:
        return backup.restore(data.store_url(settings.store.url), file)
    finally:
        data.close()

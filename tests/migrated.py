"""SQLite files with all tables and nothing in them: made once a process, copied for each test."""

import asyncio
import tempfile
from functools import cache
from pathlib import Path

from sfu.shell.store import Store


def laid(path: Path) -> str:
    """Lay such a file there; return its URL."""
    path.write_bytes(_octets())
    path.chmod(0o600)
    return f"sqlite+aiosqlite:///{path}"


@cache
def _octets() -> bytes:
    async def made(path: Path) -> bytes:
        store = await Store.open(f"sqlite+aiosqlite:///{path}")
        await store.close()
        return path.read_bytes()

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(made(Path(folder) / "calls.sqlite3"))

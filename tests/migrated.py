"""SQLite files with all tables and nothing in them: made once a process, copied for each test."""

import tempfile
from functools import cache
from pathlib import Path

from sfu.shell.database import connect_plainly, migrate


def laid(path: Path) -> str:
    """Lay such a file there; return its URL."""
    path.write_bytes(_octets())
    path.chmod(0o600)
    return f"sqlite+aiosqlite:///{path}"


@cache
def _octets() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.sqlite3"
        engine = connect_plainly(f"sqlite:///{path}")
        with engine.begin() as connection:
            migrate(connection)
        engine.dispose()
        return path.read_bytes()

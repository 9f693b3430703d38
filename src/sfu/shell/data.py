"""The one directory everything is written to (XDG Base Directory Specification).

::

    DIR/lock              held while a server runs on it
        calls.sqlite3     call records, bindings of registered rooms, accounts
        control.key       the key of commands on this machine, another at each start
        first-password    the first administrator's, where nobody watched a terminal
        tls/              the certificate made at first start
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from sfu.errors import UseError
from sfu.shell.fault import naming

SERVICE_DIRECTORY = Path("/var/lib/sfu")
"""Where a service without a home writes."""


def default_directory(environ: Mapping[str, str]) -> Path:
    """Give $XDG_DATA_HOME/sfu, else ~/.local/share/sfu, else /var/lib/sfu."""
    base = environ.get("XDG_DATA_HOME", "")
    if Path(base).is_absolute():  # the specification: relative ones are ignored
        return Path(base, "sfu")
    home = environ.get("HOME", "")
    return Path(home, ".local/share/sfu") if home else SERVICE_DIRECTORY


def chosen_directory(configured: str, environ: Mapping[str, str]) -> Path:
    """Give the configured directory, or the default one where none is."""
    return Path(configured) if configured else default_directory(environ)


def store_url(directory: Path, configured: str) -> str:
    """Give the SQLAlchemy URL of the database."""
    return configured or f"sqlite+aiosqlite:///{directory.absolute() / 'calls.sqlite3'}"


class InUse(UseError):
    """Another server has the directory."""


class DataDirectory:
    """An existing, writable directory that this process alone serves from."""

    def __init__(self, path: Path) -> None:
        """Make it where it is missing and take its lock; raise UseError in one line."""
        self.path = path
        with naming(f"data directory {path}"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise InUse(f"data directory {path} is in use by another server") from None

    @classmethod
    def open(cls, configured: str, environ: Mapping[str, str]) -> "DataDirectory":
        """Open the configured directory, or the default one where none is."""
        return cls(chosen_directory(configured, environ))

    @property
    def tls(self) -> Path:
        """Where a certificate of our own stands."""
        return self.path / "tls"

    def store_url(self, configured: str) -> str:
        """Give the SQLAlchemy URL of the call records."""
        return store_url(self.path, configured)

    def close(self) -> None:
        """Let another server have it."""
        os.close(self._lock)

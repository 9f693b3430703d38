"""Faults: what stops a start, in words; and what must not stop everybody, once we run."""

import contextlib
import errno
from collections.abc import Iterator

import structlog

from sfu.errors import UseError

log = structlog.get_logger()

_WORDS = {
    errno.EADDRINUSE: "is in use (does another server run?)",
    errno.EADDRNOTAVAIL: "is no address of this host",
    errno.EAFNOSUPPORT: "is of a family this host does not have",
    errno.EACCES: "may not be used by this user",
    errno.EPERM: "may not be used by this user",
    errno.ENOENT: "does not exist",
    errno.ENOSPC: "is full",
    errno.EROFS: "cannot be written (read-only file system)",
}


@contextlib.contextmanager
def naming(what: str) -> Iterator[None]:
    """Turn an OSError into one line about `what`: a path, or "SIP over UDP, 0.0.0.0:5060"."""
    try:
        yield
    except OSError as error:
        raise UseError(f"{what} {words(error)}") from error


@contextlib.contextmanager
def surviving(what: str, **facts: object) -> Iterator[None]:
    """Log a fault of ours and go on: what one member meets must not reach the others."""
    try:
        yield
    except Exception:
        log.exception(what, **facts)


def words(error: OSError) -> str:
    """Say what is wrong, to be read after the name of the thing."""
    return _WORDS.get(error.errno or 0) or f"cannot be used: {error.strerror or error}"

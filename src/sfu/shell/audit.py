"""Who did what by the API, when, from where, and how it ended; never a secret.

Lines go the way of call records: into the queue, without waiting.  What people nobody knows were
refused counts too, but not so much of it that a flood would fill the disk.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import insert, select

from sfu.shell.store import Store
from sfu.shell.tables import audit

STRANGERS_BURST, STRANGERS_PER_S = 20.0, 0.2
"""Lines about people nobody knows."""
TEXT = 256

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, or tried to."""

    who: str
    """An account, "token NAME", "command line"; "" for who is not known."""
    role: str
    address: str
    action: str
    """A verb and a route: "POST /api/v1/calls"."""
    target: str
    """What the address of the request named: a member, a call, an account."""
    detail: str
    """What else there is to know: whom into which room."""
    status: int
    """HTTP status it was answered."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A deed as it was kept; `at` is in seconds since 1970."""

    id: int
    at: float
    who: str
    role: str
    address: str
    action: str
    target: str
    detail: str
    status: int


class Audit:
    """Keeps deeds."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        """Keep in this store; `clock` gives seconds since 1970."""
        self._store = store
        self._clock = clock
        self._left, self._at = STRANGERS_BURST, clock()
        self.dropped = 0
        """Lines about strangers that were too many."""

    def note(self, deed: Deed) -> None:
        """Keep a deed; does not wait."""
        now = self._clock()
        if not deed.who and not self._may(now):
            if not self.dropped:
                log.warning("audit_crowded", why="strangers are refused faster than is kept")
            self.dropped += 1
            return
        self._store.put(insert(audit), row_of(deed, now))

    async def lines(self, limit: int, before: int | None = None) -> list[AuditLine]:
        """Give the newest lines, newest first; `before` an id goes on where one ended."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        return [AuditLine(**row) for row in await self._store.read(query)]

    def _may(self, now: float) -> bool:
        self._left = min(STRANGERS_BURST, self._left + max(0.0, now - self._at) * STRANGERS_PER_S)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def row_of(deed: Deed, now: float) -> dict[str, object]:
    """Make a row of a deed, cut to what is kept."""
    return {
        "at": now,
        "who": deed.who[:TEXT],
        "role": deed.role,
        "address": deed.address[:64],
        "action": deed.action[:TEXT],
        "target": deed.target[:TEXT],
        "detail": deed.detail[:TEXT],
        "status": deed.status,
    }

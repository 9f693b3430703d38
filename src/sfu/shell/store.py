"""Call records in a database, written behind the meeting's back.

::

    joined, heartbeat, left --> queue (bounded, never waits) --> run: one transaction --> database

`heartbeat`, each 5 s, says in one statement which calls last.  A server that is killed leaves
their rows open; the next start closes each with the time it was last seen, so an end is never
wrong by more than the beat.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import structlog
from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    RowMapping,
    Select,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from sfu.errors import UseError
from sfu.shell.backup import Moved, last_numbers, restore
from sfu.shell.database import connect, migrate, try_file, words
from sfu.shell.record import SERVER_STOPPED, CallRecord, Joining, RecordId, Traffic
from sfu.shell.tables import calls, meetings

HEARTBEAT_S = 5.0
"""Half of what an end may be wrong by."""
QUEUE_LENGTH = 10_000
"""Writes that wait while the disk does not answer; later ones are lost and counted."""
RETRY_S = 1.0
TEXT_LENGTH = 256
"""What a peer calls itself is cut here."""

log = structlog.get_logger()

T = TypeVar("T")
Write = Callable[[], tuple[Executable, Mapping[str, Any]]]
"""Made when it is written: a restore meanwhile may have given a row another number."""


class Store:
    """Owns the database; one per process."""

    def __init__(self, engine: AsyncEngine, next_call: int, next_meeting: int) -> None:
        """Use `open`."""
        self.lost_writes = 0
        self._engine = engine
        self._next_call = next_call
        self._next_meeting = next_meeting
        self._occupied: dict[str, tuple[int, int]] = {}  # room: meeting, open calls
        self._rooms: dict[RecordId, str] = {}
        self._rows: dict[RecordId, int] = {}  # records whose row a restore gave another number
        self._meeting_rows: dict[int, int] = {}  # meetings, alike
        self._writes: deque[Write] = deque()
        self._beat: tuple[Collection[RecordId], float] | None = None
        self._closing = False
        self._wanted = asyncio.Event()
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, url: str) -> "Store":
        """Connect, migrate, close what a killed server left; raise UseError in one line."""
        engine = None
        try:
            engine = connect(url)
            await asyncio.to_thread(try_file, url)
            async with engine.begin() as connection:
                await connection.run_sync(migrate)
                await connection.run_sync(_close_left_open)
                last_call = await connection.scalar(select(func.max(calls.c.id)))
                last_meeting = await connection.scalar(select(func.max(meetings.c.id)))
        except (SQLAlchemyError, OSError, ImportError) as error:
            if engine is not None:
                await engine.dispose()
            raise UseError(f"call records: {words(error)}") from error
        except UseError:
            assert engine is not None
            await engine.dispose()
            raise
        return cls(engine, (last_call or 0) + 1, (last_meeting or 0) + 1)

    def joined(self, joining: Joining, now: float) -> RecordId:
        """Note that somebody came in; does not wait."""
        record = RecordId(self._next_call)
        self._next_call += 1
        meeting = self._enter(joining.room, joining.organisation, now)
        self._rooms[record] = joining.room
        values = {
            "id": record,
            "room": joining.room,
            "member": joining.member,
            "name": _text(joining.name),
            "protocol": joining.protocol.value,
            "direction": joining.direction.value,
            "caller": _text(joining.caller),
            "model": _text(joining.model),
            "site": joining.site,
            "joined_at": now,
            "last_seen_at": now,
            "status": 0,
            "status_text": "",
            **_columns(Traffic()),
        }
        self._put(lambda: (insert(calls), {**values, "meeting_id": self._row_of_meeting(meeting)}))
        return record

    def heartbeat(self, records: Collection[RecordId], now: float) -> None:
        """Note that these calls last; a later beat takes the place of one not yet written."""
        self._beat = (tuple(records), now)
        self._wanted.set()

    def left(
        self,
        record: RecordId,
        now: float,
        cause: str,
        *,
        status: int = 0,
        text: str = "",
        traffic: Traffic | None = None,
        site: str = "",
    ) -> None:
        """Note that somebody went, and why; does not wait.  A second time changes nothing.

        `site` is where it was in the end, where that is known better than when it came.
        """
        room = self._rooms.pop(record, None)
        if room is None:
            return
        values = {
            "last_seen_at": now,
            "left_at": now,
            "cause": cause,
            "status": status,
            "status_text": _text(text),
            **_columns(traffic or Traffic()),
            **({"site": site} if site else {}),
        }
        self._put(lambda: (update(calls).where(calls.c.id == self.row_of(record)), values))
        self._leave(room, now)

    def row_of(self, record: RecordId) -> RecordId:
        """Give the number a call that lasts has in the database."""
        return RecordId(self._rows.get(record, record))

    def _row_of_meeting(self, meeting: int) -> int:
        return self._meeting_rows.get(meeting, meeting)

    def put(self, statement: Executable, values: Mapping[str, Any]) -> None:
        """Queue a write of another table, after those that wait; does not wait."""
        self._put(lambda: (statement, values))

    async def read(self, query: Select[Any]) -> Sequence[RowMapping]:
        """Give the rows of another table, all writes before this one among them."""
        await self.flush()
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).mappings())

    async def look(self, query: Select[Any]) -> Sequence[RowMapping]:
        """Give rows as they stand, whatever writes wait."""
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).mappings())

    async def change(
        self,
        statement: Executable,
        values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> int:
        """Write at once, before those that wait; return how many rows it met."""
        async with self._writing, self._engine.begin() as connection:
            done = await connection.execute(statement, values or {})
            return cast("CursorResult[Any]", done).rowcount

    async def work(self, task: Callable[[Connection], T]) -> T:
        """Do several things in one transaction, at once."""
        async with self._writing, self._engine.begin() as connection:
            return await connection.run_sync(task)

    async def restore(self, backup: Path) -> int:
        """Put a backup in place of what was kept, beside calls that go on; return its rows.

        It is read and written in a thread: calls come, go and are heard meanwhile.  Who joins then
        gets a number beyond all of the backup, and those that take the place of taken ones.
        """
        url = self._engine.url.render_as_string(hide_password=False)
        async with self._writing:
            await self._write()
            last_call, last_meeting = await asyncio.to_thread(last_numbers, backup)
            self._next_call = max(self._next_call, last_call + 1 + len(self._rooms))
            self._next_meeting = max(self._next_meeting, last_meeting + 1 + len(self._occupied))
            moved = await asyncio.to_thread(restore, url, backup, running=True)
            self._moved(moved)
            return moved.rows

    def _moved(self, moved: Moved) -> None:
        """Take in which rows have other numbers now; what waits to be written goes by it."""
        numbers = {row: record for record, row in self._rows.items()}
        for old, new in moved.calls.items():
            self._rows[numbers.get(old, RecordId(old))] = new
        meeting_numbers = {row: number for number, row in self._meeting_rows.items()}
        for old, new in moved.meetings.items():
            self._meeting_rows[meeting_numbers.get(old, old)] = new

    async def recent(self, count: int) -> list[CallRecord]:
        """Give the newest calls, newest first, those that last among them."""
        await self.flush()
        newest = select(calls).order_by(calls.c.joined_at.desc(), calls.c.id.desc()).limit(count)
        async with self._engine.connect() as connection:
            return [CallRecord(**row) for row in (await connection.execute(newest)).mappings()]

    async def run(self) -> None:
        """Write what comes, until `close`; the one task of a store."""
        while True:
            await self._wanted.wait()
            if self._closing:
                return
            try:
                await self._write_what_can_be()
            except Exception as error:
                log.error("call records cannot be written", error=words(error))
                await asyncio.sleep(RETRY_S)

    async def flush(self) -> None:
        """Write all that waits, in one transaction; what fails stays in the queue."""
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        if not self._closing:
            self._wanted.clear()
        writes, beat = len(self._writes), self._beat
        if not writes and beat is None:
            return
        try:
            async with self._engine.begin() as connection:
                for write in list(self._writes):
                    await connection.execute(*write())
                if beat is not None:
                    await connection.execute(self._seen(*beat))
        except BaseException:
            self._wanted.set()
            raise
        for _ in range(writes):
            self._writes.popleft()
        if self._beat is beat:
            self._beat = None

    async def _write_what_can_be(self) -> None:
        """Write all that waits; drop and count what never can be."""
        try:
            await self.flush()
        except Exception as error:
            if _passes(error):
                raise
            await self._write_one_by_one()

    async def _write_one_by_one(self) -> None:
        """Write what waits, each for itself, and drop what would fail for ever."""
        async with self._writing:
            while self._writes:
                await self._write_or_drop(*self._writes[0]())
                self._writes.popleft()
            if self._beat is not None:
                beat, self._beat = self._beat, None
                await self._write_or_drop(self._seen(*beat), {})

    async def _write_or_drop(self, statement: Executable, values: Mapping[str, Any]) -> None:
        try:
            async with self._engine.begin() as connection:
                await connection.execute(statement, values)
        except Exception as error:
            if _passes(error):
                raise
            self.lost_writes += 1
            log.error("call records lost", count=1, error=words(error))

    async def close(self) -> None:
        """Write what waits, let `run` end, and let go of the database."""
        self._closing = True
        self._wanted.set()
        with contextlib.suppress(SQLAlchemyError, OSError):
            await self._write_what_can_be()
        await self._engine.dispose()

    def _seen(self, records: Collection[RecordId], now: float) -> Executable:
        lasting = calls.c.id.in_(map(self.row_of, records)) & calls.c.left_at.is_(None)
        return update(calls).where(lasting).values(last_seen_at=now)

    def _put(self, write: Write) -> None:
        if len(self._writes) >= QUEUE_LENGTH:
            self.lost_writes += 1
            return
        self._writes.append(write)
        self._wanted.set()

    def _enter(self, room: str, organisation: str, now: float) -> int:
        """Count one more in a room; the first begins a meeting."""
        if room not in self._occupied:
            meeting = self._next_meeting
            self._next_meeting += 1
            held = {"id": meeting, "room": room, "organisation": organisation, "started_at": now}
            self._put(lambda: (insert(meetings), held))
            self._occupied[room] = (meeting, 0)
        meeting, count = self._occupied[room]
        self._occupied[room] = (meeting, count + 1)
        return meeting

    def _leave(self, room: str, now: float) -> None:
        """Count one less in a room; the last ends the meeting."""
        meeting, count = self._occupied[room]
        if count > 1:
            self._occupied[room] = (meeting, count - 1)
            return
        del self._occupied[room]
        over = {"ended_at": now}
        row = self._row_of_meeting
        self._put(lambda: (update(meetings).where(meetings.c.id == row(meeting)), over))


def _passes(error: Exception) -> bool:
    """Tell a fault that may pass (locked, full, away, no free connection) from a row's own."""
    passing = (OperationalError, InterfaceError, PoolTimeoutError, OSError)
    cut_off = isinstance(error, DBAPIError) and error.connection_invalidated
    return cut_off or isinstance(error, passing)


def _close_left_open(connection: Connection) -> None:
    """End what a killed server left, at the time it was last seen."""
    connection.execute(
        update(calls)
        .where(calls.c.left_at.is_(None))
        .values(left_at=calls.c.last_seen_at, cause=SERVER_STOPPED)
    )
    last = select(func.max(calls.c.left_at)).where(calls.c.meeting_id == meetings.c.id)
    connection.execute(
        update(meetings)
        .where(meetings.c.ended_at.is_(None))
        .values(ended_at=func.coalesce(last.scalar_subquery(), meetings.c.started_at))
    )


def _text(said: str) -> str:
    """Cut what a peer said; what databases refuse of it the column keeps out."""
    return said[:TEXT_LENGTH]


def _columns(traffic: Traffic) -> dict[str, int]:
    return {
        "received_bytes": traffic.received_bytes,
        "sent_bytes": traffic.sent_bytes,
        "received_packets": traffic.received_packets,
        "lost_packets": traffic.lost_packets,
    }

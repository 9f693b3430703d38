"""F5: killed without a word ten times, amid meetings and bookings; nothing promised is lost.

What a client was told is the measure: a booking that was granted is there, one that was cancelled
is not, a call that was answered has its record, one that ended has its own cause and end, one that
lasted is ended by the next start, true to ten seconds.
"""

import asyncio
import contextlib
import importlib.util
import json
import random
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http.client import HTTPException
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from sfu.shell.database import sqlite_file
from sfu.shell.store import HEARTBEAT_S
from tests.databases import kept_at, rows
from tests.interop.server import Server

pytestmark = [pytest.mark.interop, pytest.mark.waits]

KILLS = 10
ROOMS = [str(number) for number in range(4201, 4206)]
SETTINGS = "".join(f'[[room]]\nnumber = "{one}"\nowner = "Parc"\n' for one in ROOMS)
WRITTEN_S = 1.0
"""Records are written together, within this time; what came in the last of it is not counted."""
TRUE_TO_S = 2 * HEARTBEAT_S

_loader = SourceFileLoader("answers", str(Path(__file__).parents[2] / "scripts" / "answers"))
_spec = importlib.util.spec_from_loader("answers", _loader)
assert _spec is not None
answers = importlib.util.module_from_spec(_spec)
_loader.exec_module(answers)


@dataclass
class Promises:
    """What clients were told, over all rounds."""

    booked: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    """Asked for, and the server died before it answered."""
    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    killed: list[float] = field(default_factory=list)


def ask(server: Server, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        server.local + path,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        raw = answer.read()
        return json.loads(raw) if raw else None


def book(server: Server, promises: Promises, number: int, dice: random.Random) -> None:
    """Book an hour nobody has yet, and now and then take one back."""
    title = f"booking {number}"
    starts = datetime.now().replace(minute=0) + timedelta(hours=2 + number // len(ROOMS))
    wish = {
        "title": title, "organisation": "Parc", "rooms": [ROOMS[number % len(ROOMS)]],
        "starts": starts.isoformat(timespec="minutes"), "minutes": 30,
    }  # fmt: skip
    promises.unsure.add(title)
    granted = ask(server, "POST", "/api/v1/bookings", wish)
    promises.booked.add(title)
    if dice.random() < 0.3:
        promises.booked.discard(title)
        ask(server, "DELETE", f"/api/v1/bookings/{granted['booking']}")
        promises.cancelled.add(title)
    promises.unsure.discard(title)


def call(server: Server, promises: Promises, number: int, dice: random.Random) -> None:
    """Call a room, stay, and hang up sometimes; every call has a name of its own."""
    name = f"caller{number}"
    caller = answers.Caller("127.0.0.1", server.sip_port, dice.choice(ROOMS), name)
    offer = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {40_000 + number % 1000 * 2} RTP/AVP 0\r\n"
    )
    with caller.sock:
        caller.send("INVITE", 1, offer)
        if caller.final(1) != 200:
            return
        caller.send("ACK", 1)
        promises.began[name] = time.time()
        time.sleep(dice.uniform(0.05, 1.5))
        if dice.random() < 0.5:
            caller.send("BYE", 2)
            if caller.final(2) == 200:
                promises.ended[name] = time.time()


async def lived(server: Server, promises: Promises, first: int, dice: random.Random) -> int:
    """Let people book and call until the server is killed, at a moment nobody chose."""
    dead = asyncio.Event()
    numbers = iter(range(first, first + 1000))

    async def again(what: Any, pause_s: float) -> None:
        while not dead.is_set():
            with contextlib.suppress(OSError, HTTPException):
                await asyncio.to_thread(what, server, promises, next(numbers), dice)
            await asyncio.sleep(pause_s)

    people = [asyncio.ensure_future(again(book, 0.02)) for _ in range(2)]  # noqa: TID251
    people += [asyncio.ensure_future(again(call, 0.05)) for _ in range(4)]  # noqa: TID251
    await asyncio.sleep(dice.uniform(0.5, 5.0))
    promises.killed.append(time.time())
    server.kill()
    dead.set()
    await asyncio.gather(*people)
    return next(numbers)


def test_nothing_that_was_promised_is_lost_when_it_is_killed_ten_times(
    meeting: Any, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    dice, promises = random.Random(seed), Promises()

    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(SETTINGS + kept_at(url))
            number = 0
            for _ in range(KILLS):
                number = await lived(server, promises, number, dice)
                await server.start()
                _whole(url)
            _booked(server, promises)
            worst_s = _recorded(url, promises)
            with capsys.disabled():
                print(
                    f"\nkilled {KILLS} times (seed {seed}): {len(promises.booked)} bookings and "
                    f"{len(promises.cancelled)} cancelled, {len(promises.began)} calls of which "
                    f"{len(promises.ended)} had ended: none lost; ends true to {worst_s:.1f} s"
                )

    asyncio.run(asyncio.wait_for(story(), 280))


def _whole(url: str) -> None:
    """The database is sound, and nothing in it lasts that is over."""
    if sqlite_file(url):
        assert rows(url, "pragma integrity_check") == [("ok",)]
    assert rows(url, "select count(*) from calls where left_at is null") == [(0,)]
    assert rows(url, "select count(*) from meetings where ended_at is null") == [(0,)]


def _booked(server: Server, promises: Promises) -> None:
    first, last = date.today(), date.today() + timedelta(days=300)
    rows = ask(server, "GET", f"/api/v1/bookings?from={first}&to={last}")
    found = {one["title"] for one in rows}
    assert promises.booked - found == set(), "granted, and lost"
    assert promises.cancelled & found == set(), "taken back, and there again"
    assert found - promises.booked - promises.unsure == set()
    assert len(promises.booked) > 3 * KILLS


def _recorded(url: str, promises: Promises) -> float:
    """Compare the records with what callers saw; return by how much an end was wrong at worst."""
    found = rows(url, "select caller, joined_at, left_at, cause from calls")
    known = {row[0].partition("@")[0]: row[1:] for row in found}
    worst_s = 0.0
    for name, began in promises.began.items():
        killed = min(at for at in promises.killed if at >= began)
        if killed - began < WRITTEN_S:
            continue
        assert name in known, f"{name} was answered {killed - began:.2f} s before the end"
        joined_at, left_at, cause = known[name]
        assert abs(joined_at - began) < 2.0
        ended = promises.ended.get(name)
        if ended is not None and killed - ended >= WRITTEN_S:
            assert cause == "hung_up", name
            assert abs(left_at - ended) < 2.0
        elif ended is None:
            assert cause in ("server_stopped", "hung_up"), name
            worst_s = max(worst_s, abs(killed - left_at) if cause == "server_stopped" else 0.0)
    assert worst_s <= TRUE_TO_S
    assert len(promises.began) > 3 * KILLS
    return worst_s

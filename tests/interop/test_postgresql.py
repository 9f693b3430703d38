"""The real server keeps everything in PostgreSQL, and loses nothing when either is killed."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.databases import kept_at
from tests.interop.fixtures import MOREZ
from tests.interop.server import Server
from tests.interop.wait import until
from tests.postgres import Postgres

pytestmark = [pytest.mark.interop, pytest.mark.waits]


def test_a_meeting_is_kept_there_through_the_death_of_both(meeting: Any, cluster: Postgres) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(kept_at(cluster.new()))
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            await until(lambda: len(_calls(server)) == 1, 10, "a record")
            await asyncio.to_thread(cluster.pause)  # the database goes, the meeting stays
            await until(lambda: "call records cannot be written" in server.log, 20, "the log line")
            await asyncio.to_thread(cluster.resume)
            await until(lambda: server.answers("/api/v1/calls"), 20, "the records again")
            await asyncio.sleep(6)  # a beat, and the server dies
            server.kill()
            await server.start()
            (record,) = _calls(server)
            assert record["reason"] == "server_stopped"
            assert record["duration_s"] > 5

            copy = server.home / "copy"
            for words in (["backup", str(copy)], ["account", "anne", "--role", "operator"]):
                said = await asyncio.to_thread(_sfu, server, *words)
            wish = {"account": "anne", "password": said.strip()}
            async with httpx.AsyncClient() as client:
                opened = await client.post(server.local + "/api/v1/session", json=wish)
            assert opened.status_code == 200
            await asyncio.to_thread(_sfu, server, "restore", str(copy))
            assert _calls(server) == [record]
            assert not (server.home / "data" / "calls.sqlite3").exists()

    asyncio.run(asyncio.wait_for(story(), 120))


def _calls(server: Server) -> list[dict[str, Any]]:
    return list(json.loads(server.get("/api/v1/calls")))


def _sfu(server: Server, *words: str) -> str:
    home = ["--config", str(server.home / "sfu.toml"), "--data", str(server.home / "data")]
    command = [sys.executable, "-m", "sfu", *words, *home]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()

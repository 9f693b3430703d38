"""A server that is killed knows its registered rooms when it starts again."""

import asyncio
import json
import urllib.request
from typing import Any

import pytest

from tests.databases import kept_at, rows
from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.server import Server
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

ACCOUNT = '[[account]]\nuser = "morez"\npassword = "le-bon-mot"\n'


def test_a_registered_room_is_called_into_a_meeting_after_the_server_was_killed(
    meeting: Any, url: str
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(ACCOUNT + kept_at(url))
            morez = await m.room(
                MOREZ, user="morez", registrar=server.sip_port,
                account="auth_user=morez;auth_pass=le-bon-mot",
            )  # fmt: skip
            await until(lambda: server.metric("sfu_registrations") == 1, 10, "a registration")
            await until(lambda: _kept(url) == ["morez"], 5, "its row")
            before = morez.log.count("200 OK")
            server.kill()
            await server.start()
            assert server.metric("sfu_registrations") == 1

            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            status, outcome = await asyncio.to_thread(_dial, server, "morez", "4201")
            assert (status, outcome["answered"]) == (201, True)
            assert morez.log.count("200 OK") == before, "it has registered anew meanwhile"
            await morez.sees(LAJOUX)
            await lajoux.sees(MOREZ)

    asyncio.run(asyncio.wait_for(story(), 100))


def _kept(url: str) -> list[str]:
    """Return whose bindings are kept."""
    return [account for (account,) in rows(url, "SELECT account FROM bindings")]


def _dial(server: Server, target: str, room: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        server.local + "/api/v1/calls",
        json.dumps({"target": target, "room": room}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, json.loads(answer.read())

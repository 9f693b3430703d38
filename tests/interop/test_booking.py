"""A booking with real units: on disk over a kill, called at its minute, in the ledger after."""

import asyncio
import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.server import Server
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]


def settings(lajoux: str, morez: str) -> str:
    """Two sites with a room and a unit each, 26 km apart."""
    return f"""
[ledger]
least_minutes = 0.0
[[site]]
name = "lajoux"
[[site]]
name = "morez"
[[distance]]
between = ["lajoux", "morez"]
km = 26
[[room]]
number = "4201"
site = "lajoux"
[[room]]
number = "4202"
site = "morez"
[[endpoint]]
number = "7001"
uri = "{lajoux}"
site = "lajoux"
[[endpoint]]
number = "7002"
uri = "{morez}"
site = "morez"
"""


def test_booked_rooms_are_called_and_what_they_saved_is_counted(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            lajoux = await m.room(LAJOUX)
            morez = await m.room(MOREZ, host="127.0.0.2")
            text = settings(lajoux.uri, morez.uri)
            server = await m.serve(text, environment={"SFU_TIMEZONE": "UTC"})
            begins = (datetime.now(UTC) + timedelta(seconds=70)).replace(second=0, microsecond=0)
            wish = {
                "title": "Conseil",
                "organisation": "Parc",
                "rooms": ["4201", "4202"],
                "starts": begins.replace(tzinfo=None).isoformat(timespec="minutes"),
                "minutes": 30,
            }
            status, booking = await asyncio.to_thread(_post, server, wish)
            assert (status, booking["number"]) == (201, "4201")
            server.kill()
            await server.start()

            await until(lambda: _members(server) == ["7001", "7002"], 100, "both units")
            assert datetime.now(UTC) >= begins

            for call in json.loads(server.get("/api/v1/calls")):
                if call["ended_at"] is None:
                    await asyncio.to_thread(_delete, server, f"/api/v1/calls/{call['call']}")
            await until(lambda: _members(server) == [], 10, "their end")
            await until(lambda: _ledger(server)["total"]["meetings"] == 1, 10, "the ledger")
            made = _ledger(server)
            assert (made["rows"][0]["key"], made["total"]["km"]) == ("Parc", 52)
            assert made["total"]["co2_kg"] == pytest.approx(52 * 0.244)

    asyncio.run(asyncio.wait_for(story(), 250))


def _members(server: Server) -> list[str]:
    rooms = json.loads(server.get("/api/v1/rooms"))
    return sorted(one["name"] for room in rooms for one in room["members"])


def _ledger(server: Server) -> Any:
    return json.loads(server.get("/api/v1/ledger?by=organisation"))


def _post(server: Server, body: dict[str, Any]) -> tuple[int, Any]:
    request = urllib.request.Request(
        server.local + "/api/v1/bookings",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, json.loads(answer.read())


def _delete(server: Server, path: str) -> None:
    request = urllib.request.Request(server.local + path, method="DELETE")
    with urllib.request.urlopen(request, timeout=30):
        pass

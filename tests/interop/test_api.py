"""The API of the real server: fuzzed by its description, heard over TLS, restored in mid call."""

import asyncio
import json
import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.databases import kept_at
from tests.interop.fixtures import ANNE, BRUNO, LAJOUX, MOREZ
from tests.interop.network import apart
from tests.interop.server import Server
from tests.interop.wait import until
from tests.postgres import Postgres

pytestmark = pytest.mark.interop

BASE = 47_000
EXPECTED = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "502", "503"]
"""
"""502: who was called did not take it; 503 of /readyz."""
NOBODY_BY_PLACE = "[dial_out]\nnetworks = []\n"
ST = Path(sys.executable).with_name("schemathesis")


@pytest.mark.parametrize("who", ["administrator", "nobody"])
def test_no_request_the_description_allows_is_a_500(
    tmp_path: Path, who: str, elsewhere: Postgres | None
) -> None:
    """F3: schemathesis asks, in a network where dialled calls go nowhere.

    Going down (`drain`) would end the server that is asked; test_life.py does it.
    """
    settings = NOBODY_BY_PLACE if who == "nobody" else ""
    if elsewhere is not None:
        settings += kept_at(elsewhere.laid())
    apart(lambda: asyncio.run(_fuzzed(tmp_path, who, settings)))


async def _fuzzed(home: Path, who: str, settings: str) -> None:
    server = Server(home / "server", BASE, settings)
    await server.start()
    (home / "schemathesis.toml").write_text(EXPECTED)
    try:
        key = (server.home / "data" / "control.key").read_text().strip()
        words = [
            str(ST), "run", server.local + "/api/v1/openapi.json",
            *(["--header", f"Authorization: Bearer {key}"] if who == "administrator" else []),
            "--exclude-path", "/api/v1/drain",
            "--checks", "not_a_server_error,response_schema_conformance",
            "--max-examples", "60", "--seed", "1", "--request-timeout", "30",
            "--phases", "examples,coverage,fuzzing", "--no-color",
        ]  # fmt: skip
        with open(home / "schemathesis.log", "wb") as log:
            done = await asyncio.to_thread(
                subprocess.run, words, stdout=log, stderr=log, cwd=home, timeout=280
            )
        said = (home / "schemathesis.log").read_text(errors="replace")
        assert done.returncode == 0, said[-8000:]
        tested = re.search(r"(\d+) generated", said)
        assert tested, said[-2000:]
        assert int(tested[1]) > 500
        assert server.answers("/readyz")
        faults = [row for row in server.records() if row.get("level") in ("error", "critical")]
        assert faults == []
    finally:
        await server.stop()


def test_a_program_hears_what_happens_and_a_restore_disturbs_no_call(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            data = server.home / "data"
            key = (data / "control.key").read_text().strip()
            trust = ssl.create_default_context(cafile=str(data / "tls" / "certificate.pem"))
            trust.check_hostname = False
            url = server.page.replace("https", "wss") + "/api/v1/events"
            headers = {"Authorization": f"Bearer {key}"}
            async with websockets.connect(url, ssl=trust, additional_headers=headers) as events:

                async def heard() -> dict[str, Any]:
                    return dict(json.loads(await asyncio.wait_for(events.recv(), 20)))

                morez = await m.room(MOREZ)
                await morez.dial(server.sip("4201"))
                told = [await heard(), await heard()]
                assert [one["type"] for one in told] == ["meeting_started", "member_joined"]
                before = _calls(server)
                await _sfu(server, "backup", str(server.home / "copy"))
                said = await _sfu(server, "account", "anne", "--role", "operator")
                assert (await _status(server, "anne", said.strip())) == 200
                await _sfu(server, "restore", str(server.home / "copy"))
                assert (await _status(server, "anne", said.strip())) == 401  # not in the backup
                assert _calls(server) == before
                lajoux = await m.room(LAJOUX)
                await lajoux.dial(server.sip("4201"))
                await morez.sees(LAJOUX)
                await lajoux.sees(MOREZ)
                await morez.stop()
                told = [await heard(), await heard()]
                assert [one["type"] for one in told] == ["member_joined", "member_left"]
                (newest, oldest) = json.loads(server.get("/api/v1/calls"))
                assert (newest["ended_at"], oldest["reason"]) == (None, "hung_up")
                assert oldest["call"] == before[0]

    asyncio.run(asyncio.wait_for(story(), 100))


def test_a_guest_opens_a_link_and_is_in_a_room_whose_pin_he_does_not_know(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve('[[room]]\nnumber = "4201"\npin = "2580"\n')
            key = (server.home / "data" / "control.key").read_text().strip()
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(headers=headers, verify=False) as client:
                wish = {"room": "4201", "hours": 1}
                made = await client.post(server.page + "/api/v1/invitations", json=wish)
            link = made.json()["link"]
            assert link.startswith(server.page + "/?room=4201&invitation=")
            anne = await m.visitor(ANNE)
            await anne.page.goto(link)
            await anne.join()
            bruno = await m.visitor(BRUNO)  # who has the number alone
            await bruno.page.fill("#name", "Bruno")
            await bruno.page.click("#enter")
            await until(lambda: bruno.last("refused"), 15, "Bruno's refusal")
            assert bruno.last("refused")["code"] == "pin_required"
            (room,) = json.loads(server.get("/api/v1/rooms"))
            assert [one["name"] for one in room["members"]] == ["Anne"]
            assert link.rpartition("=")[2] not in server.log

    asyncio.run(asyncio.wait_for(story(), 100))


def _calls(server: Server) -> list[int]:
    return [one["call"] for one in json.loads(server.get("/api/v1/calls"))]


async def _sfu(server: Server, *words: str) -> str:
    """Run a command beside the server; return what it says."""
    home = ["--config", str(server.home / "sfu.toml"), "--data", str(server.home / "data")]
    command = [sys.executable, "-m", "sfu", *words, *home]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


async def _status(server: Server, account: str, password: str) -> int:
    """Log in; return how that was answered."""
    async with httpx.AsyncClient() as client:
        wish = {"account": account, "password": password}
        return (await client.post(server.local + "/api/v1/session", json=wish)).status_code

"""The two deployments of config/ are started as they stand, and know their rooms and roads."""

import asyncio
import json
from typing import Any

import pytest

from sfu.config import load
from tests.config.test_settings import CONFIG

pytestmark = [pytest.mark.interop, pytest.mark.waits]


@pytest.mark.parametrize("name", ["haut-jura", "haut-languedoc"])
def test_a_deployment_starts_as_it_stands(meeting: Any, name: str) -> None:
    async def story() -> None:
        async with meeting() as m:
            settings = load(CONFIG / f"{name}.toml", {})
            server = await m.serve((CONFIG / f"{name}.toml").read_text())
            rooms = json.loads(server.get("/api/v1/rooms"))
            assert [one["room"] for one in rooms] == [room.number for room in settings.room]
            lines = json.loads(server.get("/api/v1/lines"))
            assert [one["site"] for one in lines] == [line.site for line in settings.line]
            rule = json.loads(server.get("/api/v1/ledger"))["rule"]
            assert rule["seat"] == settings.ledger.seat
            sites = [one for one in server.get("/metrics").splitlines() if "sfu_ledger_km" in one]
            assert all(any(f'"{site.name}"' in one for one in sites) for site in settings.site)

    asyncio.run(asyncio.wait_for(story(), 60))

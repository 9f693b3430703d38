"""F1: the newcomer's walk on a server of our own, with the settings the page shows."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.interop.newcomer import SETTINGS, Newcomer

pytestmark = [pytest.mark.interop, pytest.mark.waits]

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["first-day.md", "first-day.fr.md"])
def test_the_page_shows_the_settings_that_are_walked_with(page: str) -> None:
    text = (TOP / "docs" / page).read_text()
    said = [line.split("#")[0].strip() for line in SETTINGS.splitlines() if line.strip()]
    assert [line for line in said if line not in text] == []


def test_a_newcomer_comes_from_the_first_look_to_the_report(meeting: Any, tmp_path: Path) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            file = server.home / "sfu.toml"
            script = tmp_path / "sfu"
            script.write_text(
                f'#!/bin/sh\nverb=$1; shift\nSFU_DATA="{server.home / "data"}" exec '
                f'"{sys.executable}" -m sfu "$verb" --config "{file}" "$@"\n'
            )
            script.chmod(0o755)
            out = Path(os.environ.get("WALK", tmp_path / "walk"))
            newcomer = Newcomer(
                m, server.page, server.local, server.sip_port, file, [str(script)], out
            )
            await newcomer.walk()
            assert {one.name for one in out.iterdir()} >= {
                "first-lobby.png", "first-meeting.png", "first-report.png",
            }  # fmt: skip

    asyncio.run(asyncio.wait_for(story(), 200))

"""Names are drawn one after the other, by a real process; what fails costs the name alone."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sfu.media.still import pictures
from sfu.shell import titles
from sfu.shell.screen import path_of
from sfu.shell.titles import Titles
from sfu.worker.title import titled

pytestmark = pytest.mark.machine

CARD = path_of("waiting-cif")


async def drawn(made: Titles, card: Path, title: str) -> titles.Film | None:
    async with asyncio.timeout(30):
        while (card, title) not in made._films:
            assert made.film(card, title) is None
            await asyncio.sleep(0.02)
    return made.film(card, title)


def test_a_name_is_drawn_once_and_kept():
    async def story() -> None:
        made = Titles()
        try:
            film = await drawn(made, CARD, "Morez")
            assert film == pictures(titled(CARD.read_bytes(), "Morez"))
            assert made.film(CARD, "Morez") is film
            assert made._drawing is None
        finally:
            await made.close()

    asyncio.run(story())


def test_a_card_that_cannot_be_drawn_is_told_once_and_holds_up_nobody(tmp_path):
    async def story() -> None:
        made = Titles()
        try:
            made.film(tmp_path / "none.h264", "Morez")
            assert await drawn(made, CARD, "Morez") is not None
            assert made.film(tmp_path / "none.h264", "Morez") is None
            assert made._drawing is None  # it is not tried again
        finally:
            await made.close()

    with capture_logs() as said:
        asyncio.run(story())
    [line] = said
    assert (line["event"], line["title"]) == ("card_without_title", "Morez")


def test_the_one_wanted_longest_ago_goes_first(monkeypatch):
    monkeypatch.setattr(titles, "KEPT", 2)

    async def story() -> None:
        made = Titles()
        try:
            for title in ("a", "b"):
                await drawn(made, CARD, title)
            made.film(CARD, "a")
            await drawn(made, CARD, "c")
            assert [title for _, title in made._films] == ["a", "c"]
        finally:
            await made.close()

    asyncio.run(story())


def test_a_server_that_stops_leaves_no_process():
    async def story() -> None:
        made = Titles()
        made.film(CARD, "Morez")
        await asyncio.sleep(0.05)
        await made.close()
        assert made._drawing is None

    asyncio.run(story())

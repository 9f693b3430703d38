"""The ledger as operators see it."""

import asyncio
from datetime import date, datetime

import pytest

from sfu.app import ledger
from sfu.errors import UseError
from sfu.ledger import By
from sfu.shell.ledger import Ledger
from sfu.shell.store import Store
from tests.shell.test_ledger import PAIR, SETTINGS, at, hold


def view(url, first=None, last=None, by=By.SITE):
    async def story():
        store = await Store.open(url)
        hold(store, at(2026, 3, 2, 9), *PAIR)
        kept = Ledger(store, SETTINGS)
        await kept.add()
        try:
            return await ledger.view(kept, SETTINGS, first, last, by), ledger.figures(kept)
        finally:
            await store.close()

    return asyncio.run(story())


def test_rows_total_titles_and_the_rule_are_shown(url):
    shown, figures = view(url, date(2026, 3, 1), date(2026, 3, 31))
    assert [(row.key, row.km) for row in shown.rows] == [("lajoux", 0), ("morez", 52)]
    assert (shown.total.km, shown.titles) == (52, {"lajoux": "Lajoux, siège"})
    assert (shown.rule.venue, shown.rule.people_per_unit) == ("nearest", 3)
    assert (figures.meetings, figures.km) == (1, {"lajoux": 0, "morez": 52})


def test_without_days_it_is_this_year_until_today(url):
    shown, _ = view(url)
    today = datetime.now(Ledger(None, SETTINGS).zone).date()  # type: ignore[arg-type]
    assert (shown.first_day, shown.last_day) == (date(today.year, 1, 1), today)


def test_days_the_wrong_way_round_are_refused(url):
    with pytest.raises(UseError, match="2026-03-01 is before 2026-03-31"):
        view(url, date(2026, 3, 31), date(2026, 3, 1))

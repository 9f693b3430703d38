"""The ledger as operators and scrapes see it."""

from datetime import date, datetime

from sfu.api.view import LedgerView, RuleView
from sfu.config import Settings
from sfu.errors import UseError
from sfu.ledger import By
from sfu.metrics import LedgerFigures
from sfu.shell.ledger import Ledger


async def view(
    ledger: Ledger, settings: Settings, first: date | None, last: date | None, by: By
) -> LedgerView:
    """Show what the meetings of some days saved; without days, of this year until today."""
    last = last or datetime.now(ledger.zone).date()
    first = first or last.replace(month=1, day=1)
    if last < first:
        raise UseError(f"{last} is before {first}")
    made, rule = await ledger.report(first, last, by), ledger.rule
    return LedgerView(
        first_day=first,
        last_day=last,
        timezone=settings.timezone,
        by=by,
        rows=made.rows,
        total=made.total,
        titles=ledger.titles,
        unknown_roads=made.unknown_roads,
        rule=RuleView(
            venue=rule.venue.value,
            seat=rule.seat,
            people_per_car=rule.people_per_car,
            people_per_unit=settings.ledger.people_per_unit,
            round_trip=rule.round_trip,
            co2_kg_per_km=rule.co2_kg_per_km,
            least_minutes=rule.least_minutes,
        ),
    )


def figures(ledger: Ledger) -> LedgerFigures:
    """Show the running sums to a scrape."""
    sums = ledger.sums
    return LedgerFigures(sums.meetings, dict(sums.km), dict(sums.co2_kg))

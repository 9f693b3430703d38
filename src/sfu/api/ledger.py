"""What meetings saved, over HTTP: as JSON for the report page, as a table for spreadsheets."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Response

from sfu.api.auth import Gate, with_answers
from sfu.api.house import House
from sfu.api.schema import Day
from sfu.api.view import LedgerView
from sfu.errors import UseError
from sfu.ledger import By, table
from sfu.model import Role


def add_ledger(routes: APIRouter, house: House, gate: Gate) -> None:
    """Add the route of the ledger to those of operators."""

    @routes.get(
        "/ledger",
        summary="What meetings saved: kilometres nobody drove, and their CO2",
        response_model=LedgerView,
        **with_answers(gate.needs(Role.READ_ONLY), {200: {"content": {"text/csv": {}}},
            400: {"description": "the last day stands before the first"}}),
    )  # fmt: skip
    async def ledger(
        first: Annotated[Day | None, Query(alias="from")] = None,
        last: Annotated[Day | None, Query(alias="to")] = None,
        by: By = By.MONTH,
        shape: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    ) -> LedgerView | Response:
        try:
            view = await house.ledger(first, last, by)
        except UseError as error:
            raise HTTPException(400, str(error)) from None
        if shape == "json":
            return view
        name = f"ledger-{view.first_day}-{view.last_day}-{by}.csv"
        return Response(
            table(by, (*view.rows, view.total)),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

"""The API for operators, /api/v1: see rooms and calls, call a room in, send it on, hang up.

Each route says which role it takes (`auth`).  The description stands at /api/v1/openapi.json.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from sfu.api.audit import detail
from sfu.api.auth import Gate, router, with_answers
from sfu.api.booking import add_bookings
from sfu.api.house import House
from sfu.api.ledger import add_ledger
from sfu.api.live import add_live
from sfu.api.schema import DialRequest, TransferRequest
from sfu.api.view import (
    AdmissionView,
    CallView,
    DialOutcome,
    LineView,
    RoomView,
    TransferOutcome,
    TrunkView,
)
from sfu.errors import UseError
from sfu.model import Role


def operator_routes(house: House, gate: Gate) -> APIRouter:
    """Make the routes."""
    routes = router()
    _add_views(routes, house, gate)
    _add_calls(routes, house, gate)
    add_live(routes, house, gate)
    add_ledger(routes, house, gate)
    add_bookings(routes, house, gate)
    return routes


def _add_views(routes: APIRouter, house: House, gate: Gate) -> None:
    sees = gate.needs(Role.READ_ONLY)

    @routes.get("/rooms", summary="Rooms and who is in them", **sees)
    async def rooms() -> Sequence[RoomView]:
        return house.rooms()

    @routes.get("/calls", summary="The newest call records, those that last among them", **sees)
    async def calls(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Sequence[CallView]:
        return await house.calls(limit)

    @routes.get("/trunks", summary="PBXs and providers the server registers at", **sees)
    async def trunks() -> Sequence[TrunkView]:
        return house.trunks()

    @routes.get(
        "/lines", summary="Access lines: what they bear, who stands behind, who gets what", **sees
    )
    async def lines() -> Sequence[LineView]:
        return house.lines()

    @routes.get(
        "/lines/{line}/admission",
        summary="What would become of so many calls more behind a line",
        **with_answers(sees, {404: {"description": "no such line"}}),
    )
    async def admission(
        line: str,
        codecs: Annotated[int, Query(ge=0, le=100)] = 1,
        browsers: Annotated[int, Query(ge=0, le=100)] = 0,
    ) -> AdmissionView:
        found = house.what_if(line, codecs, browsers)
        if found is None:
            raise HTTPException(404, "no such line")
        return found


def _add_calls(routes: APIRouter, house: House, gate: Gate) -> None:
    operates = gate.needs(Role.OPERATOR)

    @routes.post(
        "/calls",
        status_code=201,
        summary="Call a number into a room; answers when it is taken or over",
        **with_answers(operates, {400: {"description": "no such room, or nobody can be called so"},
            502: {"description": "not taken: busy, no answer, unreachable", "model": DialOutcome}}),
    )  # fmt: skip
    async def dial(wish: DialRequest, request: Request, response: Response) -> DialOutcome:
        detail(request, f"{wish.target} into {wish.room}")
        try:
            outcome = await house.dial(wish.target, wish.room)
        except UseError as error:
            raise HTTPException(400, str(error)) from None
        if not outcome.answered:
            response.status_code = 502
        return outcome

    @routes.post(
        "/members/{member}/transfer",
        summary="Send a room codec to another room or address; answers when it went or did not",
        **with_answers(operates, {400: {"description": "not this member, or nowhere so"},
            404: {"description": "no such member"},
            502: {"description": "it did not go", "model": TransferOutcome}}),
    )  # fmt: skip
    async def transfer(
        member: str, wish: TransferRequest, request: Request, response: Response
    ) -> TransferOutcome:
        detail(request, f"to {wish.target}")
        try:
            outcome = await house.transfer(member, wish.target)
        except UseError as error:
            raise HTTPException(400, str(error)) from None
        if outcome is None:
            raise HTTPException(404, "no such member")
        if not outcome.done:
            response.status_code = 502
        return outcome

    @routes.delete(
        "/calls/{call}",
        status_code=204,
        summary="Hang up",
        **with_answers(operates, {404: {"description": "no such call"}}),
    )
    async def hang_up(call: int) -> None:
        if not house.hang_up(call):
            raise HTTPException(404, "no such call")

"""The API for operators, /api/v1: see rooms and calls, call a room in, send it on, hang up.

Open to loopback, listed networks and known accounts (`House.may_operate`), closed to foreign
pages.  Its OpenAPI description stands at /api/v1/openapi.json.
"""

from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from sfu.api.house import (
    AdmissionView,
    CallView,
    Credentials,
    DialOutcome,
    House,
    LineView,
    RoomView,
    TransferOutcome,
    TrunkView,
)
from sfu.api.origin import known_host, remote_address, same_origin
from sfu.api.schema import DialRequest, TransferRequest
from sfu.errors import UseError

_basic = HTTPBasic(auto_error=False, realm="sfu")


def operator_routes(house: House, names: Collection[str]) -> APIRouter:
    """Make the routes; `names` are host names the server goes by."""

    def allowed(
        request: Request, basic: Annotated[HTTPBasicCredentials | None, Depends(_basic)]
    ) -> None:
        if not (same_origin(request) and known_host(request, names)):
            raise HTTPException(403, "requests of foreign pages are not answered")
        known = Credentials(basic.username, basic.password) if basic else None
        if not house.may_operate(remote_address(request), known):
            raise HTTPException(
                401,
                "an account or a listed network is needed",
                {"WWW-Authenticate": 'Basic realm="sfu"'},
            )

    routes = APIRouter(prefix="/api/v1", dependencies=[Depends(allowed)])
    _add_views(routes, house)
    _add_calls(routes, house)
    return routes


def _add_views(routes: APIRouter, house: House) -> None:
    @routes.get("/rooms", summary="Rooms and who is in them")
    async def rooms() -> Sequence[RoomView]:
        return house.rooms()

    @routes.get("/calls", summary="The newest call records, those that last among them")
    async def calls(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Sequence[CallView]:
        return await house.calls(limit)

    @routes.get("/trunks", summary="PBXs and providers the server registers at")
    async def trunks() -> Sequence[TrunkView]:
        return house.trunks()

    @routes.get("/lines", summary="Access lines: what they bear, who stands behind, who gets what")
    async def lines() -> Sequence[LineView]:
        return house.lines()

    @routes.get(
        "/lines/{line}/admission",
        summary="What would become of so many calls more behind a line",
        responses={404: {"description": "no such line"}},
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


def _add_calls(routes: APIRouter, house: House) -> None:
    @routes.post(
        "/calls",
        status_code=201,
        summary="Call a number into a room; answers when it is taken or over",
        responses={400: {"description": "no such room, or nobody can be called so"}, 502: {
            "description": "not taken: busy, no answer, unreachable", "model": DialOutcome}},
    )  # fmt: skip
    async def dial(wish: DialRequest, response: Response) -> DialOutcome:
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
        responses={400: {"description": "not this member, or nowhere so"},
            404: {"description": "no such member"},
            502: {"description": "it did not go", "model": TransferOutcome}},
    )  # fmt: skip
    async def transfer(member: str, wish: TransferRequest, response: Response) -> TransferOutcome:
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
        responses={404: {"description": "no such call"}},
    )
    async def hang_up(call: int) -> None:
        if not house.hang_up(call):
            raise HTTPException(404, "no such call")

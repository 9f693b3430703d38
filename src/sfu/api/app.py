"""The web side of the server, put together: page, WebSocket, operators' API, health, metrics.

| path                    | who                                                       |
|-------------------------|-----------------------------------------------------------|
| /, /report, /console,   | anybody; what the pages show is asked of the API           |
| /bookings               |                                                            |
| /ws                     | our own page, or a client that is no page                 |
| /api/v1/...             | who has the role of the route: see auth                   |
| /healthz /readyz        | anybody: whether the process lives; whether it takes calls |
| /metrics                | where the listener has it                                 |
"""

import json
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError

from sfu.api.account import account_routes
from sfu.api.alteration import alteration_routes
from sfu.api.audit import Audited
from sfu.api.auth import Gate, roles_of
from sfu.api.browser import Doors
from sfu.api.events import event_routes
from sfu.api.headers import Guard
from sfu.api.house import House
from sfu.api.invitation import invitation_routes
from sfu.api.oidc import oidc_routes
from sfu.api.operator import operator_routes
from sfu.api.schema import Readiness
from sfu.api.service import service_routes
from sfu.api.session import session_routes
from sfu.api.static import page_routes


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What one listener is like."""

    metrics: bool = False
    """Whether /metrics answers here."""
    names: frozenset[str] = frozenset()
    """Host names the server goes by, lower case."""
    origins: frozenset[str] = frozenset()
    """Foreign pages that may open a WebSocket, say "https://intranet.example"."""


def create_app(house: House, settings: WebSettings | None = None) -> FastAPI:
    """Make the ASGI application of one listener; LookupError for a route without a role."""
    settings = settings or WebSettings()
    app = FastAPI(
        title="sfu",
        summary="Rooms, calls and the page of a conference server",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_middleware(Audited, house=house)
    app.add_middleware(Guard)
    gate = Gate(house, settings.names)
    doors = Doors(house, settings.origins, gate)

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await doors.enter(websocket)

    app.include_router(operator_routes(house, gate))
    app.include_router(session_routes(house, gate))
    app.include_router(account_routes(house, gate))
    app.include_router(oidc_routes(house, gate))
    app.include_router(invitation_routes(house, gate))
    app.include_router(alteration_routes(house, gate))
    app.include_router(event_routes(house, gate))
    app.include_router(service_routes(house, gate))
    _add_health(app, house)
    if settings.metrics:
        _add_metrics(app, house)
    app.router.routes.extend(page_routes())
    roles_of(app)
    return app


async def _unreadable(_request: Request, error: Exception) -> Response:
    """Say what is wrong with a request without saying it again: it may hold a password."""
    assert isinstance(error, RequestValidationError)
    found = [{key: one[key] for key in ("type", "loc", "msg")} for one in error.errors()]
    # in ASCII: half characters can be read in JSON, and not be written in UTF-8
    return Response(json.dumps({"detail": found}), 422, media_type="application/json")


def _add_health(app: FastAPI, house: House) -> None:
    @app.get("/healthz", summary="The process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Calls are taken", responses={503: {"model": Readiness}})
    async def readyz(response: Response) -> Readiness:
        reasons = list(house.ready())
        if reasons:
            response.status_code = 503
        return Readiness(ready=not reasons, reasons=reasons)


def _add_metrics(app: FastAPI, house: House) -> None:
    @app.get("/metrics", summary="Prometheus text format", response_class=Response)
    async def metrics() -> Response:
        return Response(
            house.metrics(), headers={"content-type": "text/plain; version=0.0.4; charset=utf-8"}
        )

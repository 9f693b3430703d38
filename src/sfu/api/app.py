"""The web side of the server, put together: page, WebSocket, operators' API, health, metrics.

| path                    | who                                                       |
|-------------------------|-----------------------------------------------------------|
| /  and its files        | anybody                                                   |
| /ws                     | our own page, or a client that is no page                 |
| /api/v1/...             | `House.may_operate`                                       |
| /healthz /readyz        | anybody: whether the process lives; whether it takes calls |
| /metrics                | where the listener has it                                 |
"""

from dataclasses import dataclass

from fastapi import FastAPI, Response, WebSocket

from sfu.api.browser import Doors
from sfu.api.headers import Guard
from sfu.api.house import House
from sfu.api.operator import operator_routes
from sfu.api.schema import Readiness
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
    """Make the ASGI application of one listener."""
    settings = settings or WebSettings()
    app = FastAPI(
        title="sfu",
        summary="Rooms, calls and the page of a conference server",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Guard)
    doors = Doors(house, settings.origins)

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await doors.enter(websocket)

    app.include_router(operator_routes(house, settings.names))
    _add_health(app, house)
    if settings.metrics:
        _add_metrics(app, house)
    app.include_router(page_routes())
    return app


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

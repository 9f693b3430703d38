"""Writes down every request that would change something: who, what, from where, how it ended."""

from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sfu.api.origin import remote_address
from sfu.shell.audit import Deed
from sfu.shell.people import Person

if TYPE_CHECKING:
    from sfu.api.house import House

HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST = 200


def detail(connection: HTTPConnection, text: str) -> None:
    """Have the line of this request say what its address does not; never a secret."""
    connection.state.detail = text


class Audited:
    """ASGI middleware: a line for each request of the API that is no mere look."""

    def __init__(self, app: ASGIApp, house: "House") -> None:
        """Stand before `app`; lines go to the people of this house."""
        self._app, self._house = app, house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and remember it."""
        changes = scope["type"] == "http" and scope["method"] not in HARMLESS
        if not changes or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        status = 500
        scope["state"] = dict(scope.get("state") or {})

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            if ("route" in scope and status not in (404, 405)) or "person" in scope["state"]:
                self._house.people.audit.note(_deed(scope, status))


def _deed(scope: Scope, status: int) -> Deed:
    connection = HTTPConnection(scope)
    person = scope["state"].get("person")
    known = person if isinstance(person, Person) else None
    path = getattr(scope.get("route"), "path", "") or scope["path"]
    return Deed(
        who=(known.name or known.how) if known else "",
        role=known.role.value if known else "",
        address=remote_address(connection),
        action=f"{scope['method']} {path}"[:LONGEST],
        target=" ".join(map(str, scope.get("path_params", {}).values()))[:LONGEST],
        detail=str(scope["state"].get("detail", ""))[:LONGEST],
        status=status,
    )

"""Who is asking, and whether that is enough: each route says which role it takes.

::

    foreign page? --> 403     token -> session cookie -> password of an [[account]], or place
    nobody known  --> 401     (a wrong token is refused; a session that is over is passed by)
    too little    --> 403

`Need` stands before a route and carries its role, so that a walk over the routes finds those
without one (`roles_of`); `create_app` refuses to make such an application.
"""

import base64
import binascii
import time
from collections.abc import Collection, Iterator
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security import APIKeyCookie, HTTPBasic, HTTPBearer
from starlette.requests import HTTPConnection

from sfu.api.house import Credentials, House
from sfu.api.origin import known_host, remote_address, same_origin
from sfu.model import Role
from sfu.shell.people import Person

COOKIE = "__Host-sfu"
"""The prefix has browsers take it over TLS from this host alone (RFC 6265bis)."""
REALM = "sfu"
Answers = dict[int | str, dict[str, Any]]
"""Descriptions of answers, by status."""
LONGEST_SECRET = 512

SCHEMES = [
    Depends(HTTPBearer(auto_error=False, scheme_name="token", description="an API token")),
    Depends(APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session")),
    Depends(HTTPBasic(auto_error=False, scheme_name="account", description="[[account]]")),
]
"""For the description of the API alone: `Gate` reads the headers."""


class Gate:
    """Judges requests; one per listener."""

    def __init__(self, house: House, names: Collection[str] = ()) -> None:
        """Let in for this house; `names` are host names the server goes by."""
        self._house, self._names = house, names

    def needs(self, role: Role) -> dict[str, Any]:
        """Give what a route's decorator is told, so that it takes this role."""
        return {
            "dependencies": [Depends(Need(self, role))],
            "openapi_extra": {"x-role": role.value},
            "responses": {
                401: {"description": "nobody known, or a token that is wrong"},
                403: {"description": f"not enough: it takes the role {role.value}"},
            },
        }

    def open(self) -> dict[str, Any]:
        """Give what the decorator of a route for everybody is told."""
        return {"dependencies": [Depends(Need(self, None))]}

    def check_page(self, connection: HTTPConnection) -> None:
        """Turn foreign pages away."""
        if not (same_origin(connection) and known_host(connection, self._names)):
            raise HTTPException(403, "requests of foreign pages are not answered")

    async def identify(self, connection: HTTPConnection) -> Person | None:
        """Say who is asking; HTTPException for a wrong token, or too many tries."""
        kind, _, given = connection.headers.get("authorization", "").partition(" ")
        people = self._house.people
        if kind.lower() == "bearer":
            secret = given.strip()[:LONGEST_SECRET]
            person = people.by_control(secret) or await people.by_token(secret)
            if person is None:
                raise HTTPException(401, "no such token", _challenge(connection))
            return person
        cookie = connection.cookies.get(COOKIE, "")[:LONGEST_SECRET]
        if cookie and (person := await people.by_session(cookie)) is not None:
            return person
        return self._by_place(connection, _basic(given) if kind.lower() == "basic" else None)

    def _by_place(self, connection: HTTPConnection, known: Credentials | None) -> Person | None:
        """Know loopback, listed networks and accounts of units: `[dial_out]`."""
        remote = remote_address(connection)
        if known is not None:
            self.demand_tries(remote)
        if self._house.may_operate(remote, known):
            return Person(known.account if known else "", Role.OPERATOR, "place")
        if known is not None:
            self._house.people.tries.wrong(remote, time.monotonic())
        return None

    def demand_tries(self, remote: str) -> None:
        """Refuse an address that gave too many wrong passwords."""
        if not self._house.people.tries.left(remote, time.monotonic()):
            raise HTTPException(
                429, "too many wrong passwords from this address", {"Retry-After": "60"}
            )


class Need:
    """A route's role, or None for a route that is everybody's; foreign pages never pass."""

    def __init__(self, gate: Gate, role: Role | None) -> None:
        """Stand before a route."""
        self.gate, self.role = gate, role

    async def __call__(self, connection: HTTPConnection) -> None:
        """Let pass, or raise HTTPException; who it is stays in the state of the request."""
        self.gate.check_page(connection)
        if self.role is None:
            return
        person = connection.state.person = await self.gate.identify(connection)
        if person is None:
            raise HTTPException(
                401, "an account or a listed network is needed", _challenge(connection)
            )
        if not person.role.covers(self.role):
            raise HTTPException(403, f"this takes the role {self.role.value}")


def with_answers(need: dict[str, Any], answers: "Answers") -> dict[str, Any]:
    """Add answers a route gives of its own to those of its `Gate.needs`."""
    return {**need, "responses": {**need.get("responses", {}), **answers}}


def roles_of(app: FastAPI) -> dict[str, Role | None]:
    """Give each route of the API with its role, as "GET /api/v1/rooms"; None: everybody's.

    Raises LookupError where a route says nothing about it.
    """
    found: dict[str, Role | None] = {}
    for route, path in _routes(app.routes, ""):
        if not path.startswith("/api/") or path == app.openapi_url:
            continue
        needs = [one.dependency for one in route.dependencies if isinstance(one.dependency, Need)]
        verbs = (route.methods or ()) if isinstance(route, APIRoute) else ("WEBSOCKET",)
        if len(needs) != 1:
            raise LookupError(f"{path} does not say which role it takes (Gate.needs)")
        for verb in sorted(verbs):
            found[f"{verb} {path}"] = needs[0].role
    return found


def _routes(routes: Any, prefix: str) -> Iterator[tuple[APIRoute | APIWebSocketRoute, str]]:
    for route in routes:
        if isinstance(route, APIRoute | APIWebSocketRoute):
            yield route, prefix + route.path
        elif (inner := getattr(route, "original_router", None)) is not None:  # FastAPI >= 0.140
            yield from _routes(inner.routes, prefix)
        elif getattr(route, "path", None) is None:
            raise LookupError(f"{route!r} may hide routes")


def whoever(connection: HTTPConnection) -> Person:
    """Give who passed `Need`."""
    person = connection.state.person
    assert isinstance(person, Person)
    return person


def router() -> APIRouter:
    """Make the router of a part of the API."""
    return APIRouter(prefix="/api/v1", dependencies=SCHEMES)


def _basic(given: str) -> Credentials:
    """Read HTTP basic authentication (RFC 7617)."""
    try:
        name, colon, password = (
            base64.b64decode(given.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError, ValueError):
        name = colon = password = ""
    if not colon:
        raise HTTPException(401, "unreadable authorization", {"WWW-Authenticate": "Basic"})
    return Credentials(name, password)


def _challenge(connection: HTTPConnection) -> dict[str, str]:
    """Ask programs for a password; a page asks by itself, and browsers would ask in its place."""
    scheme = "Bearer" if "sec-fetch-mode" in connection.headers else "Basic"
    return {"WWW-Authenticate": f'{scheme} realm="{REALM}"'}

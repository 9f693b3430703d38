"""Logging in and out by cookie, and one's own password.

The cookie goes over TLS only, to this host only, never to a script nor with a foreign page's
request (`Secure`, `__Host-`, `HttpOnly`, `SameSite=Strict`); a page's origin is checked besides.
"""

import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request, Response

from sfu.api.audit import detail
from sfu.api.auth import COOKIE, LONGEST_SECRET, Answers, Gate, router, whoever, with_answers
from sfu.api.moment import iso
from sfu.api.origin import remote_address
from sfu.api.schema import LoginRequest, PasswordRequest, SessionView, WaysView
from sfu.errors import PeerError, UseError
from sfu.model import Role
from sfu.shell.people import SESSION_S, Person

if TYPE_CHECKING:
    from sfu.api.house import House


def session_routes(house: "House", gate: Gate) -> APIRouter:
    """Make the routes."""
    routes = router()
    _add_views(routes, house, gate)
    _add_log_in(routes, house, gate)
    _add_password(routes, house, gate)
    return routes


def _add_views(routes: APIRouter, house: "House", gate: Gate) -> None:
    @routes.get("/session", summary="Who you are here", **gate.needs(Role.READ_ONLY))
    async def who(request: Request) -> SessionView:
        person = whoever(request)
        return SessionView(account=person.account, role=person.role, how=person.how)

    @routes.get("/session/ways", summary="By which ways one may log in", **gate.open())
    async def ways() -> WaysView:
        return WaysView(oidc=house.oidc is not None)


def _add_log_in(routes: APIRouter, house: "House", gate: Gate) -> None:
    wrong: Answers = {
        401: {"description": "wrong"},
        429: {"description": "too many wrong ones before"},
        503: {"description": "too many log in at once"},
    }

    @routes.post("/session", summary="Log in", **with_answers(gate.open(), wrong))
    async def log_in(wish: LoginRequest, request: Request, response: Response) -> SessionView:
        remote = remote_address(request)
        detail(request, f"as {wish.account}")
        gate.demand_tries(remote)
        # counted before it is known: else a burst would all be tried while the first is reckoned
        house.people.tries.wrong(remote, time.monotonic())
        try:
            opened = await house.people.log_in(wish.account, wish.password)
        except PeerError as error:
            house.people.tries.forgive(remote)
            raise HTTPException(error.status, error.reason) from None
        if opened is None:
            raise HTTPException(401, "no such account, or another password")
        account, secret, ends = opened
        house.people.tries.forgive(remote)
        request.state.person = Person(account.name, account.role, "session", account.name)
        set_cookie(response, secret)
        return SessionView(
            account=account.name, role=account.role, how="session", expires_at=iso(ends)
        )

    @routes.delete("/session", status_code=204, summary="Log out", **gate.open())
    async def log_out(request: Request, response: Response) -> None:
        cookie = request.cookies.get(COOKIE, "")[:LONGEST_SECRET]
        if cookie:
            request.state.person = await house.people.by_session(cookie)
            await house.people.log_out(cookie)
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")


def _add_password(routes: APIRouter, house: "House", gate: Gate) -> None:
    @routes.put(
        "/session/password",
        status_code=204,
        summary="Change one's own password; all one's sessions end",
        **with_answers(
            gate.needs(Role.READ_ONLY),
            {400: {"description": "nobody is logged in, or the old one is wrong"},
             429: {"description": "too many wrong ones before"},
             503: {"description": "too many log in at once"}},
        ),
    )  # fmt: skip
    async def password(wish: PasswordRequest, request: Request) -> None:
        person, remote = whoever(request), remote_address(request)
        if person.how != "session":
            raise HTTPException(400, "who is logged in may change his password")
        gate.demand_tries(remote)
        house.people.tries.wrong(remote, time.monotonic())  # as above
        try:
            changed = await house.people.change_own(person.account, wish.old, wish.new)
        except UseError as error:  # the old one was right
            house.people.tries.forgive(remote)
            raise HTTPException(400, str(error)) from None
        except PeerError as error:
            house.people.tries.forgive(remote)
            raise HTTPException(error.status, error.reason) from None
        if not changed:
            raise HTTPException(400, "the old password is another")
        house.people.tries.forgive(remote)


def set_cookie(response: Response, secret: str) -> None:
    """Give the browser its session."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(SESSION_S),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )

"""Logging in by OpenID Connect: to the house's page, and back with its word.

The state is kept in a cookie too: who is sent back must be who was sent there.  That cookie is
`Lax`, because the way back begins on the house's page.
"""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import structlog
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from sfu.api.auth import LONGEST_SECRET, Answers, Gate, router, with_answers
from sfu.api.origin import remote_address
from sfu.api.session import set_cookie
from sfu.errors import PeerError, UseError
from sfu.shell import accounts
from sfu.shell.audit import Deed
from sfu.shell.oidc import PENDING_S, Oidc, Visitor

if TYPE_CHECKING:
    from sfu.api.house import House

STATE = "__Host-sfu-oidc"
AFTER = "/console"
"""The page one is led to, logged in."""

log = structlog.get_logger()


def oidc_routes(house: "House", gate: Gate) -> APIRouter:
    """Make the routes."""
    routes = router()
    _add_begin(routes, house, gate)
    _add_finish(routes, house, gate)
    return routes


def _add_begin(routes: APIRouter, house: "House", gate: Gate) -> None:
    answers: Answers = {
        303: {"description": "to the page of who vouches"},
        404: {"description": "nobody is configured who vouches for people ([oidc])"},
        502: {"description": "who vouches does not answer as he should"},
    }

    @routes.get(
        "/session/oidc", status_code=303, summary="Log in by OpenID Connect",
        response_class=Response, **with_answers(gate.open(), answers),
    )  # fmt: skip
    async def begin() -> Response:
        try:
            page, state = await _oidc(house).begin()
        except PeerError as error:
            log.warning("oidc_failed", why=error.reason)
            raise HTTPException(502, error.reason) from None
        response = RedirectResponse(page, 303)
        response.set_cookie(
            STATE, state, max_age=int(PENDING_S), path="/", secure=True, httponly=True,
            samesite="lax",
        )  # fmt: skip
        return response


def _add_finish(routes: APIRouter, house: "House", gate: Gate) -> None:
    answers: Answers = {
        303: {"description": "logged in"},
        400: {"description": "not begun here, or not vouched for"},
        403: {"description": "vouched for, and nothing says what he may do"},
        404: {"description": "nobody is configured who vouches for people ([oidc])"},
        409: {"description": "another has an account of that name"},
        502: {"description": "who vouches does not answer"},
    }

    @routes.get(
        "/session/oidc/callback", status_code=303, summary="Where who vouches sends people back",
        response_class=Response, **with_answers(gate.open(), answers),
    )  # fmt: skip
    async def finish(
        request: Request,
        state: Annotated[str, Query(max_length=LONGEST_SECRET)] = "",
        code: Annotated[str, Query(max_length=4096)] = "",
    ) -> Response:
        oidc = _oidc(house)
        if not (state and code) or request.cookies.get(STATE) != state:
            raise HTTPException(400, "this login was not begun in this browser")
        try:
            visitor = await oidc.finish(state, code)
            name = await house.people.store.work(partial(_arrive, visitor))
        except PeerError as error:
            log.warning("oidc_refused", why=error.reason)
            raise HTTPException(error.status, error.reason) from None
        except UseError as error:
            raise HTTPException(409, str(error)) from None
        if name is None:
            raise HTTPException(403, "nothing the issuer says of you lets you do anything")
        opened = await house.people.open_session(name)
        assert opened is not None
        account, secret, _ = opened
        remote, action = remote_address(request), "GET /api/v1/session/oidc/callback"
        deed = Deed(account.name, account.role.value, remote, action, "", "logged in", 303)
        house.people.audit.note(deed)
        response = RedirectResponse(AFTER, 303)
        set_cookie(response, secret)
        response.delete_cookie(STATE, path="/", secure=True, httponly=True, samesite="lax")
        return response


def _arrive(visitor: Visitor, connection: Connection) -> str | None:
    """Give the account of who was vouched for; None, and nothing left to him, without a role."""
    if visitor.role is None:
        accounts.dismiss(connection, visitor.subject)
        return None
    return accounts.welcome(connection, visitor.name, visitor.role, visitor.subject)


def _oidc(house: "House") -> Oidc:
    if house.oidc is None:
        raise HTTPException(404, "nobody is configured who vouches for people ([oidc])")
    return house.oidc

"""What administrators do: accounts, tokens, the audit log, a backup put back."""

from collections.abc import Awaitable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request

from sfu.api.audit import detail
from sfu.api.auth import Answers, Gate, router, whoever, with_answers
from sfu.api.moment import iso
from sfu.api.schema import (
    AccountChange,
    AccountRequest,
    AccountView,
    AuditView,
    NewAccount,
    NewToken,
    Restored,
    RestoreRequest,
    TokenRequest,
    TokenView,
)
from sfu.errors import UseError
from sfu.model import Role
from sfu.shell import accounts
from sfu.shell.accounts import Account, NotAllowed
from sfu.shell.password import make_password
from sfu.shell.people import Token
from sfu.shell.store import Store

if TYPE_CHECKING:
    from sfu.api.house import House

T = TypeVar("T")

UNKNOWN: Answers = {404: {"description": "no such one"}}
CONFLICT: Answers = {
    409: {"description": "the name is taken, or nobody would be left to administer"}
}
NOT_SO: Answers = {400: {"description": "this name or password cannot be"}}
NUMBER_MAX = 2**31 - 1


def account_routes(house: "House", gate: Gate) -> APIRouter:
    """Make the routes."""
    routes = router()
    _add_accounts(routes, house, gate)
    _add_tokens(routes, house, gate)
    _add_upkeep(routes, house, gate)
    return routes


def _add_accounts(routes: APIRouter, house: "House", gate: Gate) -> None:
    needs = gate.needs(Role.ADMINISTRATOR)

    def store() -> Store:
        return house.people.store

    @routes.get("/accounts", summary="People who operate the server", **needs)
    async def everybody() -> Sequence[AccountView]:
        return [_view(one) for one in await store().work(accounts.everybody)]

    @routes.post(
        "/accounts",
        status_code=201,
        summary="Make an account; without a password one is made, and told this once",
        **with_answers(needs, {**CONFLICT, **NOT_SO}),
    )
    async def add(wish: AccountRequest, request: Request) -> NewAccount:
        detail(request, f"{wish.name} {wish.role.value}")
        password = wish.password or make_password()
        hashed = await _doing(house.people.hashed(password))
        made = await _doing(
            store().work(lambda c: accounts.add(c, wish.name, wish.role, hashed=hashed))
        )
        return NewAccount(**_facts(made), password=None if wish.password else password)

    @routes.patch(
        "/accounts/{name}",
        summary="Give an account another role or password; its sessions end",
        **with_answers(needs, {**CONFLICT, **UNKNOWN, **NOT_SO}),
    )
    async def change(name: str, wish: AccountChange, request: Request) -> AccountView:
        changed = (["role " + wish.role.value] if wish.role else []) + (
            ["password"] if wish.password else []
        )
        detail(request, ", ".join(changed))
        hashed = await _doing(house.people.hashed(wish.password)) if wish.password else ""
        found = await _doing(
            store().work(lambda c: accounts.change(c, _known(name), wish.role, hashed=hashed))
        )
        if found is None:
            raise HTTPException(404, "no such account")
        if wish.password:
            house.people.forget_first(found.name)
        return _view(found)

    @routes.delete(
        "/accounts/{name}",
        status_code=204,
        summary="Remove an account, its sessions, and what its tokens are worth",
        **with_answers(needs, {**CONFLICT, **UNKNOWN}),
    )
    async def remove(name: str) -> None:
        if not await _doing(store().work(lambda c: accounts.remove(c, _known(name)))):
            raise HTTPException(404, "no such account")


def _add_tokens(routes: APIRouter, house: "House", gate: Gate) -> None:
    needs = gate.needs(Role.ADMINISTRATOR)

    @routes.get("/tokens", summary="Programs' keys, without their secrets", **needs)
    async def tokens() -> Sequence[TokenView]:
        return [TokenView(**_token(one)) for one in await house.people.tokens()]

    @routes.post("/tokens", status_code=201, summary="Make a token; told this once", **needs)
    async def make(wish: TokenRequest, request: Request) -> NewToken:
        detail(request, f"{wish.name} {wish.role.value}")
        token, secret = await house.people.make_token(
            wish.name, wish.role, whoever(request).account, wish.days
        )
        return NewToken(**_token(token), secret=secret)

    @routes.delete(
        "/tokens/{token}", status_code=204, summary="Revoke a token",
        **with_answers(needs, UNKNOWN),
    )  # fmt: skip
    async def revoke(token: str) -> None:
        if not await house.people.revoke(_known(token)):
            raise HTTPException(404, "no such token")


def _add_upkeep(routes: APIRouter, house: "House", gate: Gate) -> None:
    needs = gate.needs(Role.ADMINISTRATOR)

    @routes.get("/audit", summary="Who did what, newest first", **needs)
    async def audit(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX)] = None,
    ) -> Sequence[AuditView]:
        lines = await house.people.audit.lines(limit, before)
        return [AuditView(**{**asdict(line), "at": iso(line.at)}) for line in lines]

    @routes.post(
        "/restore",
        summary="Put a backup that lies in the data directory in place of what is kept",
        **with_answers(needs, {400: {"description": "no such file, or no backup"}}),
    )
    async def restore(wish: RestoreRequest) -> Restored:
        return Restored(rows=await _doing(house.restore(wish.file)))


async def _doing(work: Awaitable[T]) -> T:
    """Turn what cannot be into an answer."""
    try:
        return await work
    except NotAllowed as error:
        raise HTTPException(409, str(error)) from None
    except UseError as error:
        raise HTTPException(400, str(error)) from None


def _known(text: str) -> str:
    """Cut what no name is: databases refuse NUL and half characters."""
    return text.strip().lower().encode(errors="replace").decode().replace("\0", "?")


def _view(account: Account) -> AccountView:
    return AccountView(**_facts(account))


def _facts(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "created_at": iso(account.created_at),
        "seen_at": None if account.seen_at is None else iso(account.seen_at),
    }


def _token(token: Token) -> dict[str, Any]:
    times = ("created_at", "expires_at", "used_at")
    facts = asdict(token)
    return facts | {one: None if facts[one] is None else iso(facts[one]) for one in times}

"""Rooms, units, sites and lines to see, and to change while the server runs."""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, HTTPException, Path, Request
from pydantic import JsonValue

from sfu.api.audit import detail
from sfu.api.auth import Answers, Gate, router, with_answers
from sfu.api.schema import HouseItem
from sfu.config.overlay import LONGEST_KEY, SECRETS, HouseKind
from sfu.errors import UseError
from sfu.model import Role
from sfu.shell.alterations import Item

if TYPE_CHECKING:
    from sfu.api.house import House

T = TypeVar("T")
Key = Annotated[str, Path(min_length=1, max_length=LONGEST_KEY)]
NOT_SO: Answers = {400: {"description": "it cannot be so, or not now; one line says why"}}
UNKNOWN: Answers = {404: {"description": "no such one"}}


def alteration_routes(house: "House", gate: Gate) -> APIRouter:
    """Make the routes."""
    routes = router()
    sees, changes = gate.needs(Role.OPERATOR), gate.needs(Role.ADMINISTRATOR)

    @routes.get("/house", summary="Rooms, units, sites and lines as they are set now", **sees)
    async def items() -> Sequence[HouseItem]:
        return [_view(one) for one in house.alterations.items()]

    @routes.put(
        "/house/{kind}/{key}",
        summary="Have a room, unit, site or line be so from now on, as the file would say it",
        **with_answers(changes, NOT_SO),
    )
    async def put(
        kind: HouseKind, key: Key, values: dict[str, JsonValue], request: Request
    ) -> HouseItem:
        shown = {name: one for name, one in values.items() if name not in SECRETS.get(kind, ())}
        told = ", ".join(f"{name} {one}" for name, one in shown.items())
        detail(request, told.encode(errors="replace").decode())
        await _doing(house.alterations.put(kind, key, values))
        found = house.alterations.item(kind, key)
        assert found is not None
        return _view(found)

    @routes.delete(
        "/house/{kind}/{key}",
        status_code=204,
        summary="Remove one, or with ?undo=true have what the settings file says hold again",
        **with_answers(changes, {**NOT_SO, **UNKNOWN}),
    )
    async def remove(kind: HouseKind, key: Key, request: Request, undo: bool = False) -> None:
        detail(request, "as in the file" if undo else "")
        work = house.alterations.undo if undo else house.alterations.drop
        if not await _doing(work(kind, key)):
            raise HTTPException(404, "no such one")

    return routes


async def _doing(work: Awaitable[T]) -> T:
    """Turn what cannot be into an answer."""
    try:
        return await work
    except UseError as error:
        raise HTTPException(400, str(error)) from None


def _view(item: Item) -> HouseItem:
    values: Any = dict(item.values)
    return HouseItem(
        kind=item.kind, key=item.key, values=values, secrets=item.secrets, of_file=item.of_file,
        altered=item.altered, fault=item.fault,
    )  # fmt: skip

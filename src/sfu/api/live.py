"""What goes on now, and what an operator does about it: mute, pin, choose the layout, end."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request

from sfu.api.audit import detail
from sfu.api.auth import Gate, with_answers
from sfu.api.live_view import HourView, LiveView, TestView
from sfu.api.schema import MeetingChange, MemberChange, TryRequest
from sfu.errors import UseError
from sfu.model import Role

if TYPE_CHECKING:
    from sfu.api.house import House


NOBODY = "nobody of this id waits there"


def add_live(routes: APIRouter, house: "House", gate: Gate) -> None:
    """Add the routes."""
    _add_views(routes, house, gate)
    _add_changes(routes, house, gate)
    _add_waiting(routes, house, gate)
    _add_tests(routes, house, gate)


def _add_views(routes: APIRouter, house: "House", gate: Gate) -> None:
    sees = gate.needs(Role.READ_ONLY)

    @routes.get("/live", summary="Meetings of now with each leg, and how full lines are", **sees)
    async def live() -> LiveView:
        return house.live()

    @routes.get(
        "/lines/{line}/hour",
        summary="A line's last hour, a sample each ten seconds",
        **with_answers(sees, {404: {"description": "no such line"}}),
    )
    async def hour(line: str) -> HourView:
        found = house.hour(line)
        if found is None:
            raise HTTPException(404, "no such line")
        return found


def _add_changes(routes: APIRouter, house: "House", gate: Gate) -> None:
    operates = gate.needs(Role.OPERATOR)

    @routes.patch(
        "/members/{member}",
        status_code=204,
        summary="Mute a member, say what its pictures get of its line; what is left out stays",
        **with_answers(operates, {400: {"description": "a floor above its most"},
            404: {"description": "no such member"}}),
    )  # fmt: skip
    async def change_member(member: str, wish: MemberChange, request: Request) -> None:
        given = wish.model_dump(exclude_unset=True)
        detail(request, ", ".join(_said(*one) for one in given.items()))
        try:
            changed = house.change_member(member, given)
        except UseError as error:
            raise HTTPException(400, str(error)) from None
        if not changed:
            raise HTTPException(404, "no such member")

    @routes.patch(
        "/meetings/{room}",
        status_code=204,
        summary="Choose a meeting's layout, pin a member, lock it; what is left out stays",
        **with_answers(operates, {400: {"description": "nobody of this id is in it"},
            404: {"description": "no meeting there now"}}),
    )  # fmt: skip
    async def change_meeting(room: str, wish: MeetingChange, request: Request) -> None:
        given = wish.model_dump(exclude_unset=True, mode="json")
        detail(request, ", ".join(f"{key} {value}" for key, value in given.items()))
        try:
            changed = house.arrange(room, wish.model_dump(exclude_unset=True))
        except UseError as error:
            raise HTTPException(400, str(error)) from None
        if not changed:
            raise HTTPException(404, "no meeting there now")

    @routes.delete(
        "/meetings/{room}",
        status_code=204,
        summary="End a meeting: everybody in it is disconnected",
        **with_answers(operates, {404: {"description": "no meeting there now"}}),
    )
    async def end(room: str) -> None:
        if not house.end_meeting(room):
            raise HTTPException(404, "no meeting there now")


def _add_waiting(routes: APIRouter, house: "House", gate: Gate) -> None:
    operates = gate.needs(Role.OPERATOR)

    @routes.post(
        "/meetings/{room}/waiting/{member}",
        status_code=204,
        summary="Let somebody in who waits",
        **with_answers(operates, {404: {"description": NOBODY}}),
    )
    async def admit(room: str, member: str, request: Request) -> None:
        detail(request, member)
        if not house.admit(room, member):
            raise HTTPException(404, NOBODY)

    @routes.delete(
        "/meetings/{room}/waiting/{member}",
        status_code=204,
        summary="Turn somebody away who waits",
        **with_answers(operates, {404: {"description": NOBODY}}),
    )
    async def turn_away(room: str, member: str, request: Request) -> None:
        detail(request, member)
        if not house.turn_away(room, member):
            raise HTTPException(404, NOBODY)


def _add_tests(routes: APIRouter, house: "House", gate: Gate) -> None:
    operates = gate.needs(Role.OPERATOR)

    @routes.post(
        "/tests",
        summary="Try a room: call it, send a pattern and a tone, say what came back",
        **with_answers(operates, {400: {"description": "nobody can be called so, or not now"}}),
    )
    async def try_room(wish: TryRequest, request: Request) -> TestView:
        detail(request, wish.target)
        try:
            return await house.try_room(wish.target)
        except UseError as error:
            raise HTTPException(400, str(error)) from None


def _said(key: str, value: object) -> str:
    if key == "muted":
        return "muted" if value else "heard again"
    return f"{key} {'as configured' if value is None else value}"

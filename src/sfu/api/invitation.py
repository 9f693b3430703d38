"""Links for guests, made by who organises meetings."""

import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request

from sfu.api.audit import detail
from sfu.api.auth import Gate, router, with_answers
from sfu.api.moment import iso
from sfu.api.schema import InvitationRequest, InvitationView
from sfu.errors import UseError
from sfu.model import Role

if TYPE_CHECKING:
    from sfu.api.house import House


def invitation_routes(house: "House", gate: Gate) -> APIRouter:
    """Make the route."""
    routes = router()

    @routes.post(
        "/invitations",
        status_code=201,
        summary="Make a link by which guests come into a room for a time, without its PIN",
        **with_answers(gate.needs(Role.ORGANISER), {400: {"description": "no such room"}}),
    )
    async def invite(wish: InvitationRequest, request: Request) -> InvitationView:
        detail(request, f"into {wish.room} for {wish.hours} h" + " as moderator" * wish.moderator)
        until = time.time() + wish.hours * 3600
        try:
            room, word = house.invite(wish.room, until, moderator=wish.moderator)
        except UseError as error:
            raise HTTPException(400, str(error)) from None
        link = f"{str(request.base_url).rstrip('/')}/?room={room}&invitation={word}"
        return InvitationView(room=room, link=link, expires_at=iso(until))

    return routes

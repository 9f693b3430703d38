"""The service itself: read settings again, go down without cutting anybody off."""

from fastapi import APIRouter, HTTPException, Request

from sfu.api.audit import detail
from sfu.api.auth import Gate, router, with_answers
from sfu.api.house import House
from sfu.api.schema import DrainRequest
from sfu.api.view import DrainView, ReloadView
from sfu.errors import UseError
from sfu.model import Role


def service_routes(house: House, gate: Gate) -> APIRouter:
    """Make the routes."""
    routes = router()
    needs = gate.needs(Role.ADMINISTRATOR)

    @routes.post(
        "/reload",
        summary="Read the settings again; says what counts at once, and what at the next start",
        **with_answers(needs, {400: {"description": "what is wrong with them; nothing changed"}}),
    )
    async def reload(request: Request) -> ReloadView:
        try:
            done = await house.reload()
        except UseError as error:
            raise HTTPException(400, str(error)) from None
        detail(request, " ".join(done.live))
        return done

    @routes.get(
        "/drain", summary="Whether the server goes down, and who is there still",
        **gate.needs(Role.READ_ONLY),
    )  # fmt: skip
    async def draining() -> DrainView:
        return house.draining()

    @routes.post(
        "/drain",
        summary="Take no more calls; end when nobody is left, or at a time",
        **needs,
    )
    async def drain(wish: DrainRequest, request: Request) -> DrainView:
        detail(request, f"within {wish.within_s:.0f} s")
        return house.drain(wish.within_s)

    @routes.delete("/drain", summary="Take calls again", **needs)
    async def undrain() -> DrainView:
        return house.undrain()

    return routes

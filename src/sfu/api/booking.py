"""Bookings over HTTP: ask, look, cancel; invitations and the feed as iCalendar."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from sfu.api.audit import detail
from sfu.api.auth import Gate, with_answers
from sfu.api.house import House
from sfu.api.schema import Day, in_reach
from sfu.api.view import BookingAnswer, BookingRefusal, BookingView, OccurrenceView
from sfu.errors import UseError
from sfu.model import Role
from sfu.room.booking import Wish

CALENDAR = "text/calendar; charset=utf-8"


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only what can be printed")
    return text


Line = Annotated[
    str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(_one_line)
]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


class BookingRequest(BaseModel):
    """Rooms wanted."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[Line, Field(min_length=1)]
    rooms: Annotated[tuple[Number, ...], Field(min_length=1, max_length=50)]
    starts: datetime
    """By the wall clock of `timezone`, without an offset."""
    minutes: Annotated[int, Field(ge=1, le=1440)]
    organisation: Line = ""
    organiser: Line = ""
    """A mail address, for invitations; or a name."""
    timezone: Annotated[str, StringConstraints(max_length=64)] = ""
    """Empty: that of the settings."""
    weekly_until: Day | None = None

    @field_validator("rooms")
    @classmethod
    def _none_twice(cls, rooms: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(rooms)) != len(rooms):
            raise ValueError("a room is named twice")
        return rooms

    @field_validator("starts")
    @classmethod
    def _wall_clock(cls, starts: datetime) -> datetime:
        if starts.tzinfo is not None:
            raise ValueError("by the wall clock of the time zone, without an offset")
        in_reach(starts.date())
        return starts.replace(second=0, microsecond=0)

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name:
            try:
                ZoneInfo(name)
            except (KeyError, ValueError, OSError):
                raise ValueError("no time zone this machine knows") from None
        return name

    def wish(self, zone: str) -> Wish:
        """Return it as bookings understand it; `zone` is the house's own."""
        return Wish(
            self.title,
            self.organisation,
            self.organiser,
            self.rooms,
            self.starts,
            self.minutes,
            self.timezone or zone,
            self.weekly_until,
        )


def add_bookings(routes: APIRouter, house: House, gate: Gate) -> None:
    """Add the routes of bookings to those of operators."""
    _add_views(routes, house, gate)
    _add_wishes(routes, house, gate)
    _add_calendars(routes, house, gate)


def _add_views(routes: APIRouter, house: House, gate: Gate) -> None:
    sees = gate.needs(Role.READ_ONLY)

    @routes.get(
        "/bookings",
        summary="What is booked, a row for each week of a weekly booking",
        **with_answers(
            sees, {400: {"description": "the last day stands before the first, or far behind"}}
        ),
    )
    async def bookings(
        first: Annotated[Day | None, Query(alias="from")] = None,
        last: Annotated[Day | None, Query(alias="to")] = None,
    ) -> Sequence[OccurrenceView]:
        try:
            return house.bookings(first, last)
        except UseError as error:
            raise HTTPException(400, str(error)) from None

    @routes.get(
        "/bookings/{booking}",
        summary="One booking",
        **with_answers(sees, {404: {"description": "no such booking"}}),
    )
    async def booking(booking: int) -> BookingView:
        found = house.booking(booking)
        if found is None:
            raise HTTPException(404, "no such booking")
        return found


def _add_wishes(routes: APIRouter, house: House, gate: Gate) -> None:
    books = gate.needs(Role.ORGANISER)

    @routes.post(
        "/bookings",
        status_code=201,
        summary="Book rooms, once or weekly",
        response_model=BookingView,
        **with_answers(
            books,
            {
                409: {"description": "no, and why", "model": BookingRefusal},
                503: {"description": "it cannot be written now"},
            },
        ),
    )
    async def book(asked: BookingRequest, request: Request) -> BookingView | Response:
        detail(request, f"{' '.join(asked.rooms)} from {asked.starts:%Y-%m-%dT%H:%M}")
        try:
            answer = await house.book(asked.wish(house.timezone()))
        except UseError as error:
            raise HTTPException(503, str(error)) from None
        if isinstance(answer, BookingRefusal):
            return JSONResponse(asdict(answer), 409)
        return answer

    @routes.post(
        "/bookings/question",
        summary="Whether rooms could be booked; books nothing",
        **gate.needs(Role.READ_ONLY),
    )
    async def question(asked: BookingRequest) -> BookingAnswer:
        return house.weigh_booking(asked.wish(house.timezone()))

    @routes.delete(
        "/bookings/{booking}",
        status_code=204,
        summary="Cancel a booking, or one day of a weekly one",
        **with_answers(books, {404: {"description": "no such booking, or not on this day"}}),
    )
    async def cancel(booking: int, request: Request, day: Day | None = None) -> None:
        detail(request, str(day or "all of it"))
        if not await house.cancel_booking(booking, day):
            raise HTTPException(404, "no such booking, or not on this day")


def _add_calendars(routes: APIRouter, house: House, gate: Gate) -> None:
    sees = gate.needs(Role.READ_ONLY)

    @routes.get(
        "/bookings/{booking}/invitation",
        summary="A booking as iCalendar, to be sent to who is invited",
        response_class=Response,
        **with_answers(
            sees,
            {
                200: {"content": {"text/calendar": {}}},
                404: {"description": "no such booking"},
            },
        ),
    )
    async def invitation(booking: int) -> Response:
        text = house.invitation(booking)
        if text is None:
            raise HTTPException(404, "no such booking")
        name = f'attachment; filename="booking-{booking}.ics"'
        return Response(text, media_type=CALENDAR, headers={"content-disposition": name})

    @routes.get(
        "/calendar",
        summary="What is booked as iCalendar, to subscribe to",
        response_class=Response,
        **with_answers(sees, {200: {"content": {"text/calendar": {}}}}),
    )
    async def calendar(room: str = "", organisation: str = "") -> Response:
        return Response(house.calendar(room, organisation), media_type=CALENDAR)

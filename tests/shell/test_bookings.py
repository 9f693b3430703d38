"""Bookings over a house of real cores: at the hour units are called, warned, freed, hung up.

The clock of the wall is moved by hand; a unit that is dialled rings at once.
"""

import asyncio
import contextlib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from sfu.config import Bookings as BookingSettings
from sfu.config import Endpoint, Policy, Room, Rooms, Settings
from sfu.errors import UseError
from sfu.model import CallId
from sfu.room.agenda import Refusal, Refused
from sfu.room.booking import Booking
from sfu.shell.bookings import Bookings
from sfu.shell.diary import Diary
from sfu.shell.forget import forget
from sfu.shell.store import Store
from sfu.signalling.call import CallEnded, End, HangUp
from sfu.signalling.webrtc.message import Join, Notice
from tests.room.week import at, wish
from tests.shell.stage import stage

LAJOUX, MOREZ = "192.0.2.21", "192.0.2.22"
SETTINGS = Settings(
    rooms=Rooms(numbers=("4310-4312",)),
    bookings=BookingSettings(numbers=("4310-4311",)),
    room=(
        Room(number="4201", site="lajoux", owner="Parc"),
        Room(number="4202", units=("7002",), owner="Morez", lent_to=("Parc",)),
        Room(number="4203", owner="Morez", policy=Policy.SHARED),
    ),
    endpoint=(
        Endpoint(number="7001", uri=f"sip:lajoux@{LAJOUX}", site="lajoux"),
        Endpoint(number="7002", uri=f"sip:morez@{MOREZ}"),
    ),
)
NINE = at(2027, 3, 12, 9)
HOSTS = {"7001": LAJOUX, "7002": MOREZ}
MINUTE = 60.0


class Scene:
    """A house, its bookings, and a clock."""

    def __init__(self, house, diary):
        self.house = house
        self.now = NINE - 3600
        self.dialled = []
        self.silent = set()
        self._calls = 0
        self.bookings = Bookings(
            diary, house.house, house.calls, house.browsers.remove, self.dial,
            lambda units: "", lambda: "b@sfu", lambda: self.now,
        )  # fmt: skip

    async def dial(self, unit, room):
        self.dialled.append((round((self.now - NINE) / MINUTE), unit, room))
        if unit in self.silent:
            raise UseError("nobody answers")
        self.come(HOSTS[unit], room)
        return "answered"

    def come(self, host, room):
        """Have a unit in a room."""
        self._calls += 1
        self.house.ring(self._calls, room, host=host)
        return self._calls

    async def until(self, moment):
        while self.now < moment:
            self.now = min(moment, self.now + 20)
            self.bookings.tick()
            for _ in range(3):
                await asyncio.sleep(0)
            for order in self.house.of(HangUp):
                self.house.calls.handle(CallEnded(order.call, End.ENDED_BY_SERVER, 0, ""))

    def inside(self, room):
        meeting = self.house.house.meetings.get(room)
        return sorted(leg.name for leg in meeting.legs.values()) if meeting else []

    def events(self):
        return [line["event"] for line in self.house.said if line["event"].startswith("book")]


def play(url, story, settings=SETTINGS):
    async def run():
        store = await Store.open(url)
        with stage(settings) as house:
            scene = Scene(house, Diary(store))
            await scene.bookings.open()
            try:
                return await story(scene)
            finally:
                await store.close()

    return asyncio.run(run())


async def granted(scene, *rooms, **more):
    answer = await scene.bookings.book(wish(*(rooms or ("4201", "4202")), **more))
    assert isinstance(answer, Booking), answer
    return answer


def test_at_the_hour_the_booked_rooms_are_called_into_their_number(url):
    async def story(scene):
        booking = await granted(scene)
        await scene.until(NINE - 1)
        assert scene.dialled == []
        await scene.until(NINE + MINUTE)
        return booking, scene.dialled, scene.inside("4310"), scene.events()

    booking, dialled, inside, events = play(url, story)
    assert booking.number == "4310"
    assert dialled == [(0, "7001", "4310"), (0, "7002", "4310")]
    assert inside == ["Room 1", "Room 2"]
    assert events == ["booked", "booking_begins", "booking_called", "booking_called"]


def test_an_organiser_who_is_forgotten_is_not_shown_any_more(url):
    async def story(scene):
        booking, other = await granted(scene), await granted(scene, "4203", organiser="Jeanne")
        assert await asyncio.to_thread(forget, url, "anne@example.org") == 1
        running = asyncio.ensure_future(scene.bookings.run())  # noqa: TID251
        while scene.bookings.agenda.bookings[booking.booking].wish.organiser:
            await asyncio.sleep(0.01)
        running.cancel()
        return scene.bookings.agenda.bookings[other.booking].wish.organiser, booking.wish.organiser

    assert play(url, lambda scene: asyncio.wait_for(story(scene), 20)) == (
        "Jeanne",
        "anne@example.org",
    )


def test_the_meeting_is_held_by_who_booked(url):
    async def story(scene):
        await granted(scene)
        house = scene.house.house
        early = house.holder("4310")
        scene.bookings.tick()
        await scene.until(NINE + MINUTE)
        return early, [one.organisation for one in scene.house.store.joins], house.holder("4202")

    early, held, otherwise = play(url, story)
    assert (early, held, otherwise) == ("", ["Parc", "Parc"], "Morez")


def test_who_does_not_answer_is_called_again_and_its_room_is_freed(url):
    async def story(scene):
        scene.silent = {"7002"}
        await granted(scene)
        await scene.until(NINE + MINUTE)
        scene.come("192.0.2.99", "4310")  # somebody else, so that it is a meeting
        await scene.until(NINE + 14 * MINUTE)
        asked = wish("4202", starts=(2027, 3, 12, 9, 30), organisation="Morez")
        before = await scene.bookings.book(asked)
        await scene.until(NINE + 16 * MINUTE)
        return scene.dialled, before, await scene.bookings.book(asked), scene.inside("4310")

    dialled, before, after, inside = play(url, story)
    assert [minute for minute, unit, _ in dialled if unit == "7002"] == [0, 2, 4]
    assert isinstance(before, Refused)
    assert before.reason is Refusal.TAKEN
    assert isinstance(after, Booking)
    assert inside == ["Room 1", "Room 2"]


def test_where_nobody_meets_the_units_are_let_go_and_all_is_free(url):
    async def story(scene):
        await granted(scene, "4201")
        await scene.until(NINE + 14 * MINUTE)
        alone = scene.inside("4310")
        await scene.until(NINE + 16 * MINUTE)
        again = await scene.bookings.book(wish("4201", starts=(2027, 3, 12, 9, 20)))
        return alone, scene.inside("4310"), again, scene.bookings.counts.steps

    alone, inside, again, steps = play(url, story)
    assert (alone, inside) == (["Room 1"], [])
    assert isinstance(again, Booking)
    assert (steps["called"], steps["freed"], steps["warned"]) == (1, 1, 0)


def test_before_the_end_units_hear_it_and_pages_show_it(url):
    async def story(scene):
        heard: list[Any] = []
        await granted(scene)
        await scene.until(NINE + MINUTE)
        page = scene.house.browsers.open(heard.append, "192.0.2.50", "Chromium")
        page.receive(Join(room="4310", name="Anne"))
        await scene.until(NINE + 84 * MINUTE)
        soon = [one for one in heard if isinstance(one, Notice)]
        await scene.until(NINE + 86 * MINUTE)
        said = scene.house.mixer.said[:]
        await scene.until(NINE + 91 * MINUTE)
        notices = [(one.code, one.active) for one in heard if isinstance(one, Notice)]
        return soon, notices, said, scene.inside("4310")

    soon, notices, said, inside = play(url, story)
    assert soon == []
    assert notices == [("ends_soon", True), ("ends_soon", False)]
    assert [names for _, names in said] == [("fr/ending", "en/ending")] * 2
    assert inside == ["Anne", "Room 1", "Room 2"]  # nobody wants the rooms: they may go on


def test_a_room_that_the_next_wants_is_taken_out_of_the_meeting_before(url):
    async def story(scene):
        await granted(scene)
        await granted(scene, "4202", starts=(2027, 3, 12, 10, 30), organisation="Morez")
        await scene.until(NINE + 89 * MINUTE)
        before = scene.inside("4310")
        await scene.until(NINE + 92 * MINUTE)
        return before, scene.inside("4310"), scene.inside("4311")

    before, left, following = play(url, story)
    assert (before, left, following) == (["Room 1", "Room 2"], ["Room 1"], ["Room 3"])


def test_a_room_that_went_on_elsewhere_is_taken_out_before_it_is_called(url):
    async def story(scene):
        scene.come(MOREZ, "4312")
        await granted(scene)
        await scene.until(NINE + MINUTE)
        return scene.inside("4312"), scene.inside("4310")

    assert play(url, story) == ([], ["Room 2", "Room 3"])


def test_who_meets_next_in_the_same_number_meets_nobody_of_before(url):
    async def story(scene):
        await granted(scene, "4202", "4201")
        await granted(scene, "4202", starts=(2027, 3, 12, 10, 30), organisation="Morez")
        await scene.until(NINE + MINUTE)
        heard: list[Any] = []
        page = scene.house.browsers.open(heard.append, "192.0.2.50", "Chromium")
        page.receive(Join(room="4202", name="Anne"))
        await scene.until(NINE + 89 * MINUTE)
        before = scene.inside("4202")
        await scene.until(NINE + 92 * MINUTE)
        return before, scene.inside("4202")

    plain = replace(SETTINGS, bookings=BookingSettings())
    before, after = play(url, story, plain)
    assert before == ["Anne", "Room 1", "Room 2"]
    assert after == ["Room 3"]


def test_a_restart_in_the_middle_calls_again_and_knows_what_was_booked(url):
    async def first(scene):
        booking = await granted(scene, until=(2027, 4, 9))
        assert await scene.bookings.cancel(booking.booking, date(2027, 3, 19))
        await scene.until(NINE + 20 * MINUTE)

    async def second(scene):
        scene.now = NINE + 30 * MINUTE
        await scene.until(NINE + 31 * MINUTE)
        days = [one.day.day for one in scene.bookings.agenda.between(0, at(2028, 1, 1))]
        following = await granted(scene, "4203", organisation="Olargues", starts=(2027, 5, 1, 9, 0))
        return scene.dialled, days, following.booking

    play(url, first)
    dialled, days, following = play(url, second)
    assert dialled == [(30, "7001", "4310"), (30, "7002", "4310")]
    assert days == [12, 26, 2, 9]
    assert following == 2


def test_what_is_cancelled_does_not_ring(url):
    async def story(scene):
        once = await granted(scene)
        weekly = await granted(scene, "4203", until=(2027, 3, 19), organisation="Olargues")
        done = [
            await scene.bookings.cancel(once.booking),
            await scene.bookings.cancel(once.booking),
            await scene.bookings.cancel(weekly.booking, date(2027, 3, 13)),
            await scene.bookings.cancel(weekly.booking, date(2027, 3, 12)),
            await scene.bookings.cancel(weekly.booking, date(2027, 3, 12)),
        ]
        await scene.until(NINE + MINUTE)
        return done, scene.dialled

    assert play(url, story) == ([True, False, False, True, False], [])


@pytest.mark.parametrize(
    ("rooms", "organisation", "reason"),
    [
        (("4201",), "Morez", Refusal.NOT_LENT),
        (("4202",), "Parc", None),
        (("4203",), "anybody", None),
        (("4299",), "Parc", Refusal.UNKNOWN_ROOM),
    ],
)
def test_rooms_are_lent_as_configured(url, rooms, organisation, reason):
    async def story(scene):
        return await scene.bookings.book(wish(*rooms, organisation=organisation))

    answer = play(url, story)
    assert (answer.reason if isinstance(answer, Refused) else None) == reason


def test_what_cannot_be_written_is_no_yes(url):
    class Broken(Diary):
        async def grant(self, booking):
            raise OperationalError("INSERT", {}, Exception("disk full"))

        async def cancel(self, booking, at):
            pass

    async def story(scene):
        scene.bookings._diary = Broken(None)  # type: ignore[arg-type]
        with contextlib.suppress(UseError):
            await scene.bookings.book(wish("4201"))
            return ["no error"]
        await asyncio.sleep(0)
        return scene.bookings.agenda.bookings

    assert play(url, story) == {}


def test_a_unit_that_came_by_itself_is_not_called(url):
    async def story(scene):
        await granted(scene)
        await scene.until(NINE - 5 * MINUTE)
        call = scene.come(LAJOUX, "4310")
        await scene.until(NINE + MINUTE)
        return call, scene.dialled

    call, dialled = play(url, story)
    assert CallId(call)
    assert dialled == [(0, "7002", "4310")]


def test_other_settings_grant_and_ring_otherwise_and_keep_what_is_booked(url):
    async def story(scene):
        await granted(scene, "4201")
        fresh = replace(
            SETTINGS,
            room=(Room(number="4201", units=("7002",), owner="Parc"),),
            bookings=replace(SETTINGS.bookings, most_hours=1.0),
        )
        scene.house.house.configure(fresh)
        scene.bookings.configure(fresh)
        await scene.until(NINE + MINUTE)
        gone = await scene.bookings.book(wish("4202"))
        return scene.dialled, gone

    dialled, gone = play(url, story)
    assert [unit for _, unit, _ in dialled] == ["7002"]
    assert isinstance(gone, Refused)


def test_a_house_that_drains_calls_no_rooms(url):
    async def story(scene):
        await granted(scene)
        scene.house.house.drain.begin(scene.house.now, 3600.0)
        await scene.until(NINE + MINUTE)
        return scene.dialled, scene.events()

    dialled, events = play(url, story)
    assert dialled == []
    assert "booking_not_called" in events

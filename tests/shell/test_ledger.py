"""The ledger over real call records: what is asked for, and what /metrics sums up."""

import asyncio
import contextlib
from datetime import UTC, date, datetime
from ipaddress import ip_network

import pytest

from sfu.config import Distance, Endpoint, Line, Room, Settings, Site
from sfu.config import Ledger as LedgerSettings
from sfu.ledger import By
from sfu.model import MemberId, Protocol, RoomId
from sfu.shell.ledger import OTHER, Ledger
from sfu.shell.record import Joining
from sfu.shell.store import Store
from sfu.signalling.webrtc.message import Join
from tests.shell.stage import stage

SETTINGS = Settings(
    ledger=LedgerSettings(people_per_unit=3, people_per_car=2),
    site=(Site(name="lajoux", title="Lajoux, siège"), Site(name="morez", organisation="Morez")),
    room=(Room(number="4201", site="morez"),),
    distance=(
        Distance(between=("lajoux", "morez"), km=26),
        Distance(between=("lajoux", "gone"), km=100),
    ),
)
MINUTES = 60.0


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()


def hold(store, begin, *members, room="4201", minutes=60.0, organisation="Parc"):
    """Let everybody in at once and out at once."""
    records = [
        store.joined(
            Joining(
                RoomId(room), MemberId(f"m{n}"), "somebody", protocol, "", "",
                site=site, organisation=organisation,
            ),
            begin,
        )
        for n, (site, protocol) in enumerate(members)
    ]  # fmt: skip
    for record in records:
        store.left(record, begin + minutes * MINUTES, "hung_up")


PAIR = (("lajoux", Protocol.SIP), ("morez", Protocol.WEBRTC))


@contextlib.asynccontextmanager
async def opened(url):
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


def ask(url, told, first, last, by=By.MONTH):
    async def story():
        async with opened(url) as store:
            told(store)
            return await Ledger(store, SETTINGS).report(first, last, by)

    return asyncio.run(story())


def test_a_year_is_reckoned_from_the_records(url):
    def told(store):
        hold(store, at(2026, 3, 2, 9), *PAIR)
        hold(store, at(2026, 3, 9, 9), *PAIR, ("", Protocol.WEBRTC))
        hold(store, at(2026, 4, 6, 9), *PAIR, minutes=3)  # dialled by mistake

    made = ask(url, told, date(2026, 1, 1), date(2026, 12, 31))
    (march,) = made.rows
    # at a unit sit three in two cars, at a browser one in one: Morez drives to Lajoux
    assert (march.key, march.meetings, march.people, march.minutes) == ("2026-03", 2, 9, 120)
    assert (march.km, march.co2_kg) == (104, pytest.approx(104 * 0.244))


def test_days_are_those_of_the_time_zone_and_the_last_is_included(url):
    def told(store):
        hold(store, at(2026, 3, 29, 21, 59), *PAIR)  # 23:59 of the 29th in Paris, by summer time
        hold(store, at(2026, 3, 28, 23, 0), *PAIR)  # 00:00 of the 29th, still by winter time
        hold(store, at(2026, 3, 29, 22, 30), *PAIR)  # the 30th

    day = date(2026, 3, 29)
    assert ask(url, told, day, day).total.meetings == 2


def test_a_meeting_counts_for_who_held_it(url):
    def told(store):
        hold(store, at(2026, 3, 2, 9), *PAIR, organisation="Parc")
        hold(store, at(2026, 3, 3, 9), *PAIR, organisation="Morez")

    made = ask(url, told, date(2026, 1, 1), date(2026, 12, 31), By.ORGANISATION)
    assert [(row.key, row.meetings) for row in made.rows] == [("Morez", 1), ("Parc", 1)]


def test_one_that_lasts_and_the_echo_test_are_not_reckoned(url):
    def told(store):
        hold(store, at(2026, 3, 2, 9), *PAIR, room=SETTINGS.rooms.echo_test)
        for site, protocol in PAIR:
            member = MemberId(site)
            joining = Joining(RoomId("4202"), member, "", protocol, "", "", site=site)
            store.joined(joining, at(2026, 3, 2, 9))

    assert ask(url, told, date(2026, 1, 1), date(2026, 12, 31)).total.meetings == 0


def test_sums_take_each_meeting_once_and_know_few_sites(url):
    async def story():
        async with opened(url) as store:
            ledger = Ledger(store, SETTINGS)
            await ledger.add()
            assert (ledger.sums.meetings, ledger.sums.km) == (0, {"lajoux": 0, "morez": 0})
            hold(store, at(2026, 3, 2, 9), *PAIR)
            await ledger.add()
            await ledger.add()
            hold(store, at(2026, 3, 3, 9), PAIR[0], ("gone", Protocol.WEBRTC))
            await ledger.add()
            again = Ledger(store, SETTINGS)  # after a restart
            await again.add()
            return ledger.sums, again.sums

    sums, again = asyncio.run(story())
    assert sums == again
    assert (sums.meetings, sums.km) == (2, {"lajoux": 0, "morez": 52, OTHER: 200})
    assert sums.co2_kg["morez"] == pytest.approx(52 * 0.244)


def test_a_house_records_where_its_members_were_and_who_held_the_meeting():
    settings = Settings(
        site=(Site(name="valley"), Site(name="hall", organisation="Mairie")),
        endpoint=(Endpoint(number="1", uri="sip:a@192.0.2.22", site="hall"),),
        room=(Room(number="4201", site="hall"),),
        line=(
            Line(
                site="valley", up_bps=9_000_000, down_bps=9_000_000,
                networks=(ip_network("192.0.2.0/24"),),
            ),
        ),
    )  # fmt: skip
    with stage(settings) as house:
        house.ring(1)
        page = house.browsers.open(lambda message: None, "192.0.2.50", "Chromium")
        page.receive(Join(room="4201", name="Anne"))
        codec, browser = house.store.joins
        assert (codec.site, codec.organisation) == ("valley", "Mairie")
        assert browser.site == "valley"

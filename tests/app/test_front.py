"""What operators see and may do, over a house whose engine only takes notes."""

import asyncio
import math
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from sfu.api.house import Credentials
from sfu.app.front import Front
from sfu.config import Settings
from sfu.config.elsewhere import Gatekeeper, Trunk
from sfu.config.media import Limits
from sfu.config.people import Account, DialOut
from sfu.config.rooms import Endpoint, Room
from sfu.errors import UseError
from sfu.model import Address, CallId, Protocol
from sfu.room.registration import Contact, Registrations
from sfu.shell.bookings import BookingCounts
from sfu.shell.database import connect
from sfu.shell.dialling import FIRST_DIALLED
from sfu.shell.gate import Gate
from sfu.shell.icetcp import IceTcp
from sfu.shell.ledger import Sums
from sfu.shell.record import CallRecord, RecordId
from sfu.shell.store import Store
from sfu.shell.webdoor import WebGate
from sfu.signalling.call import CallEnded, Dial, End, HangUp, Transfer, TransferTold
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.limit import Rates
from sfu.signalling.sip.trunk import TrunkReading
from sfu.signalling.webrtc.message import Join
from tests.shell.stage import Stage, stage

SETTINGS = Settings(
    room=(Room(number="4201", name="Conseil", pin="2468"),),
    account=(Account(user="morez", password="secret"), Account(user="guest", password="other")),
    dial_out=DialOut(accounts=("morez",)),
    endpoint=(Endpoint(number="21", uri="sip:lajoux@192.0.2.21", name="Lajoux"),),
    limits=Limits(max_members=3),
    gatekeeper=Gatekeeper(host="gk.example", dial=("60",)),
    trunk=(
        Trunk(name="down", registrar="a.example", user="v", password="x", dial=("07", "08")),
        Trunk(name="pbx", registrar="b.example", user="v", password="x", dial=("07",)),
    ),
)


TRUNKS = [
    TrunkReading("down", False, 408, "no answer", 0.0, 2, "", ""),
    TrunkReading("pbx", True, 200, "OK", 90.0, 1, "udp 192.0.2.71:5060", "192.0.2.71"),
]


def web_gate() -> WebGate:
    gate = WebGate()
    gate.connect("203.0.113.9")
    gate.refuse("203.0.113.9", Reason.HANDSHAKES)
    return gate


class Known(SimpleNamespace):
    """Where endpoints are reached that registered."""

    def contact_of(self, alias: str) -> str | None:
        return {"morez": "sip:morez@192.0.2.30:5062"}.get(alias)

    def way_to(self, alias: str) -> tuple[str, str] | None:
        return {"morez": ("sip:morez@sfu", "192.0.2.30")}.get(alias)

    def gateway_to(self, number: str) -> str | None:
        return f"h323:{number}@192.0.2.60:1720" if number.startswith("03") else None


@pytest.fixture
def house():
    with stage(SETTINGS) as made:
        yield made


@pytest.fixture
def front(house: Stage):
    return make_front(house)


def make_front(house: Stage) -> Front:
    known = Registrations()
    for host in ("192.0.2.40", "192.0.2.41"):
        contact = Contact("sip:x@" + host, Address(host, 5060), Protocol.SIP, math.inf)
        known.put(host, contact)
    server = SimpleNamespace(
        settings=SETTINGS, house=house.house, calls=house.calls, browsers=house.browsers,
        patchbay=house.patchbay, desk=house.desk, worker=house.mixer, lag_s=0.002,
        whereabouts=Known(registrations=known),
        h323=SimpleNamespace(connections=2),
        gatekeeper=None,
        registrant=None,
        sip=SimpleNamespace(
            gate=SimpleNamespace(
                refused=Counter({Reason.SLOW: 4}), listed=lambda host: host == "192.0.2.30"
            ),
            connections=5,
            trunks=lambda: TRUNKS,
        ),
        gates=[web_gate()],
        icetcp=IceTcp(house.door),
        directory=".",
        certificate_ends_at=1_800_000_000.0,
        reloads=Counter({"done": 3}),
        people_there=2,
        webhooks=SimpleNamespace(outcomes=Counter({("ledger", "failed"): 2})),
        bookings=SimpleNamespace(
            agenda=SimpleNamespace(bookings={}), counts=BookingCounts(Counter(), Counter())
        ),
        ledger=SimpleNamespace(sums=Sums(6, {"morez": 2584.0}, {"morez": 630.496})),
    )  # fmt: skip
    return Front(server)  # type: ignore[arg-type]


def browser(front: Front) -> list[Any]:
    heard: list[Any] = []
    front.open_browser(heard.append, "192.0.2.50", "Chromium").receive(
        Join(room="4201", name="Anne", pin="2468")
    )
    return heard


def dial(house: Stage, front: Front, target: str, room: str = "4201"):
    async def run():
        outcome = asyncio.ensure_future(front.dial(target, room))  # noqa: TID251
        await asyncio.sleep(0)
        for order in house.of(Dial):
            house.calls.handle(CallEnded(order.call, End.NO_ANSWER, 408, "no"))
        return await outcome

    return asyncio.run(run())


# ---- who may


@pytest.mark.parametrize(
    ("remote", "credentials", "allowed"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("192.0.2.1", None, False),
        ("192.0.2.1", Credentials("morez", "secret"), True),
        ("192.0.2.1", Credentials("guest", "other"), False),
        ("192.0.2.1", Credentials("morez", "wrong\ud800"), False),
        ("127.0.0.1", Credentials("morez", "wrong"), False),
        ("127.0.0.1", Credentials("nobody", "secret"), False),
    ],
)
def test_only_listed_networks_and_accounts_may_operate(front, remote, credentials, allowed):
    assert front.may_operate(remote, credentials) is allowed


# ---- what is seen


def test_a_configured_room_is_shown_empty_and_with_its_members(house, front):
    (empty,) = front.rooms()
    assert (empty.room, empty.name, empty.pin, empty.members) == ("4201", "Conseil", True, ())
    house.ring(1, "4201##2468")
    browser(front)
    house.ring(2, "4210")
    shown = {room.room: [one.name for one in room.members] for room in front.rooms()}
    assert shown == {"4201": ["Room 1", "Anne"], "4210": ["Room 2"]}


def test_readings_count_members_calls_and_workers(house, front):
    house.ring(1)  # waits for its PIN
    house.ring(2, "4210")
    browser(front)
    house.tick()
    readings = front.readings()
    assert readings.members == {Protocol.SIP: 1, Protocol.WEBRTC: 1}
    assert readings.calls == {Protocol.SIP: 2, Protocol.WEBRTC: 1}
    assert (readings.rooms, readings.registrations) == (2, 2)
    assert readings.workers[0].alive


def test_before_the_first_tick_there_is_nothing_to_read(front):
    assert front.readings().snapshot.sources == {}


def test_ends_are_counted_by_protocol_and_cause(house, front):
    house.ring(1, "4201##2468")
    house.calls.handle(CallEnded(CallId(1), End.HUNG_UP, 0, ""))
    assert front.readings().call_ends == {(Protocol.SIP, End.HUNG_UP): 1}


def test_calls_are_read_from_the_records(house, front):
    record = CallRecord(
        RecordId(3), 1, "4201", "m1", "Anne", "webrtc", "in", "", "Chromium", 1_700_000_000.0,
        1_700_000_030.0, None, None, 0, "", 0, 0, 0, 0,
    )  # fmt: skip

    async def recent(limit):
        return [record]

    house.house.store.recent = recent
    (call,) = asyncio.run(front.calls(10))
    assert (call.call, call.ended_at, call.duration_s) == (3, None, 30.0)
    assert call.started_at == "2023-11-14T22:13:20+00:00"


def test_a_server_without_its_mixer_or_that_stops_is_not_ready(house, front):
    assert front.ready() == []
    house.mixer.alive = False
    assert front.ready() == ["the mix worker is down"]
    house.browsers.stop()
    assert front.ready() == ["the server stops"]


# ---- what is done


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("21", "sip:lajoux@192.0.2.21"),
        ("morez", "sip:morez@sfu"),
        ("sip:hdx@192.0.2.9", "sip:hdx@192.0.2.9"),
        ("h323:7@192.0.2.9", "h323:7@192.0.2.9"),
    ],
)
def test_a_number_a_registered_name_and_an_address_can_be_called(house, front, target, uri):
    outcome = dial(house, front, target)
    assert house.of(Dial)[0].uri == uri
    assert house.of(Dial)[0].display_name == "Conseil"
    assert (outcome.answered, outcome.reason, outcome.status) == (False, "no_answer", 408)


@pytest.mark.parametrize(
    ("target", "room", "why"),
    [
        ("21", "9999", "no room"),
        ("22", "4201", "nobody is known"),
        ("0998", "4201", "nobody is known"),
        ("0899", "4201", r"no trunk for 0899 is registered \(down: no answer\)"),
        ("sip:", "4201", "cannot be called"),
        ("sip:a b@c", "4201", "cannot be called"),
        ("h323:7@nowhere", "4201", "no address to call"),
    ],
)
def test_what_cannot_be_called_is_said_in_words(house, front, target, room, why):
    with pytest.raises(UseError, match=why):
        dial(house, front, target, room)
    assert house.of(Dial) == []


def test_a_number_goes_out_by_the_gatekeeper_while_it_has_us_registered(house, front):
    there = front._server.registrant = SimpleNamespace(
        registered=True, failures=1, host="192.0.2.80"
    )
    dial(house, front, "60123")
    [order] = house.of(Dial)
    assert (order.uri, order.trunk) == ("h323:60123", "")
    assert front.readings().h323_member == (True, 1)
    there.registered = False
    with pytest.raises(UseError, match="no gatekeeper for 60124"):
        dial(house, front, "60124")


@pytest.mark.parametrize(
    ("number", "host", "uri"),
    [
        ("21", "192.0.2.30", "sip:lajoux@192.0.2.21"),
        ("morez", "192.0.2.30", "sip:morez@sfu"),
        ("morez", "192.0.2.40", "sip:morez@sfu"),
        ("0712345678", "192.0.2.30", None),
        ("0384330000", "192.0.2.30", "h323:0384330000@192.0.2.60:1720"),
        ("nobody", "192.0.2.30", None),
        ("morez", "203.0.113.9", None),
    ],
)
def test_known_units_call_each_other_by_number_and_strangers_reach_rooms_alone(
    front, number, host, uri
):
    line = front.targets.line_of(number, host, None)
    assert (line.uri if line is not None else None) == uri


def test_a_stranger_is_not_known_by_the_call_it_makes(front):
    gate = Gate(Rates(), lambda glimpse: False, lambda message: None)
    front._server.sip.gate = gate
    stranger = Address("203.0.113.9", 1720)
    gate.welcome(CallId(1), stranger.host)  # as the shell does before anybody is asked
    assert gate.knows(stranger.host)
    assert front.targets.line_of("morez", stranger.host, None) is None


def test_a_number_goes_out_by_the_first_trunk_that_may_and_is_registered(house, front):
    dial(house, front, "0712345678")
    [order] = house.of(Dial)
    assert (order.uri, order.trunk, order.user) == ("0712345678", "pbx", "4201")


def test_operators_see_how_trunks_stand(front):
    down, up = front.trunks()
    assert (down.registered, down.reason, down.place) == (False, "no answer", "")
    assert (up.registered, up.place, up.expires_in_s) == (True, "udp 192.0.2.71:5060", 90)
    assert [one.registered for one in front.readings().trunks] == [False, True]


def test_nobody_is_called_into_a_full_room(house, front):
    for call in (1, 2, 3):
        house.ring(call, "4201##2468")
    with pytest.raises(UseError, match="full"):
        dial(house, front, "21")


def transfer(house: Stage, front: Front, member: str, target: str, *events):
    async def run():
        outcome = asyncio.ensure_future(front.transfer(member, target))  # noqa: TID251
        await asyncio.sleep(0)
        for event in events:
            house.calls.handle(event)
        return await outcome

    return asyncio.run(run())


def test_a_codec_is_brought_to_another_room_past_its_pin(house, front):
    house.ring(1, "4210")
    assert transfer(house, front, "m1", "4201").done
    assert {room.room: len(room.members) for room in front.rooms()} == {"4201": 1}
    assert front.readings().transfers == {("operator", "moved"): 1}


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("21", "sip:lajoux@192.0.2.21"),
        ("morez", "sip:morez@192.0.2.30:5062"),
        ("sip:hdx@192.0.2.9", "sip:hdx@192.0.2.9"),
    ],
)
def test_a_codec_is_sent_to_an_address(house, front, target, uri):
    house.ring(1, "4210")
    outcome = transfer(house, front, "m1", target, TransferTold(CallId(1), 200, "OK", True))
    assert (outcome.done, outcome.status) == (True, 200)
    assert house.of(Transfer) == [Transfer(CallId(1), uri)]


def test_who_cannot_be_sent_elsewhere(house, front):
    house.ring(1, "4210")
    browser(front)
    with pytest.raises(UseError, match="room codec"):
        transfer(house, front, "m2", "4210")
    with pytest.raises(UseError, match="nobody is known"):
        transfer(house, front, "m1", "22")
    assert transfer(house, front, "m9", "4210") is None
    house.calls.hang_up(CallId(1))
    assert transfer(house, front, "m1", "4201") is None


def test_members_of_any_kind_are_hung_up_by_their_record(house, front):
    house.ring(1, "4201##2468")
    heard = browser(front)
    records = [one.call for one in front.rooms()[0].members]
    assert all(front.hang_up(one) for one in records)
    assert house.of(HangUp) == [HangUp(CallId(1), End.ENDED_BY_SERVER)]
    assert heard[-1].code == "removed"


def test_the_number_of_an_old_record_hangs_nobody_up(house, front):
    house.ring(7)  # its call has the number some record once had
    assert not front.hang_up(7)
    assert not front.hang_up(FIRST_DIALLED)
    assert house.of(HangUp) == []


def test_a_backup_that_cannot_be_is_refused_and_not_left_lying(front, tmp_path):
    front._server.directory = tmp_path
    front._server.house = SimpleNamespace(store=Store(connect("sqlite+aiosqlite://"), 1, 1))
    (tmp_path / "restore-00.sqlite3").write_bytes(b"no backup")
    with pytest.raises(UseError, match="no backup of sfu"):
        asyncio.run(front.restore("restore-00.sqlite3"))
    assert list(tmp_path.iterdir()) == []


def test_a_house_that_drains_begins_no_calls_and_says_so(front: Front, house: Stage):
    house.house.drain.begin(house.now, 60.0)
    assert front.ready() == ["the server drains"]
    assert (front.draining().draining, front.draining().people) == (True, 2)
    with pytest.raises(UseError, match="goes down"):
        asyncio.run(front.dial("21", "4201"))


def test_a_scrape_tells_of_the_service(front: Front):
    told = front.readings().service
    assert told.reloads == {"done": 3}
    assert told.disk_free_bytes > 0

"""A house that stands for the interface itself: it answers by script and remembers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from types import SimpleNamespace
from typing import Any

from sfu.api.house import Credentials, Send
from sfu.api.live_view import (
    FlowView,
    HourView,
    LegView,
    LiveView,
    LoadView,
    MeetingView,
    SampleView,
    StepView,
    TermsView,
    TestView,
)
from sfu.api.view import (
    AdmissionView,
    BookingAnswer,
    BookingRefusal,
    BookingView,
    CallView,
    DialOutcome,
    DrainView,
    LedgerView,
    LineView,
    MemberView,
    OccurrenceView,
    PictureView,
    ReloadView,
    RoomView,
    RuleView,
    TransferOutcome,
    TrunkView,
)
from sfu.app import bookings
from sfu.config import Endpoint, Line, Room, Settings, Site
from sfu.errors import PeerError, UseError
from sfu.ledger import By, Row
from sfu.media.checkup import Finding
from sfu.media.showing import Way
from sfu.room import layout
from sfu.room.agenda import Agenda, Bookable, Refused
from sfu.room.booking import Wish
from sfu.shell.alterations import Alterations
from sfu.shell.database import connect
from sfu.shell.news import News
from sfu.shell.oidc import Oidc
from sfu.shell.people import People
from sfu.shell.store import Store
from sfu.signalling.webrtc.message import (
    ClientMessage,
    EndCode,
    Join,
    Joined,
    Layout,
    Leave,
    Offer,
    RefusalCode,
    Waiting,
    ended,
    refused,
)

BOOKED_AT = 1_803_000_000.0
"""2027-02-19 in Paris."""
LEDGER = {
    By.MONTH: (
        Row("2026-01", 1, 3, 120.0, 350.0, 85.4),
        Row("2026-02", 1, 3, 120.0, 492.0, 120.048),
        Row("2026-03", 2, 7, 240.0, 784.0, 191.296),
        Row("2026-05", 2, 7, 240.0, 958.0, 233.752),
    ),
    By.SITE: (
        Row("beziers", 2, 2, 240.0, 208.0, 50.752),
        Row("castres", 1, 1, 120.0, 108.0, 26.352),
        Row("montpellier", 5, 6, 600.0, 1476.0, 360.144),
        Row("narbonne", 2, 2, 240.0, 204.0, 49.776),
        Row("olonzac", 1, 1, 120.0, 68.0, 16.592),
        Row("saint-pons", 6, 6, 720.0, 0.0, 0.0),
        Row("toulouse", 2, 2, 240.0, 520.0, 126.88),
    ),
    By.ORGANISATION: (
        Row("", 1, 3, 120.0, 350.0, 85.4),
        Row("Minervois au Caroux", 5, 17, 600.0, 2234.0, 545.096),
    ),
}
"""The six composed meetings of Haut-Languedoc, and a seventh site of which nobody says the road."""
TITLES = {
    "beziers": "Béziers",
    "castres": "Castres",
    "montpellier": "Montpellier",
    "narbonne": "Narbonne",
    "olonzac": "Olonzac",
    "saint-pons": "Saint-Pons-de-Thomières",
    "toulouse": "Toulouse",
}
BEGAN = "2026-01-05T09:00:00+00:00"
SOUND, PICTURE = FlowView("g722", 64_000, 0.0, 2.0), FlowView("h264", 1_050_000, 0.004, 6.0)
MOREZ = LegView(
    member="m1", name="Mairie de Morez", protocol="sip", site="morez",
    endpoint="PolycomRealPresenceGroup310-6.2.2", maker="polycom", call=9, joined_at=BEGAN,
    muted=False, speaks=True, pinned=False, level_dbov=23, video="ok", picture_from=Way.OK,
    picture_to=Way.OK, sees=("m2",), sound_received=SOUND, picture_received=PICTURE,
    sound_sent=SOUND, picture_sent=FlowView("h264", 480_000, 0.0, 4.0), rtt_ms=41.0,
    line="morez", steps=(StepView("m2", "small", 700_000, 500_000, "line_down"),),
    terms=TermsView(5, 0, 0),
)  # fmt: skip
LIVE = MeetingView(
    "4201", "Conseil", False, BEGAN, layout.Layout.SPEAKER, None,
    (
        MOREZ,
        replace(
            MOREZ, member="m2", name="Salle du Haut-Jura", site="", endpoint="baresip v1.0.0",
            maker="baresip", call=10, speaks=False, level_dbov=127, video="oneway",
            picture_from=Way.NONE, sees=("m1",), picture_received=None, line="", steps=(),
        ),
        replace(
            MOREZ, member="m3", name="Anne", protocol="webrtc", site="", call=11, speaks=False,
            endpoint="Mozilla/5.0 (X11; Linux x86_64) Chrome/120", maker="chromium", line="",
            video="no_picture", picture_from=Way.NONE, picture_to=Way.NONE, steps=(), sees=(),
            picture_received=None, picture_sent=None, level_dbov=60,
            sound_sent=FlowView("opus", 48_000, 0.0, 1.0),
        ),
    ),
)  # fmt: skip
LOAD = LoadView("morez", "morez", 2_000_000, 800_000, 620_000, 760_000, 1_900_000, False, 1)
PINS = {"4242": "1234"}
REFUSED_ROOMS = {
    "4299": RefusalCode.ROOM_FULL,
    "4298": RefusalCode.NOT_ALLOWED,
    "4297": RefusalCode.SERVER_STOPPING,
}


HELD, MODERATED = "4290", "4291"
"""Rooms where one waits, and which one moderates."""


@dataclass
class ScriptedBrowser:
    """Lets in whom the script lets in."""

    send: Send
    remote: str
    user_agent: str
    heard: list[ClientMessage] = field(default_factory=list)
    gone: int = 0
    tries: int = 0
    on_message: Callable[["ScriptedBrowser", ClientMessage], None] | None = None

    def receive(self, message: ClientMessage) -> None:
        self.heard.append(message)
        match message:
            case Join():
                self._join(message)
            case Offer() if "H263" in message.sdp:
                raise PeerError("no codec in common", status=488)
            case Leave():
                self.send(ended(EndCode.LEFT))
            case _:
                pass
        if self.on_message is not None:
            self.on_message(self, message)

    def closed(self) -> None:
        self.gone += 1

    def _join(self, join: Join) -> None:
        code = self._objection(join)
        if code is not None:
            self.send(refused(code))
            return
        if join.room == HELD:
            self.send(Waiting(room=join.room, room_name="Conseil"))
            return
        self.send(
            Joined(
                member="m7", room=join.room, resume=join.resume or "token-1",
                moderator=join.room == MODERATED,
            )
        )  # fmt: skip
        self.send(Layout(pictures=2))

    def _objection(self, join: Join) -> RefusalCode | None:
        if not join.name:
            return RefusalCode.NAME_MISSING
        if not join.room.startswith("42"):
            return RefusalCode.UNKNOWN_ROOM
        pin = PINS.get(join.room)
        if pin is not None and join.pin != pin:
            self.tries += join.pin is not None
            if self.tries >= 3:
                return RefusalCode.TOO_MANY_TRIES
            return RefusalCode.WRONG_PIN if join.pin else RefusalCode.PIN_REQUIRED
        return REFUSED_ROOMS.get(join.room)


@dataclass
class ScriptedHouse:
    """Knows one account, one call, one room."""

    browsers: list[ScriptedBrowser] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    dialled: list[tuple[str, str]] = field(default_factory=list)
    wished: list[dict[str, Any]] = field(default_factory=list)
    """Of members, as it was asked for."""
    fault: str = ""
    drains: DrainView = field(default_factory=lambda: DrainView(False, 2, 0.0))
    transferred: list[tuple[str, str]] = field(default_factory=list)
    records: list[CallView] = field(default_factory=list)
    meetings: dict[str, MeetingView] = field(default_factory=lambda: {"4201": LIVE})
    ledger_rows: dict[By, tuple[Row, ...]] = field(default_factory=lambda: dict(LEDGER))
    agenda: Agenda = field(default_factory=lambda: Agenda([Bookable("4201")]))
    disk_full: bool = False
    trusted: frozenset[str] = frozenset({"127.0.0.1", "testclient"})
    on_message: Callable[[ScriptedBrowser, ClientMessage], None] | None = None
    people: People = field(
        default_factory=lambda: People(Store(connect("sqlite+aiosqlite://"), 1, 1))
    )

    base: Settings = field(
        default_factory=lambda: Settings(
            room=(Room(number="4201", name="Conseil", site="morez", pin="4711"),),
            endpoint=(
                Endpoint(number="21", uri="sip:morez@192.0.2.21", name="Morez", site="morez"),
            ),
            site=(Site(name="morez", title="Mairie de Morez"),),
            line=(Line(site="morez", up_bps=800_000, down_bps=2_000_000),),
        )
    )
    alterations: Alterations = field(init=False)
    organisers: list[bool] = field(default_factory=list)
    """What was told of each WebSocket."""
    news: News = field(default_factory=News)
    oidc: Oidc | None = None

    def __post_init__(self) -> None:
        self.alterations = Alterations(self.people.store, self.base)

    async def restore(self, file: str) -> int:
        raise UseError(f"there is no {file}")

    async def reload(self) -> ReloadView:
        if self.fault:
            raise UseError(self.fault)
        return ReloadView(("room",), ("http.tls_port",))

    def drain(self, within_s: float) -> DrainView:
        self.drains = DrainView(True, 2, within_s)
        return self.drains

    def undrain(self) -> DrainView:
        self.drains = DrainView(False, 2, 0.0)
        return self.drains

    def draining(self) -> DrainView:
        return self.drains

    def open_browser(
        self, send: Send, remote: str, user_agent: str, *, organiser: bool = False
    ) -> ScriptedBrowser:
        self.organisers.append(organiser)
        browser = ScriptedBrowser(send, remote, user_agent, on_message=self.on_message)
        self.browsers.append(browser)
        return browser

    def may_operate(self, remote: str, credentials: Credentials | None) -> bool:
        return remote in self.trusted or credentials == Credentials("ops", "secret")

    def rooms(self) -> Sequence[RoomView]:
        member = MemberView("m1", "Morez", "sip", "baresip", 9, "2026-01-05T09:00:00+00:00")
        return [RoomView("4201", "Conseil", False, (member,))]

    async def calls(self, limit: int) -> Sequence[CallView]:
        start = "2026-01-05T09:00:00+00:00"
        call = CallView(9, "4201", "sip", "sip:a@b", "Morez", "in", start, None, 3.5, None, 200)
        return [*self.records, call][:limit]

    def trunks(self) -> Sequence[TrunkView]:
        return [TrunkView("pbx", False, 408, "no answer", "", 0, 3)]

    def lines(self) -> Sequence[LineView]:
        bears = AdmissionView("full", 182_000, 900_000, "room")
        picture = PictureView("m1", "m2", "small", 700_000, 500_000, "line_down")
        return [
            LineView(
                "morez", "morez", False, 2_000_000, 2_000_000, "atm", 40, ("m1",), 1_900_000,
                1_900_000, False, 106_000, 106_000, (picture,), bears, bears,
            )
        ]  # fmt: skip

    def live(self) -> LiveView:
        return LiveView(BEGAN, tuple(self.meetings.values()), (LOAD,))

    def hour(self, line: str) -> HourView | None:
        if line != "morez":
            return None
        samples = tuple(
            SampleView(
                10.0 * (360 - n), 300_000 + 3_000 * n, 200_000, 1_900_000 - 2_000 * n, n % 40, 0,
                int(n > 300),
            )
            for n in range(360)
        )  # fmt: skip
        return HourView("morez", 2_000_000, 800_000, 10.0, samples)

    def change_member(self, member: str, wishes: Mapping[str, Any]) -> bool:
        said = {key: value for key, value in wishes.items() if key != "muted"}
        usual, before = asdict(MOREZ.terms), asdict(self._terms_of(member))
        terms = before | {key: usual[key] if one is None else one for key, one in said.items()}
        if terms["picture_floor_bps"] > (terms["picture_max_bps"] or 20_000_000):
            raise UseError("a floor above its most")
        self.wished.append(dict(wishes))
        muted = {key: value for key, value in wishes.items() if key == "muted"}
        return self._change_leg(member, terms=TermsView(**terms), **muted)

    def admit(self, room: str, member: str) -> bool:
        return self._decide(room, member)

    def turn_away(self, room: str, member: str) -> bool:
        return self._decide(room, member)

    def _decide(self, room: str, member: str) -> bool:
        meeting = self.meetings.get(room)
        if meeting is None or member not in {one.member for one in meeting.waiting}:
            return False
        left = tuple(one for one in meeting.waiting if one.member != member)
        self.meetings[room] = replace(meeting, waiting=left)
        return True

    def arrange(self, room: str, wishes: Mapping[str, Any]) -> bool:
        if room not in self.meetings:
            return False
        meeting = replace(self.meetings[room], **wishes)
        known = {one.member for one in meeting.members}
        if meeting.pinned not in (None, *known):
            raise UseError(f"{meeting.pinned} is not in room {room}")
        legs = (replace(one, pinned=one.member == meeting.pinned) for one in meeting.members)
        self.meetings[room] = replace(meeting, members=tuple(legs))
        return True

    def end_meeting(self, room: str) -> bool:
        return self.meetings.pop(room, None) is not None

    def _terms_of(self, member: str) -> TermsView:
        legs = [one for meeting in self.meetings.values() for one in meeting.members]
        return next((one.terms for one in legs if one.member == member), MOREZ.terms)

    def _change_leg(self, member: str, **facts: Any) -> bool:
        for room, meeting in self.meetings.items():
            legs = [
                replace(one, **facts) if one.member == member else one for one in meeting.members
            ]
            if tuple(legs) != meeting.members or member in {one.member for one in legs}:
                self.meetings[room] = replace(meeting, members=tuple(legs))
                return True
        return False

    def what_if(self, line: str, codecs: int, browsers: int) -> AdmissionView | None:
        if line != "morez":
            return None
        return AdmissionView("refused", 106_000 * codecs + 90_000 * browsers, 100_000, "line_up")

    async def ledger(self, first: date | None, last: date | None, by: By) -> LedgerView:
        begin, end = first or date(2026, 1, 1), last or date(2026, 12, 31)
        if end < begin:
            raise UseError(f"{end} is before {begin}")
        return LedgerView(
            begin, end, "Europe/Paris", by, self.ledger_rows.get(by, ()),
            Row("total", 6, 20, 720.0, 2584.0, 630.496),
            TITLES,
            (("olargues", "toulouse"),),
            RuleView("room", "saint-pons", 1, 1, True, 0.244, 10.0),
        )  # fmt: skip

    async def book(self, wish: Wish) -> BookingView | BookingRefusal:
        if self.disk_full:
            raise UseError("the booking cannot be written now: try again")
        booking = len(self.agenda.bookings) + 1
        answer = self.agenda.book(wish, BOOKED_AT, booking, f"b{booking}@sfu")
        if isinstance(answer, Refused):
            return BookingRefusal(answer.reason.value, answer.why, answer.facts)
        return bookings.view(answer)

    def weigh_booking(self, wish: Wish) -> BookingAnswer:
        answer = self.agenda.weigh(wish, BOOKED_AT)
        if isinstance(answer, Refused):
            return BookingAnswer(False, answer.reason.value, answer.why, facts=answer.facts)
        return BookingAnswer(True, number=answer.number)

    def booking(self, booking: int) -> BookingView | None:
        known = self.agenda.bookings.get(booking)
        return bookings.view(known) if known else None

    def bookings(self, first: date | None, last: date | None) -> Sequence[OccurrenceView]:
        return bookings.between(self._booked, Settings(), first, last)

    async def cancel_booking(self, booking: int, day: date | None) -> bool:
        if day is not None:
            return self.agenda.give_up(booking, day) is not None
        return self.agenda.cancel(booking) is not None

    def invitation(self, booking: int) -> bytes | None:
        return bookings.invite(self._booked, Settings(), booking)

    def calendar(self, room: str, organisation: str) -> bytes:
        return bookings.calendar(self._booked, Settings(), room, organisation)

    def timezone(self) -> str:
        return "Europe/Paris"

    @property
    def _booked(self) -> Any:
        return SimpleNamespace(agenda=self.agenda, clock=lambda: BOOKED_AT)

    async def dial(self, target: str, room: str) -> DialOutcome:
        if not room.startswith("42"):
            raise UseError("there is no room 9")
        self.dialled.append((target, room))
        if target == "busy":
            return DialOutcome(10, False, "busy", 486, "Busy Here")
        return DialOutcome(10, True, "answered", 200, "OK")

    async def try_room(self, target: str) -> TestView:
        if target == "nowhere":
            raise UseError("nobody is known by 'nowhere'")
        if target == "busy":
            return TestView(
                target, False, "busy", 486, "Busy Here", "", "", (), None, None, None, None, 0, 127,
                None,
            )  # fmt: skip
        self.tried.append(target)
        findings = (Finding.PICTURE_GOOD, Finding.SOUND_SILENT, Finding.SENT_LOSSY)
        sent = replace(PICTURE, loss=0.06)
        return TestView(
            target, True, "answered", 200, "OK", MOREZ.endpoint, "morez", findings, SOUND, PICTURE,
            SOUND, sent, 5, 78, 41.0,
        )  # fmt: skip

    async def transfer(self, member: str, target: str) -> TransferOutcome | None:
        if target == "nowhere":
            raise UseError("nobody is known by 'nowhere'")
        if member != "m1":
            return None
        self.transferred.append((member, target))
        done = target != "busy"
        return TransferOutcome(done, 200 if done else 486, "OK" if done else "Busy Here")

    def hang_up(self, call: int) -> bool:
        for room, meeting in self.meetings.items():
            legs = tuple(one for one in meeting.members if one.call != call)
            if legs != meeting.members:
                self.meetings[room] = replace(meeting, members=legs)
                return True
        return False

    def invite(self, room: str, until: float, *, moderator: bool = False) -> tuple[str, str]:
        if not room.startswith("42"):
            raise UseError(f"no room {room}")
        return room, f"{room}.word{'m' if moderator else ''}"

    def metrics(self) -> bytes:
        return b"sfu_rooms 1\n"

    def ready(self) -> Sequence[str]:
        return self.reasons

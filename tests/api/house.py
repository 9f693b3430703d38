"""A house that stands for the interface itself: it answers by script and remembers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sfu.api.house import (
    AdmissionView,
    CallView,
    Credentials,
    DialOutcome,
    LineView,
    MemberView,
    PictureView,
    RoomView,
    Send,
    TransferOutcome,
    TrunkView,
)
from sfu.errors import PeerError, UseError
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
    ended,
    refused,
)

PINS = {"4242": "1234"}
REFUSED_ROOMS = {
    "4299": RefusalCode.ROOM_FULL,
    "4298": RefusalCode.NOT_ALLOWED,
    "4297": RefusalCode.SERVER_STOPPING,
}


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
        self.send(Joined(member="m7", room=join.room, resume=join.resume or "token-1"))
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
    dialled: list[tuple[str, str]] = field(default_factory=list)
    transferred: list[tuple[str, str]] = field(default_factory=list)
    trusted: frozenset[str] = frozenset({"127.0.0.1", "testclient"})
    on_message: Callable[[ScriptedBrowser, ClientMessage], None] | None = None
    people: People = field(
        default_factory=lambda: People(Store(connect("sqlite+aiosqlite://"), 1, 1))
    )

    news: News = field(default_factory=News)
    oidc: Oidc | None = None

    async def restore(self, file: str) -> int:
        raise UseError(f"there is no {file}")

    def open_browser(self, send: Send, remote: str, user_agent: str) -> ScriptedBrowser:
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
        return [call][:limit]

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

    def what_if(self, line: str, codecs: int, browsers: int) -> AdmissionView | None:
        if line != "morez":
            return None
        return AdmissionView("refused", 106_000 * codecs + 90_000 * browsers, 100_000, "line_up")

    async def dial(self, target: str, room: str) -> DialOutcome:
        if not room.startswith("42"):
            raise UseError("there is no room 9")
        self.dialled.append((target, room))
        if target == "busy":
            return DialOutcome(10, False, "busy", 486, "Busy Here")
        return DialOutcome(10, True, "answered", 200, "OK")

    async def transfer(self, member: str, target: str) -> TransferOutcome | None:
        if target == "nowhere":
            raise UseError("nobody is known by 'nowhere'")
        if member != "m1":
            return None
        self.transferred.append((member, target))
        done = target != "busy"
        return TransferOutcome(done, 200 if done else 486, "OK" if done else "Busy Here")

    def hang_up(self, call: int) -> bool:
        return call == 9

    def invite(self, room: str, until: float) -> tuple[str, str]:
        if not room.startswith("42"):
            raise UseError(f"no room {room}")
        return room, f"{room}.word"

    def metrics(self) -> bytes:
        return b"sfu_rooms 1\n"

    def ready(self) -> Sequence[str]:
        return self.reasons

r"""The house: which meetings there are, and who is on the way in or out of them.

::

    SIP shell -- CallEvent --> Calls ----\
                                          >-- enter, leave --> Meeting
    WebSocket -- ClientMessage --> Browsers /                      |
    tick: Patchbay.tick -> snapshot -> legs' signs of life -> Meeting.tick

`Calls` and `Browsers` are the two ways in; the house keeps what they share.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

import structlog

from sfu.config import Settings
from sfu.errors import UseError
from sfu.media.engine.snapshot import Snapshot
from sfu.media.showing import NOTHING_KNOWN, Showing, VideoState, video_state
from sfu.model import MemberId, RoomId, SourceId
from sfu.room.directory import (
    Directory,
    Found,
    Outcome,
    RoomSetting,
    UnknownRoom,
    WrongPin,
    is_same_pin,
)
from sfu.room.echo import EchoRoom
from sfu.room.room import Room
from sfu.shell.drain import Drain
from sfu.shell.fault import surviving
from sfu.shell.invitations import Invitations
from sfu.shell.leg import Leg
from sfu.shell.lines import Lines
from sfu.shell.meeting import Meeting
from sfu.shell.mixdesk import MixDesk
from sfu.shell.news import News, NewsKind
from sfu.shell.patchbay import Patchbay
from sfu.shell.places import Places
from sfu.shell.record import Direction, Joining, RecordId, Traffic
from sfu.shell.sharing import Sharing
from sfu.shell.store import HEARTBEAT_S, Store
from sfu.shell.tries import PinTries
from sfu.shell.waitingrooms import WaitingRooms
from sfu.shell.watch import Watch
from sfu.worker.memory import give_back

log = structlog.get_logger()

TICK_S = 0.05


@dataclass(slots=True)
class Guest:
    """A member inside, and its line in the call records."""

    leg: Leg
    meeting: Meeting
    record: RecordId
    joined_at: float


class House:
    """Meetings by room, members by id; owns no socket."""

    def __init__(
        self,
        settings: Settings,
        patchbay: Patchbay,
        desk: MixDesk,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open with every room empty; `clock` is the engine's."""
        self.clock = clock
        self.tries = PinTries(settings.rooms.pin_tries)
        self.drain = Drain()
        self.news = News()
        self.invitations = Invitations()
        self.settings = settings
        self.patchbay = patchbay
        self.desk = desk
        self.store = store
        self.meetings: dict[RoomId, Meeting] = {}
        self.guests: dict[MemberId, Guest] = {}
        self.ends: dict[tuple[str, str], int] = {}
        """How many members of each protocol ended by each cause."""
        self.snapshot: Snapshot | None = None
        self.lines = Lines(
            settings.line, settings.line_names(), patchbay.new_line, Places(settings)
        )
        self.holder: Callable[[RoomId], str] = settings.organisation_of
        """Says which organisation holds a meeting that begins."""
        self.sharing = Sharing(settings, self.lines, patchbay)
        self.watch = Watch(patchbay, self.sharing)
        self.directory = _directory(settings)
        self.waiting_rooms = WaitingRooms(self._has_waiting_room, clock)
        self._members = count(1)
        self._beat_at = 0.0
        self._departed = False
        """Somebody left since the last beat."""
        self.urgent = asyncio.Event()
        """Set where the next tick should not be awaited."""
        desk.on_restart = self._mixer_restarted
        patchbay.hearing.on_arrivals = self._fed_back
        patchbay.on_hurry = self.urgent.set

    def configure(self, settings: Settings) -> None:
        """Go by other settings from now on; calls go on, behind the lines they stood behind.

        UseError where somebody stands behind a line that would be no more.
        """
        names = set(settings.line_names())
        for line in self.lines:
            if line.name not in names and self.sharing.behind(line.line):
                raise UseError(f"somebody stands behind line {line.name} now")
        if settings.rooms.pin_tries != self.settings.rooms.pin_tries:
            self.tries = PinTries(settings.rooms.pin_tries)
        self.settings = settings
        self.directory = _directory(settings)
        self.waiting_rooms.configure()
        self.sharing.configure(settings, Places(settings))
        for meeting in self.meetings.values():
            known = settings.find_room(meeting.id)
            meeting.name = known.name if known else ""

    def new_member(self) -> MemberId:
        """Choose an id nobody had before."""
        return MemberId(f"m{next(self._members)}")

    def find(self, target: str, pin: str = "") -> Found | UnknownRoom | WrongPin:
        """Say which room a target means; numbers of configured ranges are rooms too."""
        return self.directory.find(target, pin)

    def reach(self, target: str) -> Outcome:
        """Say what a dialled target means: a room, or the attendant."""
        return self.directory.reach(target)

    def is_protected(self, room: RoomId) -> bool:
        """Tell whether a room has a PIN, given or not."""
        known = self.directory.rooms.get(room)
        return known is not None and bool(known.pin)

    def by_invitation(self, room: RoomId) -> bool:
        """Tell whether pages come into a room by a guest's link alone."""
        return self.settings.rooms.invited_only and not self.is_protected(room)

    def _has_waiting_room(self, room: RoomId) -> bool:
        known = self.settings.find_room(room)
        return known is not None and known.waiting_room

    def mute(self, member: MemberId, muted: bool) -> bool:
        """Take a member's voice away, or give it back; False where it is in no room."""
        guest = self.guests.get(member)
        if guest is not None:
            guest.meeting.mute(member, muted, self.clock())
        return guest is not None

    def is_moderators(self, room: RoomId, pin: str) -> bool:
        """Tell whether this is the PIN of a room's moderators."""
        known = self.settings.find_room(room)
        ours = known.moderator_pin if known is not None else ""
        return bool(ours) and is_same_pin(pin, ours)

    def wants_moderators_pin(self, room: RoomId) -> bool:
        """Tell whether a PIN given for a room can be none but its moderators'."""
        known = self.settings.find_room(room)
        return known is not None and bool(known.moderator_pin) and not known.pin

    def meeting(self, room: RoomId) -> Meeting:
        """Return the meeting in a room, begun if there is none."""
        if room not in self.meetings:
            known = self.settings.find_room(room)
            name = known.name if known else ""
            echo = bool(room) and room == self.directory.echo_test
            mixing = self.desk.available
            core = EchoRoom(mixing=mixing) if echo else Room(room, mixing=mixing)
            self.meetings[room] = Meeting(
                room, name, self.patchbay, self.desk, core, self.sharing.carried
            )
        return self.meetings[room]

    def is_full(self, room: RoomId) -> bool:
        """Tell whether nobody more may come in."""
        known = self.settings.find_room(room)
        settings = self.settings
        most = settings.room_limit(known) if known is not None else settings.limits.max_members
        inside = self.meetings.get(room)
        crowded = len(self.guests) >= self.settings.limits.max_calls
        return crowded or (inside is not None and len(inside.legs) >= most)

    def enter(
        self, leg: Leg, room: RoomId, caller: str, direction: Direction = Direction.IN
    ) -> None:
        """Let a member into a room."""
        now = self.clock()
        meeting = self.meeting(room)
        joining = Joining(
            room, leg.member, leg.name, leg.protocol, caller, leg.model, direction,
            leg.site, self.holder(room),
        )  # fmt: skip
        record = self.store.joined(joining, time.time())
        self.guests[leg.member] = Guest(leg, meeting, record, time.time())
        if not meeting.legs:
            meeting.began_at = time.time()
            self.news.tell(NewsKind.MEETING_STARTED, room=room, name=meeting.name)
        meeting.join(leg, now)
        self.news.tell(
            NewsKind.MEMBER_JOINED, room=room, member=leg.member, name=leg.name,
            protocol=leg.protocol.value, direction=direction.value,
        )  # fmt: skip
        if room == self.directory.echo_test:
            languages = self.settings.rooms.languages
            self.desk.speak(leg.member, tuple(f"{one}/echo" for one in languages))

    def leave(self, leg: Leg, cause: str, *, status: int = 0, text: str = "") -> None:
        """Let a member out; whoever calls this closes the leg."""
        guest = self.guests.pop(leg.member, None)
        if guest is None:
            return
        self._departed = True
        key = (str(leg.protocol), str(cause))
        self.ends[key] = self.ends.get(key, 0) + 1
        traffic = self._traffic(leg)
        self.sharing.depart(leg)
        guest.meeting.leave(leg, self.clock())
        self.store.left(
            guest.record, time.time(), str(cause), status=status, text=text, traffic=traffic,
            site=leg.site,
        )  # fmt: skip
        room = guest.meeting.id
        self.news.tell(NewsKind.MEMBER_LEFT, room=room, member=leg.member, reason=str(cause))
        if not guest.meeting.legs:
            self.meetings.pop(room, None)
            self.news.tell(NewsKind.MEETING_ENDED, room=room)
            self.waiting_rooms.ended(room)

    def meeting_of(self, leg: Leg) -> Meeting | None:
        """Return the meeting a member is in."""
        guest = self.guests.get(leg.member)
        return guest.meeting if guest else None

    def video_state(self, guest: Guest) -> VideoState:
        """Tell how a member's picture fares, as of the last tick."""
        return video_state(self.showing(guest))

    def showing(self, guest: Guest) -> Showing:
        """Gather what is known of a member's picture, as of the last tick."""
        if self.snapshot is None:
            return NOTHING_KNOWN
        return guest.meeting.showing(guest.leg.member, self.snapshot, self.clock())

    def tick(self) -> Snapshot:
        """Let TICK_S pass: numbers out of the engine, into meetings and records."""
        now = self.clock()
        self.urgent.clear()
        snapshot = self.snapshot = self.patchbay.tick(now)
        self.waiting_rooms.tick(now)
        measured = self.desk.levels()
        for meeting in list(self.meetings.values()):
            with surviving("meeting_failed", room=meeting.id):
                meeting.tick(snapshot, measured, now)
        with surviving("sharing_failed"):
            self.sharing.tick(self.meetings, snapshot, now)
        with surviving("watch_failed"):
            self.watch.tick(self.meetings, snapshot, now)
        if now >= self._beat_at:
            self._beat_at = now + HEARTBEAT_S
            self.store.heartbeat([guest.record for guest in self.guests.values()], time.time())
            self._tidy()
        elif self._departed and not self.guests:
            gc.collect()  # nobody hears how long it takes
            self._tidy()
        return snapshot

    def _tidy(self) -> None:
        """Give back what those who left had."""
        if self._departed:
            self._departed = False
            give_back()

    def _fed_back(self) -> None:
        if self.sharing.estimates.hear(self.clock()):
            self.urgent.set()

    def _mixer_restarted(self) -> None:
        for meeting in self.meetings.values():
            meeting.mixer_changed(self.clock())
        self.patchbay.flush(self.clock())  # for who hears a tone before a door

    def _traffic(self, leg: Leg) -> Traffic:
        """Sum up what the engine counted of a leg, as of the last tick."""
        if self.snapshot is None:
            return Traffic()
        sources = [self.snapshot.sources.get(one) for one in _sources(leg)]
        rows = [row for row in sources if row is not None]
        paths = {row.transport for row in rows}
        transports = [
            self.snapshot.transports[one] for one in paths & set(self.snapshot.transports)
        ]
        return Traffic(
            received_bytes=sum(row.received_bytes for row in transports),
            sent_bytes=sum(row.sent_bytes for row in transports),
            received_packets=sum(row.packets for row in rows),
            lost_packets=max(0, sum(row.lost for row in rows)),
        )


def _directory(settings: Settings) -> Directory:
    return Directory(
        (
            RoomSetting(RoomId(room.number), room.name, room.pin, room.aliases)
            for room in settings.room
        ),
        map(_range, settings.rooms.numbers),
        settings.rooms.attendant,
        settings.rooms.echo_test,
    )


def _range(numbers: str) -> range:
    """Read "4000-4999" or "4000"."""
    first, _, last = numbers.partition("-")
    return range(int(first), int(last or first) + 1)


def _sources(leg: Leg) -> Iterable[SourceId]:
    for source in (leg.streams.sound, leg.streams.picture):
        if source is not None:
            yield source

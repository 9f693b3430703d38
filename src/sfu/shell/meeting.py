"""One meeting: drives the pure `Room`, and puts what it wants into routes.

::

    legs -- join, leave, changed --> Meeting -- RoomEvent --> Room
    snapshot: what runs, how loud ->    |   <- RoomOutput ---
                                        +-- want --> Patchbay      pictures and forwarded sounds
                                        +-- listen --> MixDesk     the mix of each room codec
                                        +-- send_picture, show, hear --> legs
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import structlog

from sfu.media.engine.snapshot import Snapshot, SourceRow
from sfu.media.showing import Showing
from sfu.model import Codec, MemberId, RoomId, SinkId, SourceId
from sfu.room.directory import ECHO_NAME
from sfu.room.echo import EchoRoom, image
from sfu.room.event import (
    CapabilityChanged,
    LayoutSet,
    LevelsMeasured,
    MemberJoined,
    MemberLeft,
    PictureStarted,
    PictureStopped,
    ReceptionLimited,
    RoomEvent,
    SendingLimited,
    SoundMuted,
    SoundRuleSet,
    SoundStarted,
    SoundStopped,
)
from sfu.room.layout import Layout
from sfu.room.output import (
    Notify,
    PlaySounds,
    RoomOutput,
    SendPicture,
    ShowPictures,
    SpeakerChanged,
)
from sfu.room.room import Room
from sfu.shell.leg import Hearing, Leg, Row
from sfu.shell.mixdesk import MixDesk
from sfu.shell.patchbay import Patchbay

log = structlog.get_logger()

Carried = Callable[[SinkId, MemberId], tuple[SourceId | None, int] | None]
"""What a place was given of a member's picture, layer and highest temporal layer; None where
nobody shares out its line."""

SILENT_AFTER_S = 2.0
"""A stream without a packet for so long has stopped."""


@dataclass(slots=True)
class _Running:
    """The codecs in which a member's streams arrive now; None while they do not."""

    sound: Codec | None = None
    picture: Codec | None = None
    source: SourceId | None = None
    """What the picture comes from; a leg may have none any more when it stops."""
    takes_bps: int = 0
    """What it said it takes."""


class Meeting:
    """The members of one room, from the first who joins to the last who leaves."""

    def __init__(
        self,
        room: RoomId,
        name: str,
        patchbay: Patchbay,
        desk: MixDesk,
        core: Room | EchoRoom,
        carried: Carried = lambda sink, member: None,
    ) -> None:
        """Begin empty; `core` decides who sees and hears whom, `carried` which layer of it."""
        self._carried = carried
        self._wished: dict[MemberId, int] = {}
        """How many voices browsers want forwarded, and how many their lines bear."""
        self._borne: dict[MemberId, int] = {}
        self.id = room
        self.name = name
        self.legs: dict[MemberId, Leg] = {}
        self.speaker: MemberId | None = None
        self.began_at = 0.0
        """When the first came, in seconds since 1970."""
        self.levels: dict[MemberId, int] = {}
        """How loud each was at the last tick, in dBov: 0 loudest, 127 silent."""
        self._patchbay = patchbay
        self._desk = desk
        self._room = core
        self._running: dict[MemberId, _Running] = {}
        self._shown: dict[MemberId, ShowPictures] = {}
        self._played: dict[MemberId, PlaySounds] = {}
        self._rows: tuple[Row, ...] = ()
        self._log = log.bind(room=room)

    @property
    def layout(self) -> Layout:
        """By which rule pictures are chosen."""
        return self._room.front.layout

    @property
    def pinned(self) -> MemberId | None:
        """Who stands before all others."""
        return self._room.front.pinned

    def is_muted(self, member: MemberId) -> bool:
        """Tell who is heard by nobody, by an operator's or a moderator's wish."""
        one = self._room.members.get(member)
        return one is not None and one.muted

    def join(self, leg: Leg, now: float) -> None:
        """Take a member in; its streams are known already."""
        self.legs[leg.member] = leg
        self._running[leg.member] = _Running()
        self._log.info("member_joined", member=leg.member, name=leg.name, protocol=leg.protocol)
        self._tell(MemberJoined(leg.member, leg.name, leg.protocol, leg.capability), now)
        leg.speaker_changed(self.speaker)

    def leave(self, leg: Leg, now: float) -> None:
        """Let a member go; its paths are closed by the leg."""
        if self.legs.pop(leg.member, None) is None:
            return
        self._running.pop(leg.member)
        self._shown.pop(leg.member, None)
        self._played.pop(leg.member, None)
        self._wished.pop(leg.member, None)
        self._borne.pop(leg.member, None)
        self._desk.forget(leg.member)
        self._log.info("member_left", member=leg.member, name=leg.name)
        self._tell(MemberLeft(leg.member), now)

    def changed(self, leg: Leg, now: float) -> None:
        """Take in that a member renegotiated, or has other places than before."""
        self._tell(CapabilityChanged(leg.member, leg.capability), now)
        # its sinks may be new ones: say again what they carry
        if shown := self._shown.get(leg.member):
            self._show(shown)
        if played := self._played.get(leg.member):
            self._play(played)
        self._patchbay.flush(now)

    def set_sound_rule(self, member: MemberId, forwarded: int, now: float) -> None:
        """Serve a browser with three forwarded voices, one, or the mix, if its line bears it."""
        self._wished[member] = forwarded
        self._tell(SoundRuleSet(member, min(forwarded, self._borne.get(member, forwarded))), now)

    def limit_voices(
        self, member: MemberId, forwarded: int, now: float, *, ptime_ms: int = 20, max_bps: int = 0
    ) -> None:
        """Forward a browser no more voices than this, for the sake of its line.

        `ptime_ms` are the packets of its mix: longer ones cost fewer headers; `max_bps` is the most
        its Opus takes, 0 as ever.
        """
        self._borne[member] = forwarded
        leg = self.legs.get(member)
        mix = leg.streams.mix if leg is not None else None
        made = replace(mix, ptime_ms=ptime_ms, max_bps=max_bps) if mix is not None else None
        if leg is not None and mix != made:
            leg.streams.mix = made
            if played := self._played.get(member):
                self._play(played)
        wished = self._wished.get(member, forwarded)
        self._tell(SoundRuleSet(member, min(wished, forwarded)), now)

    def voices_wished(self, member: MemberId) -> int:
        """Return how many voices a browser wants forwarded."""
        return self._wished.get(member, 0)

    @property
    def mixes(self) -> bool:
        """Whether a mix can be made."""
        return self._desk.available

    def shown_to(self, viewer: MemberId) -> tuple[MemberId, ...]:
        """Return whose pictures a viewer shall be shown."""
        wanted = self._shown.get(viewer)
        return tuple(one for one in wanted.shown if one is not None) if wanted else ()

    def places(self, viewer: Leg) -> list[tuple[SinkId, MemberId | None]]:
        """Return a viewer's places and whose picture each shall carry."""
        shown = self._shown.get(viewer.member)
        return list(_places(viewer.streams.pictures, shown.shown if shown else ()))

    def limit_sending(self, member: MemberId, max_bps: int, now: float) -> None:
        """Have a member's picture sent at no more than this, whatever its call speaks; 0: freely.

        For whoever shares out a line; receivers' own limits hold besides.
        """
        self._tell(SendingLimited(member, max_bps), now)

    def mute(self, member: MemberId, muted: bool, now: float) -> None:
        """Take a member's voice away, or give it back; nobody hears it whatever it sends."""
        if member not in self.legs or self.is_muted(member) is muted:
            return
        self._log.info("member_muted", member=member, muted=muted)
        self._tell(SoundMuted(member, muted), now)

    def set_layout(self, layout: Layout, pinned: MemberId | None, now: float) -> None:
        """Choose pictures by this rule from now on, this member before all others."""
        self._log.info("layout_set", layout=layout.value, pinned=pinned)
        self._tell(LayoutSet(layout, pinned), now)

    def mixer_changed(self, now: float) -> None:
        """State the routes to and from a mixer that was started anew."""
        for played in self._played.values():
            self._play(played)
        self._patchbay.flush(now)

    # ---- the rhythm

    def tick(self, snapshot: Snapshot, measured: Mapping[MemberId, int], now: float) -> None:
        """Take in what runs and how loud it is; `measured` are the mixer's own levels."""
        for leg in list(self.legs.values()):
            self._observe(leg, snapshot, now)
        levels = tuple(self._levels(snapshot, measured))
        self.levels = dict(levels)
        if levels:
            self._room.handle(LevelsMeasured(levels), now)
        self._room.tick(now)
        self._carry_out(now)

    def _observe(self, leg: Leg, snapshot: Snapshot, now: float) -> None:
        running = self._running.get(leg.member)
        if running is None:
            return  # it left while another's news was carried out
        if leg.takes_bps != running.takes_bps:
            running.takes_bps = leg.takes_bps
            self._log.info("reception_limited", member=leg.member, max_bps=leg.takes_bps)
            self._room.handle(ReceptionLimited(leg.member, leg.takes_bps), now)
        streams = leg.streams
        sound = _running_codec(snapshot, streams.sound, now) if leg.wants_sound() else None
        if sound is not running.sound:
            running.sound = sound
            if sound is not None and streams.sound is not None and not streams.header_levels:
                self._desk.measure(leg.member, streams.sound)
            self._room.handle(
                SoundStarted(leg.member, sound) if sound else SoundStopped(leg.member), now
            )
        picture = _running_codec(snapshot, streams.picture, now) if leg.wants_picture() else None
        if picture is None and leg.picture_stopped(now) and leg.wants_picture():
            picture = running.picture  # we asked for that: its places stay, and say why
        if picture is not running.picture:
            if streams.picture is not None and running.picture is None:
                running.source = streams.picture
                self._patchbay.keyframes.started(streams.picture, now)
            elif running.source is not None and picture is None:
                self._patchbay.keyframes.stopped(running.source, now)
            running.picture = picture
            self._room.handle(
                PictureStarted(leg.member, picture) if picture else PictureStopped(leg.member), now
            )
        elif picture is not None and streams.picture is not running.source:
            running.source = streams.picture
            for wanted in self._shown.values():
                if leg.member in wanted.shown:
                    self._show(wanted)

    def _levels(
        self, snapshot: Snapshot, measured: Mapping[MemberId, int]
    ) -> Iterable[tuple[MemberId, int]]:
        for member, leg in self.legs.items():
            row = _row(snapshot, leg.streams.sound)
            if row is None or not leg.wants_sound():
                continue
            if leg.streams.header_levels:
                yield member, row.level_dbov
            elif member in measured:
                yield member, measured[member]

    def _tell(self, event: RoomEvent, now: float) -> None:
        self._room.handle(event, now)
        self._carry_out(now)

    # ---- what the room wants

    def _carry_out(self, now: float) -> None:
        for output in self._room.poll():
            self._put(output)
        self._link_cameras()
        self._patchbay.flush(now)
        self._tell_rows()

    def _link_cameras(self) -> None:
        """Let two rooms that are alone together move each other's camera."""
        legs = list(self.legs.values())
        cameras = [leg.streams.camera for leg in legs]
        for leg, camera in zip(legs, cameras, strict=True):
            if camera is None:
                continue
            others = [other.streams.camera for other in legs if other is not leg]
            far = others[0] if len(others) == 1 else None
            self._patchbay.want(camera[1], far[0] if far else None)

    def _put(self, output: RoomOutput) -> None:
        match output:
            case ShowPictures():
                self._shown[output.viewer] = output
                self._show(output)
            case PlaySounds():
                self._played[output.listener] = output
                self._play(output)
            case SendPicture():
                if leg := self.legs.get(output.member):
                    leg.send_picture(output)
            case SpeakerChanged():
                self.speaker = output.member
                self._log.info("speaker_changed", member=output.member)
                for leg in self.legs.values():
                    leg.speaker_changed(output.member)
            case Notify():
                self._log.info(
                    "notice", code=output.code, member=output.member, about=output.about,
                    active=output.active,
                )  # fmt: skip
                if leg := self.legs.get(output.member):
                    leg.notify(output)

    def _show(self, wanted: ShowPictures) -> None:
        leg = self.legs.get(wanted.viewer)
        if leg is None:
            return
        for sink, member in _places(leg.streams.pictures, wanted.shown):
            given = self._carried(sink, member) if member is not None else None
            if given is None:
                self._patchbay.want(sink, self._picture_of(member))
            else:
                self._patchbay.want(sink, *given)
        leg.show(self._named(wanted.shown))

    def _play(self, wanted: PlaySounds) -> None:
        leg = self.legs.get(wanted.listener)
        if leg is None:
            return
        for sink, member in _places(leg.streams.wide, wanted.wide):
            self._patchbay.want(sink, self._sound_of(member))
        for sink, member in _places(leg.streams.narrow, wanted.narrow):
            self._patchbay.want(sink, self._sound_of(member))
        self._mix(leg, wanted)
        wide, narrow = self._named(wanted.wide), self._named(wanted.narrow)
        leg.hear(Hearing(wide, narrow, bool(wanted.mixed)))

    def _mix(self, leg: Leg, wanted: PlaySounds) -> None:
        place = leg.streams.mix
        if place is None:
            self._desk.stop_listening(leg.member)
            return
        if not self._desk.available and not leg.capability.forwarded_sounds:
            # no mixer: a room codec hears the one voice it can decode
            voice = next((one for one in (*wanted.wide, *wanted.narrow) if one), None)
            self._patchbay.want(place.sink, self._sound_of(voice))
            return
        inputs = {}
        for member in wanted.mixed:
            source = self._sound_of(member)
            if source is not None:
                inputs[member] = source
        always = not leg.capability.forwarded_sounds
        output = self._desk.listen(leg.member, place, inputs) if inputs or always else None
        if output is None:
            self._desk.stop_listening(leg.member)
        self._patchbay.want(place.sink, output)

    def _picture_of(self, member: MemberId | None) -> SourceId | None:
        leg = self.legs.get(member) if member is not None else None
        return leg.streams.picture if leg else None

    def _sound_of(self, member: MemberId | None) -> SourceId | None:
        leg = self.legs.get(member) if member is not None else None
        return leg.streams.sound if leg else None

    def rows(self) -> tuple[Row, ...]:
        """Return the members as others are told of them, oldest first."""
        return tuple(
            Row(
                member=member,
                name=leg.name,
                protocol=leg.protocol,
                has_camera=bool(leg.capability.video_send),
                picture=self._running[member].picture is not None,
                sound=self._running[member].sound is not None and not self.is_muted(member),
                muted=self.is_muted(member),
            )
            for member, leg in self.legs.items()
        )

    def showing(self, member: MemberId, snapshot: Snapshot, now: float) -> Showing:
        """Gather what is known of a member's picture."""
        leg, running = self.legs[member], self._running[member]
        shown = self._shown.get(member)
        sent = [
            now - row.last_sent_us / 1e6
            for sink in leg.streams.pictures
            if (row := snapshot.sinks.get(sink)) is not None
            and row.last_sent_us
            # what went before the first key frame it waits for was a card of ours
            and not (row.waiting and row.source is None)
        ]
        source = leg.streams.picture
        return Showing(
            agreed=bool(leg.capability.video_send or leg.capability.pictures),
            arrives=running.picture is not None,
            stopped=leg.picture_stopped(now),
            missing_s=self._patchbay.keyframes.missing_s(source, now) if source else 0.0,
            wanted=shown is not None and any(shown.shown),
            still_s=min(sent, default=None),
        )

    def _tell_rows(self) -> None:
        rows = self.rows()
        if rows == self._rows:
            return
        self._rows = rows
        for leg in self.legs.values():
            leg.members_changed(self._rows_for(leg, rows))

    def _rows_for(self, leg: Leg, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """Return all; in the echo test, where each is alone, itself and its image."""
        if not isinstance(self._room, EchoRoom):
            return rows
        own = next(row for row in rows if row.member == leg.member)
        return own, replace(own, member=image(leg.member), name=ECHO_NAME)

    def _named(self, places: tuple[MemberId | None, ...]) -> tuple[MemberId | None, ...]:
        """Return members as a page is told of them."""
        if not isinstance(self._room, EchoRoom):
            return places
        return tuple(image(one) if one is not None else None for one in places)


def _places(
    sinks: list[SinkId], members: tuple[MemberId | None, ...]
) -> Iterable[tuple[SinkId, MemberId | None]]:
    """Pair each sink with whom it carries; sinks beyond the list carry nobody."""
    for index, sink in enumerate(sinks):
        yield sink, members[index] if index < len(members) else None


def _row(snapshot: Snapshot, source: SourceId | None) -> SourceRow | None:
    return snapshot.sources.get(source) if source is not None else None


def _running_codec(snapshot: Snapshot, source: SourceId | None, now: float) -> Codec | None:
    row = _row(snapshot, source)
    if row is None or not row.last_arrival_us or now - row.last_arrival_us / 1e6 > SILENT_AFTER_S:
        return None
    return row.codec

"""A browser's leg: its offers answered, its bundled transport, its streams in the engine.

::

    begin   --> layout {pictures: N}              offer --> answer: places become sinks,
    members change: N grows, never shrinks                  microphone and camera sources
    slots, speaker, members, send, notice <-- what the meeting tells, by the mids of its offer
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from sfu.errors import PeerError
from sfu.media.engine.command import Extensions, SetSink, SetSource
from sfu.media.engine.event import SourceAppeared, TelephoneEventReceived, TransportLatched
from sfu.media.engine.snapshot import Snapshot
from sfu.media.keyframe import Ask
from sfu.media.limit.bound import Estimated, Limited, ReceiverBound
from sfu.media.report import EstimateHeard, LimitNoted, RateLimited
from sfu.media.rtp.rtcp.bounding import payload_bps
from sfu.model import Address, Codec, Kind, LineId, MemberId, Protocol, SinkId, SourceId, Ssrc
from sfu.room.output import Notify, SendPicture
from sfu.shell.icedoor import IceDoor, IcePath
from sfu.shell.leg import Hearing, Leg, MixPlace, Row
from sfu.shell.limits import HEADERS, Meter
from sfu.shell.lines import AccessLine, Lines
from sfu.shell.patchbay import Patchbay, RateFact
from sfu.shell.voices import USUAL_EXTENSIONS, Voices, of_browser
from sfu.signalling.call import End
from sfu.signalling.capability import NOTHING, Capability, Feedback
from sfu.signalling.sdp.session import parse
from sfu.signalling.webrtc import message as m
from sfu.signalling.webrtc.negotiate import (
    BrowserAgreement,
    BrowserLocal,
    BrowserPolicy,
    BrowserStream,
    StreamIds,
    answer_browser,
)
from sfu.signalling.webrtc.offer import MAX_TILES, BrowserOffer, Part, Role, read_browser_offer

log = structlog.get_logger()

Send = Callable[[m.ServerMessage], None]

LEAST_PICTURES = 3
"""Places offered from the start, so that the first members cost no new offer."""
SPARE_PICTURES = 1
WIDE_PLACES, NARROW_PLACES, MIX_PLACES = 3, 3, 1
VIDEO_HISTORY, AUDIO_HISTORY = 1024, 64
SOUNDS_BPS = 150_000
"""Three voices, of what a page is sent."""
NO_MEDIA_YET = replace(NOTHING, forwarded_sounds=True)
WORDS = {
    "no_common_picture_codec": "You share no picture codec: you do not see each other.",
    "no_common_sound_codec": "You share no sound codec and there is no mixer.",
    "picture_needs_transcoding": "This picture would have to be transcoded for you.",
}


@dataclass(frozen=True, slots=True)
class BrowserSurroundings:
    """What every browser's leg needs of the house."""

    patchbay: Patchbay
    door: IceDoor
    entropy: Callable[[int], bytes]
    video_bps: int
    video_fs: int
    vanish_s: float
    gso: bool
    lines: Lines | None = None
    """The lines browsers stand behind; None: nobody reckons with any."""


@dataclass(slots=True)
class _Place:
    """A place we send on: one m-line of the browser."""

    ids: StreamIds
    sink: SinkId
    stream: BrowserStream | None = None


class BrowserLeg(Leg):
    """One browser in a room."""

    def __init__(
        self,
        member: MemberId,
        name: str,
        around: BrowserSurroundings,
        send: Send,
        user_agent: str,
        remote: str = "",
    ) -> None:
        """Begin without media: the browser offers first; `remote` is where its page comes from."""
        super().__init__(member, name, Protocol.WEBRTC)
        self.send = send
        self._around = around
        self._model = user_agent
        self._remote = remote
        self._session_id = int.from_bytes(around.entropy(4)) >> 1
        self._cname = around.entropy(8).hex()
        self._path: IcePath | None = None
        self._parts: dict[str, Part] = {}
        self._agreement: BrowserAgreement | None = None
        self._places: dict[str, _Place] = {}
        self._sound: SourceId | None = None
        self._picture: SourceId | None = None
        self._pictures = LEAST_PICTURES
        self._microphone = self._camera = True
        self._shown: Sequence[MemberId | None] = ()
        self._hearing = Hearing()
        self._ordered: SendPicture | None = None
        self._notices: dict[tuple[str, MemberId], m.Notice] = {}
        self._bound, self._words = ReceiverBound(), deque[RateFact]()
        self._sent = Meter()
        self._closed = False
        self._begun_at = 0.0
        self.sound_only = False
        """It sends and is shown no picture: its wish, or its line bears none."""
        self._own: AccessLine | None = None
        """A line of its own, where nobody configured one for where it is."""
        self._line_of(None)

    @property
    def capability(self) -> Capability:
        """What it can, as negotiated last."""
        able = self._agreement.capability if self._agreement else NO_MEDIA_YET
        return replace(able, pictures=0, video_send=frozenset()) if self.sound_only else able

    @property
    def model(self) -> str:
        """Its User-Agent."""
        return self._model

    # ---- told to the page

    def begin(self, now: float) -> None:
        """Tell the page how many places to offer."""
        self._begun_at = now
        self.send(self._layout())
        if self.sound_only:
            self.send(m.Send(camera=m.Camera(codec="VP8", max_bps=0, active=False)))

    def come_back(self, send: Send) -> None:
        """Tell a page that lost its WebSocket everything anew."""
        self.send = send
        send(self._layout())
        self._tell_slots()
        for notice in self._notices.values():
            send(notice)
        if self._ordered is not None:
            self.send_picture(self._ordered)

    def members_changed(self, rows: Sequence[Row]) -> None:
        """Tell who is in the room; ask for more places when it has grown."""
        inside = {row.member for row in rows}
        self._notices = {key: said for key, said in self._notices.items() if key[1] in inside}
        most = 0 if self.sound_only else MAX_TILES
        wanted = min(max(self._pictures, len(rows) - 1 + SPARE_PICTURES), most)
        if wanted != self._pictures:
            self._pictures = wanted
            self.send(self._layout())
        self.send(m.Members(members=tuple(map(_member_row, rows)), you=self.member))

    def speaker_changed(self, speaker: MemberId | None) -> None:
        """Tell who leads."""
        self.send(m.Speaker(member=speaker))

    def notify(self, notice: Notify) -> None:
        """Tell something about another member."""
        said = m.Notice(
            code=notice.code, about=notice.about, active=notice.active, text=WORDS[notice.code]
        )
        key = (str(notice.code), notice.about)
        if notice.active:
            self._notices[key] = said
        else:
            self._notices.pop(key, None)
        self.send(said)

    def show(self, shown: Sequence[MemberId | None]) -> None:
        """Tell which members its tiles carry."""
        if self._shown != shown:
            self._shown = shown
            self._tell_slots()

    def hear(self, hearing: Hearing) -> None:
        """Tell whose sounds its places carry."""
        if self._hearing != hearing:
            self._hearing = hearing
            self._tell_slots()

    def _layout(self) -> m.Layout:
        return m.Layout(
            wide=WIDE_PLACES, narrow=NARROW_PLACES, mix=MIX_PLACES,
            pictures=0 if self.sound_only else self._pictures,
        )  # fmt: skip

    def _tell_slots(self) -> None:
        if self._agreement is None:
            return
        carried = {
            Role.TILE: self._shown,
            Role.WIDE: self._hearing.wide,
            Role.NARROW: self._hearing.narrow,
        }
        slots: dict[Role, dict[str, str | None]] = {role: {} for role in carried}
        for role, members in carried.items():
            for at, stream in enumerate(_open(self._agreement, role)):
                slots[role][stream.mid] = members[at] if at < len(members) else None
        self.send(
            m.Slots(
                pictures=slots[Role.TILE],
                sounds={**slots[Role.WIDE], **slots[Role.NARROW]},
                mix=self._hearing.mix,
            )
        )

    def send_picture(self, order: SendPicture) -> None:
        """Have the page set its encoder."""
        self._ordered = order
        if order.codec not in (Codec.H264, Codec.VP8):
            return
        cap, most = self._around.video_bps, self._around.video_fs
        self._around.patchbay.wishes_said["page"] += 1
        self.send(
            m.Send(
                camera=m.Camera(
                    codec="H264" if order.codec is Codec.H264 else "VP8",
                    mode=0 if order.single_nal else 1,
                    max_bps=min(order.max_bps, cap) if order.max_bps else cap,
                    max_height=_height(min(order.max_fs or most, most)),
                    active=order.wanted,
                )
            )
        )

    # ---- the page's wishes

    def set_state(self, *, microphone: bool, camera: bool) -> None:
        """Take in what the person switched on."""
        self._microphone, self._camera = microphone, camera

    def wants_sound(self) -> bool:
        """Tell whether its microphone is on."""
        return self._microphone

    def wants_picture(self) -> bool:
        """Tell whether its camera is on."""
        return self._camera

    def answer(self, sdp: str, *, restart: bool) -> None:
        """Answer an offer of the page; PeerError (488) where nothing is common."""
        session = parse(sdp)
        offer = read_browser_offer(session, self._parts)
        path = self._path_for(offer, restart=restart)
        places = {line.mid: self._place(line.mid) for line in offer.lines if line.role.receives}
        local = BrowserLocal(
            self._session_id,
            path.ufrag,
            path.password,
            self._around.door.fingerprint,
            self._candidates(),
            self._cname,
            {mid: place.ids for mid, place in places.items()},
        )
        policy = BrowserPolicy(video_bps=self._around.video_bps)
        answer, agreement = answer_browser(session, offer, local, policy)
        self._use(places)
        self._apply(agreement, path)
        self.send(m.Answer(sdp=answer.text))
        self._tell_slots()

    def _candidates(self) -> tuple[Address, ...]:
        """Give our addresses, those of the family its page came by first: that one gets through."""
        ipv6 = ":" in self._remote
        known = self._around.door.candidates
        return tuple(sorted(known, key=lambda one: (":" in one.host) != ipv6))

    def _path_for(self, offer: BrowserOffer, *, restart: bool) -> IcePath:
        """Return our end of its path: a new one at first, new credentials at a restart."""
        fingerprints = [(one.algorithm, one.value) for one in offer.fingerprints]
        if self._path is None:
            self._path = self._around.door.open(
                self._heard, fingerprints, gso=self._around.gso, line_of=self._line_of
            )
            self._around.patchbay.hear_limits(self._path.transport, self._words.append)
        elif not {one.value.upper() for one in offer.fingerprints} & {
            one.value.upper() for one in self._path.fingerprints
        }:
            # RFC 8842 section 5.5 would have another DTLS association, under other keys
            raise PeerError("another certificate than before: join anew", status=488)
        elif restart or self._path.restarts_with(offer.ice_ufrag):
            self._path.restart()
        self._path.expect(offer.ice_ufrag)
        return self._path

    def _line_of(self, host: str | None) -> LineId | None:
        """Find the line it stands behind, by where its packets come from, or its page at first."""
        lines = self._around.lines
        if lines is None:
            return None
        known = lines.of_browser(host or self._remote)
        if known is None:
            self._own = known = self._own or lines.own(host or self._remote)
        if self.line is not None and known != self.line:
            log.info("line_changed", member=self.member, line=known.name)
        self.line = known
        return known.line

    def _place(self, mid: str) -> _Place:
        """Return the place of an m-line, a new one where we have none."""
        bay = self._around.patchbay
        known = self._places.get(mid)
        return known or _Place(StreamIds(bay.new_ssrc(), bay.new_ssrc()), bay.new_sink())

    def _use(self, places: dict[str, _Place]) -> None:
        """Send on these places and no others: m-lines that are gone take theirs along."""
        for mid in self._places.keys() - places.keys():
            self._around.patchbay.close_sink(self._places[mid].sink)
        self._places = places

    # ---- into the engine

    def _apply(self, agreement: BrowserAgreement, path: IcePath) -> None:
        self._agreement = agreement
        self._parts = dict(agreement.parts)
        ids = agreement.extensions
        path.set_extensions(
            Extensions(
                ids.mid, ids.rid, ids.repaired_rid, ids.audio_level, ids.transport_cc,
                ids.abs_send_time,
            )
        )  # fmt: skip
        self.streams.header_levels = bool(ids.audio_level)
        for stream in agreement.streams:
            if stream.role.sends:
                self._set_source(stream, path)
            elif stream.role.receives:
                self._set_sink(stream, path)
        self._name_streams(agreement)

    def _set_source(self, stream: BrowserStream, path: IcePath, ssrc: Ssrc | None = None) -> None:
        ssrc = ssrc or stream.ssrc
        if ssrc is None:
            return  # it shows itself by its mid: `SourceAppeared`
        bay = self._around.patchbay
        video = stream.kind is Kind.VIDEO
        source = self._picture if video else self._sound
        source = source or bay.new_source()
        if video:
            self._picture = source
        else:
            self._sound = source
        bay.set_source(
            SetSource(
                source,
                path.transport,
                stream.kind,
                ssrc,
                stream.payloads,
                stream.clock_hz,
                nack=Feedback.NACK in stream.feedback,
                rtx_ssrc=stream.rtx_ssrc,
                rtx_payloads=stream.rtx_payloads,
            ),
            self.member,
            (self.protocol, self._ask_picture) if video else None,
        )
        self.streams.sound, self.streams.picture = self._sound, self._picture

    def _set_sink(self, stream: BrowserStream, path: IcePath) -> None:
        place = self._places[stream.mid]
        video = stream.kind is Kind.VIDEO
        repair = {repaired: rtx for rtx, repaired in stream.rtx_payloads}
        self._around.patchbay.set_sink(
            SetSink(
                place.sink,
                path.transport,
                stream.kind,
                place.ids.ssrc,
                stream.send_payloads,
                stream.clock_hz,
                mid=stream.mid,
                single_nal=stream.single_nal,
                rtx_ssrc=place.ids.rtx if repair else None,
                rtx_payloads=tuple(repair.items()),
                history=VIDEO_HISTORY if video else AUDIO_HISTORY,
            )
        )
        place.stream = stream

    def _name_streams(self, agreement: BrowserAgreement) -> None:
        streams = self.streams
        streams.pictures = self._sinks(agreement, Role.TILE)
        streams.wide = self._sinks(agreement, Role.WIDE)
        streams.narrow = self._sinks(agreement, Role.NARROW)
        mixes = self._sinks(agreement, Role.MIX)
        streams.mix = MixPlace(mixes[0], Codec.OPUS) if mixes else None
        for stream in agreement.streams:
            if stream.role.receives and not stream.active:
                self._around.patchbay.want(self._places[stream.mid].sink, None)

    def _sinks(self, agreement: BrowserAgreement, role: Role) -> list[SinkId]:
        return [self._places[stream.mid].sink for stream in _open(agreement, role)]

    def _heard(self, event: SourceAppeared | TelephoneEventReceived | TransportLatched) -> None:
        match event:
            case SourceAppeared():
                self._appeared(event)
            case TransportLatched() | TelephoneEventReceived():
                pass  # ICE says where it is; a browser types its PIN

    def _appeared(self, event: SourceAppeared) -> None:
        """Give a stream the offer did not name to microphone or camera, by mid or by payload."""
        if self._agreement is None or self._path is None or event.repaired_rid:
            return
        for stream in self._agreement.streams:
            numbers = {number for number, _ in stream.payloads}
            known = event.mid == stream.mid if event.mid else event.payload_type in numbers
            if stream.role.sends and known and event.payload_type in numbers:
                self._set_source(replace(stream, rtx_ssrc=None), self._path, event.ssrc)
                return

    def _ask_picture(self, ask: Ask) -> None:
        if self._picture is not None:
            self._around.patchbay.ask_picture(self._picture, fir=False, repeated=ask.repeated)

    # ---- life and end

    def tick(self, snapshot: Snapshot, now: float) -> None:
        """Let handshakes' time pass, and note signs of life."""
        if self._path is not None:
            self._path.tick(snapshot, now)
            row = snapshot.transports.get(self._path.transport)
            if row is not None:
                self._sent.read(row.sent_bytes, snapshot.engine.at_us)
        while self._words:
            self._take(self._words.popleft(), now)
        self._bound.tick(now)

    def _take(self, word: RateFact, now: float) -> None:
        """Take what its page's receiver says: REMB counts all it is sent, TMMBR one picture."""
        pictures = max(1, sum(one is not None for one in self._shown))
        match word:
            case EstimateHeard():
                share = payload_bps(max(0, word.bps - SOUNDS_BPS), HEADERS) // pictures
                self._bound.handle(Estimated(share, self._sent.bps // pictures), now)
            case RateLimited():
                self._bound.handle(Limited(payload_bps(word.bps, word.overhead)), now)
            case LimitNoted():
                pass  # its encoder is set by its page

    @property
    def takes_bps(self) -> int:
        """Most it takes of a picture by its own word: REMB, TMMBR."""
        return self._bound.takes_bps

    def voices(self) -> Voices:
        """Say what its sounds and headers cost its line."""
        if self._agreement is None:
            return of_browser(USUAL_EXTENSIONS, hears_mix=False, ipv6=":" in self._remote)
        ids = self._agreement.extensions
        mix = self.streams.mix
        return of_browser(
            ids, hears_mix=self._hearing.mix, ipv6=":" in self._remote,
            mix_ptime_ms=mix.ptime_ms if mix is not None else 20,
        )  # fmt: skip

    @property
    def failed(self) -> bool:
        """Tell whether media can never come: the handshake went wrong."""
        return self._path is not None and self._path.failed

    def vanished(self, now: float) -> bool:
        """Tell whether nothing at all has come for too long."""
        alive_at = self._path.alive_at if self._path is not None else 0.0
        return now - max(alive_at, self._begun_at) > self._around.vanish_s

    def end(self, cause: End, text: str) -> None:
        """Close its paths; `Browsers.out` tells the page."""
        self.close()

    def close(self) -> None:
        """Give back its path."""
        if self._closed:
            return
        self._closed = True
        if self._path is not None:
            self._path.close()
        if self._own is not None and self._around.lines is not None:
            self._around.lines.close(self._own)


def _open(agreement: BrowserAgreement, role: Role) -> list[BrowserStream]:
    """Return the streams of a part that are in use now, in the order of their places."""
    return [one for one in agreement.of(role) if one.active]


def _member_row(row: Row) -> m.MemberRow:
    picture: m.Picture = "ok" if row.picture else ("off" if row.has_camera else "none")
    return m.MemberRow(
        member=row.member, name=row.name, protocol=row.protocol.value, picture=picture,
        sound=row.sound,
    )  # fmt: skip


def _height(max_fs: int) -> int | None:
    """Return the height of the largest 16:9 picture of so many macroblocks."""
    if not max_fs:
        return None
    for width, height in ((1920, 1080), (1280, 720), (1024, 576), (768, 432), (640, 360)):
        if -(-width // 16) * -(-height // 16) <= max_fs:
            return height
    return 288

"""A browser's leg: its offers answered, its bundled transport, what its page is told.

::

    begin   --> layout {pictures: N}              offer --> answer --> `browser_streams`
    members change: N grows, never shrinks        camera's rates <-- `browser_camera`
    slots, speaker, members, send, notice <-- what the meeting tells, by the mids of its offer
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from sfu.errors import PeerError
from sfu.media.allocation.output import Cap
from sfu.media.connect.turn import credentials
from sfu.media.engine.event import SourceAppeared, TelephoneEventReceived, TransportLatched
from sfu.media.engine.snapshot import Snapshot
from sfu.media.limit.bound import Estimated, Limited, ReceiverBound
from sfu.media.report import EstimateHeard, LimitNoted, RateLimited
from sfu.media.rtp.rtcp.bounding import payload_bps
from sfu.model import Address, Codec, LineId, MemberId, Protocol, SinkId
from sfu.room.output import Notify, SendPicture
from sfu.shell.browser_camera import CameraOrders
from sfu.shell.browser_streams import BrowserStreams, ids_of
from sfu.shell.browser_surroundings import BrowserSurroundings
from sfu.shell.icedoor import IcePath
from sfu.shell.leg import Given, Hearing, Leg, Row
from sfu.shell.limits import HEADERS, Meter
from sfu.shell.lines import AccessLine
from sfu.shell.path import RateFact
from sfu.shell.voices import ONCE, USUAL_EXTENSIONS, Twice, Voices, of_browser
from sfu.signalling.call import End
from sfu.signalling.capability import NOTHING, Capability
from sfu.signalling.sdp.answer import reversed_part
from sfu.signalling.sdp.session import parse
from sfu.signalling.webrtc import message as m
from sfu.signalling.webrtc.negotiate import BrowserLocal, BrowserPolicy, answer_browser
from sfu.signalling.webrtc.offer import MAX_TILES, BrowserOffer, Part, Role, read_browser_offer

log = structlog.get_logger()

Send = Callable[[m.ServerMessage], None]

LEAST_PICTURES = 3
"""Places offered from the start, so that the first members cost no new offer."""
SPARE_PICTURES = 1
WIDE_PLACES, NARROW_PLACES, MIX_PLACES = 3, 3, 1
THIN_BPS, PLAYOUT_MS = 4_000_000, 150
SOUNDS_BPS = 150_000
"""Three voices, of what a page is sent."""
NO_MEDIA_YET = replace(NOTHING, forwarded_sounds=True)
WORDS = {
    "no_common_picture_codec": "You share no picture codec: you do not see each other.",
    "no_common_sound_codec": "You share no sound codec and there is no mixer.",
    "picture_needs_transcoding": "This picture would have to be transcoded for you.",
    "ends_soon": "The booking of this room ends soon.",
}


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
        if around.lines is not None:
            self.site = around.lines.site_of((remote,))
        self._session_id = int.from_bytes(around.entropy(4)) >> 1
        self._cname = around.entropy(8).hex()
        self._path: IcePath | None = None
        self._parts: dict[str, Part] = {}
        self._engine = BrowserStreams(around.patchbay, member, self.streams)
        self._camera_orders = CameraOrders(around.video_bps, around.video_fs)
        self._pictures = LEAST_PICTURES
        self._microphone = self._camera = True
        self._shown: Sequence[MemberId | None] = ()
        self._hearing = Hearing()
        self._given: dict[SinkId, Given] = {}
        self._notices: dict[tuple[str, MemberId], m.Notice] = {}
        self._bound, self._words = ReceiverBound(), deque[RateFact]()
        self._sent = Meter()
        self._twice = ONCE
        self._microphone_order = m.Microphone()
        self._closed = False
        self._begun_at = 0.0
        self.sound_only = False
        """It sends and is shown no picture: its wish, or its line bears none."""
        self._way = ""
        """How it comes by its own word."""
        self.moderator = False
        """It may admit, mute, remove and lock."""
        self._own: AccessLine | None = None
        """A line of its own, where nobody configured one for where it is."""
        self._line_of(None)

    @property
    def capability(self) -> Capability:
        """What it can, as negotiated last."""
        agreement = self._engine.agreement
        able = agreement.capability if agreement else NO_MEDIA_YET
        return replace(able, pictures=0, video_send=frozenset()) if self.sound_only else able

    @property
    def way(self) -> str:
        """By which way its media comes: udp, tcp, relay, or none yet."""
        over_tcp = self._path.over_tcp if self._path is not None else None
        if over_tcp is None:
            return "none"
        return "tcp" if over_tcp else ("relay" if self._way == "relay" else "udp")

    def set_way(self, way: str) -> None:
        """Hear which way its browser says it comes."""
        self._way = way
        log.info("media_way", member=self.member, way=self.way)

    def relays(self, now: float) -> tuple[m.IceServer, ...]:
        """Give the relays it may go by; `now` in seconds since 1970."""
        turn = self._around.turn
        if turn is None:
            return ()
        made = credentials(turn, self.member, now)
        return (m.IceServer(urls=turn.urls, username=made.username, credential=made.password),)

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
            self._tell_sending()

    def come_back(self, send: Send) -> None:
        """Tell a page that lost its WebSocket everything anew."""
        self.send = send
        send(self._layout())
        self._tell_slots()
        for notice in self._notices.values():
            send(notice)
        self._tell_camera()
        if self._given:
            self._tell_given()

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
        if self._engine.agreement is None:
            return
        carried = {
            Role.TILE: self._shown,
            Role.WIDE: self._hearing.wide,
            Role.NARROW: self._hearing.narrow,
        }
        slots: dict[Role, dict[str, str | None]] = {role: {} for role in carried}
        for role, members in carried.items():
            for at, stream in enumerate(self._engine.open(role)):
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
        self._camera_orders.room = order
        self._tell_camera()

    def set_caps(self, caps: Sequence[Cap]) -> None:
        """Have the page set each layer's encoder so, for the sake of a line."""
        if self._camera_orders.set_caps(caps):
            self._tell_camera()

    def _tell_camera(self) -> None:
        if self._camera_orders.camera() is not None:
            self._around.patchbay.wishes_said["page"] += 1
            self._tell_sending()

    def _tell_sending(self) -> None:
        """Say how to send; no camera before the room has said which codec."""
        camera = self._camera_orders.camera() or m.Camera(codec="VP8", max_bps=0, active=False)
        self.send(m.Send(camera=camera, microphone=self._microphone_order))

    def send_twice(self, twice: Twice, why: str) -> None:
        """Send its sounds so; have the page send its own so, as soon as it has offered anew."""
        self._twice = twice
        self._engine.send_twice(twice.down)
        up = twice.up and self._engine.able.up
        if self._microphone_order.twice != up:
            self._microphone_order = m.Microphone(twice=up, why=why)
            self._tell_sending()

    def tell_given(self, given: Mapping[SinkId, Given]) -> None:
        """Tell how its pictures fare."""
        if self._given != given:
            self._given = dict(given)
            self._tell_given()

    def _tell_given(self) -> None:
        states = {
            mid: m.PictureState(
                rung=one.rung,
                required_bps=one.required_bps,
                available_bps=one.available_bps,
                why=one.why,
            )
            for sink, one in self._given.items()
            if (mid := self._engine.mid_of(sink)) is not None
        }
        self.send(m.Pictures(pictures=states))

    # ---- the page's wishes

    def set_state(
        self, *, microphone: bool, camera: bool, layers: Sequence[m.LayerState] = ()
    ) -> None:
        """Take in what the person switched on, and how large the layers of the camera are."""
        self._microphone, self._camera = microphone, camera
        self._engine.set_sizes({one.rid: (one.height, one.fps, one.temporals) for one in layers})
        self._take_layers()

    def wants_sound(self) -> bool:
        """Tell whether its microphone is on."""
        return self._microphone

    def wants_picture(self) -> bool:
        """Tell whether its camera is on."""
        return self._camera

    def picture_due(self, now: float) -> Codec | None:
        """Return the codec of a picture in layers that was ordered and is about to come."""
        return self._camera_orders.due(now) if self._camera else None

    def answer(self, sdp: str, *, restart: bool) -> None:
        """Answer an offer of the page; PeerError (488) where nothing is common."""
        session = parse(sdp)
        offer = read_browser_offer(session, self._parts)
        path = self._path_for(offer, restart=restart)
        places = {
            line.mid: self._engine.place(line.mid) for line in offer.lines if line.role.receives
        }
        local = BrowserLocal(
            self._session_id,
            path.ufrag,
            path.password,
            self._around.door.fingerprint,
            self._in_order(self._around.door.candidates),
            self._cname,
            ids_of(places),
            self._in_order(self._around.door.tcp_candidates),
            path.setup,
        )
        policy = BrowserPolicy(
            video_bps=self._around.video_bps, simulcast=True, red=self._around.sound_twice,
            red_first=self._microphone_order.twice,
        )  # fmt: skip
        answer, agreement = answer_browser(session, offer, local, policy)
        self._engine.use(places)
        self._parts = dict(agreement.parts)
        first = self._engine.agreement is None
        self._engine.apply(agreement, path)
        self.send(m.Answer(sdp=answer.text))
        self._tell_slots()
        self._take_layers()
        if first:
            self._around.patchbay.on_hurry()  # its rates, before its encoder starts

    def _take_layers(self) -> None:
        """Say the rates of layers that are new."""
        rids = tuple(one.rid for one in self.streams.simulcast)
        if self._camera_orders.rids != rids:
            self._camera_orders.rids = rids
            self._tell_camera()

    def _in_order(self, known: tuple[Address, ...]) -> tuple[Address, ...]:
        """Sort our addresses, those of the family its page came by first: that one gets through."""
        ipv6 = ":" in self._remote
        return tuple(sorted(known, key=lambda one: (":" in one.host) != ipv6))

    def _path_for(self, offer: BrowserOffer, *, restart: bool) -> IcePath:
        """Return our end of its path: a new one at first, new credentials at a restart."""
        fingerprints = [(one.algorithm, one.value) for one in offer.fingerprints]
        if self._path is None:
            self._path = self._around.door.open(
                self._heard, fingerprints, gso=self._around.gso, line_of=self._line_of,
                setup=reversed_part(offer.setup),
            )  # fmt: skip
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

    @property
    def playout_ms(self) -> int:
        """How long its page shall keep back what it plays.

        Where a thin line halves, its queue grows to 120 to 150 ms before anybody can be told; a
        page that has so much in store plays on.  NetEQ keeps three quarters of it at least.
        """
        thin = self.line is not None and (self.line.send_bps or THIN_BPS + 1) <= THIN_BPS
        return PLAYOUT_MS if thin else 0

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
        self.site = lines.site_of((host or self._remote,))
        return known.line

    def _heard(self, event: SourceAppeared | TelephoneEventReceived | TransportLatched) -> None:
        match event:
            case SourceAppeared():
                self._engine.appeared(event)
            case TransportLatched() | TelephoneEventReceived():
                pass  # ICE says where it is; a browser types its PIN

    # ---- life and end

    def tick(self, snapshot: Snapshot, now: float) -> None:
        """Let handshakes' time pass, and note signs of life."""
        self._camera_orders.tick(now)
        if self._path is not None:
            self._path.tick(snapshot, now)
            self._engine.observe(snapshot, now, self._camera_orders.resting)
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
        able = self._engine.able
        now = Twice(self._twice.down and able.down, self._microphone_order.twice)
        return self._voices(now)

    @property
    def able_twice(self) -> Twice:
        """Which of its sounds may be sent twice, as negotiated last."""
        return self._engine.able

    def voices_twice(self) -> Voices:
        """Say what they would cost with each sent twice, as far as it knows how."""
        return self._voices(self._engine.able)

    def _voices(self, twice: Twice) -> Voices:
        agreement = self._engine.agreement
        if agreement is None:
            return of_browser(USUAL_EXTENSIONS, hears_mix=False, ipv6=":" in self._remote)
        ids = agreement.extensions
        mix = self.streams.mix
        return of_browser(
            ids, hears_mix=self._hearing.mix, ipv6=":" in self._remote,
            mix_ptime_ms=mix.ptime_ms if mix is not None else 20,
            mix_bps=mix.max_bps if mix is not None else 0, twice=twice,
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


def _member_row(row: Row) -> m.MemberRow:
    picture: m.Picture = "ok" if row.picture else ("off" if row.has_camera else "none")
    return m.MemberRow(
        member=row.member, name=row.name, protocol=row.protocol.value, picture=picture,
        sound=row.sound, muted=row.muted,
    )  # fmt: skip

"""A room codec's leg: its session descriptions, its ports and keys, its streams in the engine.

::

    INVITE + SDP --> answer() --> ports, keys, Agreement --> sources and sinks --> 200 + SDP
    INVITE       --> offer()  --> 200 + SDP ... ACK + SDP --> take_answer()
    re-INVITE    --> answer() again: the same ports, SSRCs and sources, so that media goes on
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from sfu.config import OfferedEncryption
from sfu.errors import PeerError
from sfu.media.engine.event import (
    SourceAppeared,
    TelephoneEventReceived,
    TransportLatched,
)
from sfu.media.engine.snapshot import Snapshot
from sfu.media.keyframe import Ask
from sfu.media.limit.word import Shape
from sfu.model import (
    Address,
    CallId,
    Codec,
    Kind,
    MemberId,
    Protocol,
    TransportId,
)
from sfu.room.output import SendPicture
from sfu.shell.codecline import CodecLine
from sfu.shell.leg import Leg, MixPlace
from sfu.shell.limits import CodecLimits
from sfu.shell.surroundings import Surroundings
from sfu.shell.voices import PRESUMED, Voices, of_codec
from sfu.signalling.call import AskPicture, End, HangUp, OfferMedia
from sfu.signalling.capability import NOTHING, Capability, Feedback
from sfu.signalling.sdp.agreement import AgreedLine, Agreement
from sfu.signalling.sdp.answer import choose, compose_answer
from sfu.signalling.sdp.h263 import OLD_PICTURES
from sfu.signalling.sdp.local import LocalLine, LocalMedia, Policy
from sfu.signalling.sdp.offer import compose_offer, compose_reoffer, read_answer
from sfu.signalling.sdp.peer import PeerLine, PeerMedia, read_offer
from sfu.signalling.sdp.session import SessionDescription, parse, revise
from sfu.signalling.sip.flow import private
from sfu.worker.protocol import PTIMES_MS

log = structlog.get_logger()

DIGITS = "0123456789*#ABCD"


class CodecLeg(Leg):
    """One call of a room codec."""

    def __init__(
        self,
        member: MemberId,
        call: CallId,
        name: str,
        around: Surroundings,
        *,
        host: str,
        peer_host: str,
        model: str,
        now: float,
        account: str | None = None,
        protocol: Protocol = Protocol.SIP,
    ) -> None:
        """Begin without media; `host` is what the far end is told to send to.

        `account` is what it proved to be, or was registered as.
        """
        super().__init__(member, name, protocol)
        self._account = account
        self._latched = ""
        """Where its media really comes from, where that is not what it said."""
        self.call = call
        self.policy = around.policy
        self.on_digit: Callable[[str], None] = lambda digit: None
        self._around = around
        self._host = host
        self._peer_host = peer_host
        self._model = model
        self._find_line(None)
        self._lines: dict[Kind, CodecLine] = {}
        self._agreement: Agreement | None = None
        self._offered: SessionDescription | None = None
        self._remote: tuple[SessionDescription, PeerMedia] | None = None
        """What it described last, offer or answer."""
        self._answered: tuple[bytes, bytes] = (b"", b"")
        """Its last offer and our answer: the same again is a refresh, and answered the same."""
        self._session_id = int.from_bytes(around.entropy(4)) >> 1
        self._said: SessionDescription | None = None
        self._camera_shared = False
        """Another may listen to what it presses for the camera over there."""
        self._taken = False
        """It was willing to receive something, once."""
        self._modes: frozenset[int] = frozenset()
        """Packetization modes of H.264 it ever described."""
        self._limits: CodecLimits | None = None
        """Of its picture, once it has one."""
        self._shape = Shape()
        """What its picture is limited to by description, besides `policy` of the house."""
        self._proposing = self._propose_again = False
        """A change of ours waits for its answer, and another for its turn."""
        self._last_event: tuple[int, int] | None = None
        self._alive_at = now
        self._ended = False
        self.sound_only = False
        """Its line bears no picture: none is taken or offered."""
        self.gone = False
        """It vanished: its last goodbye is on its way, whether anybody hears it or not."""

    @property
    def capability(self) -> Capability:
        """What it can, as negotiated last."""
        return self._agreement.capability if self._agreement else NOTHING

    @property
    def described(self) -> bool:
        """Tell whether both sides have described their media."""
        return self._agreement is not None

    @property
    def model(self) -> str:
        """Its User-Agent."""
        return self._model

    # ---- session descriptions

    def answer(self, body: bytes) -> bytes:
        """Answer an offer and put it into effect; PeerError (488) where nothing is common."""
        if body and body == self._answered[0]:
            return self._answered[1]
        offer = parse(body)
        peer = read_offer(offer)
        local = self._local(peer)
        answer, agreement = compose_answer(offer, peer, local, self._asked())
        if not agreement.lines:
            raise PeerError(_why_nothing(peer, self.policy), status=488)
        self._apply(agreement)
        self._say_refused(peer, agreement)
        self._remote = (offer, peer)
        self._answered = (body, self._versioned(answer))
        return self._answered[1]

    def _say_refused(self, peer: PeerMedia, agreement: Agreement) -> None:
        """Tell the operator why a room that has a camera has no picture."""
        if peer.video is None or agreement.video is not None:
            return
        line = peer.lines[peer.video]
        codecs = sorted(codec.name for codec in line.codecs)
        reason, kind = "not everybody here shows what it offers: needs transcoding", "transcoding"
        if choose(line, self.policy):
            reason, kind = "no encryption in common", "encryption"
        if self.sound_only:
            reason, kind = "its line bears no picture", "line"
        self._around.patchbay.lines_refused[f"picture_{kind}"] += 1
        log.info(
            "picture_refused", member=self.member, model=self._model, codecs=codecs, reason=reason
        )

    def offer(self, *, secure: bool = False) -> bytes:
        """Compose our offer: for a call of ours, a delayed one, or a change in mid call.

        PeerError (488) where media must be encrypted and its protocol knows no keys.
        """
        if self.protocol is Protocol.H323 and self.policy.secure:
            raise PeerError("media must be encrypted here", status=488)
        if self._remote is None:
            self._offered = compose_offer(self._local(None, secure=secure), self._asked())
        else:
            remote, peer = self._remote
            self._offered = compose_reoffer(remote, peer, self._local(peer), self._asked())
        return self._versioned(self._offered)

    def take_answer(self, body: bytes) -> None:
        """Put the answer to our offer into effect; PeerError where it refuses everything."""
        if self._offered is None:
            raise PeerError("an answer to no offer")
        answer = parse(body)
        agreement = read_answer(self._offered, answer)
        if not agreement.lines:
            raise PeerError("the answer refuses all media", status=488)
        for line in agreement.paths:
            self._lines[line.kind].keys.check(line)
        self._apply(agreement)
        self._remote, self._answered = (answer, read_offer(answer)), (b"", b"")
        self._settled()

    def answered(self, body: bytes | None, model: str) -> None:
        """Take the answer to a call of ours, and who gave it; None: it came early."""
        self._model = model
        if body is not None:
            self.take_answer(body)
        elif self._agreement is None:
            raise PeerError("the answer refuses all media", status=488)

    def without_pictures(self) -> None:
        """Take and offer sound alone from now on; what was answered is answered anew."""
        self.sound_only, self._answered = True, (b"", b"")

    def with_pictures(self) -> None:
        """Take pictures again, when they are offered next."""
        self.sound_only, self._answered = False, (b"", b"")

    def prefer_single_nal(self, prefer: bool) -> None:
        """Ask for H.264 mode 0 in the first description: somebody inside knows no other."""
        self.policy = replace(self.policy, single_nal_receivers=prefer)

    def share_camera(self, shared: bool) -> None:
        """Take its far-end camera control, or refuse it: one alone or one other like it inside."""
        self._camera_shared = shared

    def allow_old_pictures(self, others: Iterable[Capability]) -> None:
        """Take H.263 or H.261, where it has no H.264, only if everybody inside has it too."""
        views = [one.video_receive for one in others if one.pictures or one.video_send]
        known = tuple(codec for codec in OLD_PICTURES if all(codec in view for view in views))
        self.policy = replace(self.policy, old_pictures=known)

    def refused(self, status: int) -> None:
        """Hear that our change was refused: what was agreed stays."""
        log.info("media_change_refused", member=self.member, status=status)
        if self._limits is not None:
            self._limits.refused()
        self._settled()

    def _propose(self) -> None:
        """Offer a change as soon as no other waits for its answer."""
        if self._proposing:
            self._propose_again = True
            return
        self._proposing = True
        self._around.order(OfferMedia(self.call, self.offer()))

    def _settled(self) -> None:
        again, self._proposing, self._propose_again = self._propose_again, False, False
        if again:
            self._propose()

    def _limit(self, shape: Shape) -> None:
        """Describe its picture with these limits from now on."""
        self._shape = shape
        self._propose()

    def _asked(self) -> Policy:
        """Return what is asked of it: by the house, and by who watches it."""
        shape = self._shape
        return self.policy.limited(bps=shape.bps, fs=shape.fs, mbps=shape.mbps)

    def _versioned(self, session: SessionDescription) -> bytes:
        """Say what changed with a higher version, and the same again as it was said before."""
        self._said = revise(self._said, session)
        return bytes(self._said)

    def _local(self, peer: PeerMedia | None, *, secure: bool = False) -> LocalMedia:
        wanted = {
            Kind.AUDIO: peer is None or peer.audio is not None,
            Kind.VIDEO: (peer is None or peer.video is not None) and not self.sound_only,
            Kind.CAMERA: peer is not None and peer.camera is not None and self._camera_shared,
        }
        lines: dict[Kind, LocalLine | None] = {}
        for kind, needed in wanted.items():
            line = self._line(kind) if needed else None
            offered = _peer_line(peer, kind)
            if line is None:
                lines[kind] = None
                continue
            if offered is not None:
                line.keys.choose(offered)
            else:
                line.keys.offer(self._offered_encryption(secure=secure))
            lines[kind] = line.keys.local(line.port)
        return LocalMedia(
            self._host, self._session_id, lines[Kind.AUDIO], lines[Kind.VIDEO],
            self._fingerprint(), lines[Kind.CAMERA],
        )  # fmt: skip

    def _fingerprint(self) -> str:
        identity = self._around.identity
        if identity is None:
            return ""
        return f"{identity.fingerprint.algorithm} {identity.fingerprint.value}"

    def _offered_encryption(self, *, secure: bool) -> OfferedEncryption:
        """Return how we offer: what must be secret is offered in no way that may end in clear."""
        if self.protocol is Protocol.H323:
            return OfferedEncryption.AUTO  # in clear: H.235 is not spoken
        chosen = self._around.offered
        if not (secure or self.policy.secure) or chosen is OfferedEncryption.DTLS:
            return chosen
        return OfferedEncryption.SDES

    # ---- into the engine

    def _line(self, kind: Kind) -> CodecLine | None:
        """Return its end on our side; none where its handshake has failed."""
        line = self._lines.get(kind)
        if line is None:
            line = self._lines[kind] = CodecLine(
                kind, self._around, self.member,
                ipv6=":" in self._host, heard=self._heard, failed=self._line_failed,
            )  # fmt: skip
        return None if line.failed else line

    def _line_failed(self, line: CodecLine, reason: str) -> None:
        """End a line whose keys could not be agreed, and the call if nothing is left of it."""
        bay = self._around.patchbay
        bay.lines_refused[f"dtls_{reason}"] += 1
        log.warning("line_ended", member=self.member, kind=line.kind.name.lower(), reason=reason)
        assert self._agreement is not None
        left = [one for one in self._agreement.lines if not self._lines[one.kind].failed]
        if not left:
            self.end(End.PROTOCOL_ERROR, "no keys could be agreed")
            return
        self._agreement = self._agreement.without(line.kind)
        self._name_streams(self._agreement)
        self._propose()

    def _apply(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._taken |= any(line.may_send for line in agreement.lines)
        self._modes |= agreement.capability.h264.modes if agreement.capability.h264 else frozenset()
        for agreed in agreement.paths:
            self._open(self._lines[agreed.kind], agreed)
        self._name_streams(agreement)
        self._describe(agreement)

    def _describe(self, agreement: Agreement) -> None:
        """Tell what its picture may be now."""
        if agreement.video is None:
            return
        if self._limits is None:
            line = self._lines[Kind.VIDEO]
            self._limits = CodecLimits(
                self.member, self._around.patchbay, line.transport, line.source, line.sink,
                self._limit,
            )  # fmt: skip
        h264 = agreement.capability.h264
        self._limits.described(agreement.video, h264, self._asked(), self.policy)

    def _open(self, line: CodecLine, agreed: AgreedLine) -> None:
        self._find_line(line.remote_of(agreed))
        number = self.line.line if self.line else None
        asking = (self.protocol, self._ask_picture) if line.kind is Kind.VIDEO else None
        line.open(agreed, self._peer_host, number, asking)

    def _find_line(self, remote: Address | None) -> None:
        """Find the line it stands behind: by its account, its media's address, its call's.

        A private address in a description counts only where the call came from one too.
        """
        if self._around.lines is None:
            return
        hosts = [self._latched] if self._latched else []
        if remote is not None and (not private(remote.host) or private(self._peer_host)):
            hosts.append(remote.host)
        self.line = self._around.lines.of_codec((*hosts, self._peer_host), self._account)

    def _move(self, event: TransportLatched) -> None:
        """Take in where its media comes from: that may be another line."""
        before, self._latched = self.line, event.remote.host
        self._find_line(None)
        if self.line == before:
            return
        number = self.line.line if self.line else None
        log.info("line_changed", member=self.member, line=self.line.name if self.line else "")
        for line in self._lines.values():
            line.move(number)

    def _name_streams(self, agreement: Agreement) -> None:
        audio, video = self._lines.get(Kind.AUDIO), self._lines.get(Kind.VIDEO)
        self.streams.sound = audio.source if audio and agreement.audio else None
        self.streams.picture = video.source if video and agreement.video else None
        shows = agreement.video is not None and agreement.video.may_send
        self.streams.pictures = [video.sink] if video and shows else []
        agreed = agreement.audio
        self.streams.mix = None
        if audio is not None and agreed is not None and agreed.may_send and agreed.send:
            self.streams.mix = MixPlace(audio.sink, agreed.send[0][1], _ptime_ms(agreed))
        camera = self._lines.get(Kind.CAMERA)
        self.streams.camera = (camera.source, camera.sink) if camera and agreement.camera else None
        if camera is not None and not agreement.camera:
            self._around.patchbay.want(camera.sink, None)
        if video is not None and not shows:
            self._around.patchbay.want(video.sink, None)
        if audio is not None and self.streams.mix is None:
            self._around.patchbay.want(audio.sink, None)

    # ---- what is heard of it

    def _heard(self, event: SourceAppeared | TelephoneEventReceived | TransportLatched) -> None:
        match event:
            case TelephoneEventReceived():
                self._digit(event)
            case TransportLatched():
                log.info(
                    "media_from_elsewhere", member=self.member, remote=str(event.remote),
                    rtcp=event.rtcp,
                )  # fmt: skip
                if not event.rtcp:
                    self._move(event)
            case SourceAppeared():
                pass  # its sources take any SSRC; another payload type is nothing agreed

    def _digit(self, event: TelephoneEventReceived) -> None:
        """Count a key once: its packets share event and timestamp (RFC 4733 section 2.5.1.2)."""
        key = (event.event, event.timestamp)
        if key != self._last_event and event.event < len(DIGITS):
            self._last_event = key
            self.on_digit(DIGITS[event.event])

    def _ask_picture(self, ask: Ask) -> None:
        line = self._lines[Kind.VIDEO]
        feedback = line.agreed.feedback if line.agreed else frozenset()
        bay = self._around.patchbay
        if Feedback.FIR in feedback or Feedback.PLI in feedback:
            fir = Feedback.PLI not in feedback
            bay.ask_picture(line.source, fir=fir, repeated=ask.repeated)
        if ask.escalated or not feedback & {Feedback.FIR, Feedback.PLI}:
            bay.wishes_said["info"] += 1
            self._around.order(AskPicture(self.call))

    def send_picture(self, order: SendPicture) -> None:
        """Limit it as it can be told, and move it to packetization-mode 0 or back by a re-INVITE.

        While nobody watches it is left as it is.
        """
        if self._limits is not None:
            self._limits.wish(order)
        if order.single_nal == self.policy.single_nal_receivers or self._agreement is None:
            return
        if not order.wanted or (1 not in self._modes and not order.single_nal):
            return
        self.policy = replace(self.policy, single_nal_receivers=order.single_nal)
        video = self._agreement.video
        if video is None or not self.capability.can_send_single_nal:
            return
        if video.single_nal != order.single_nal:
            self._propose()

    @property
    def takes_bps(self) -> int:
        """Most it takes of a picture by its own word: TMMBR, REMB."""
        return self._limits.takes_bps if self._limits is not None else 0

    def voices(self) -> Voices:
        """Say what its sounds and headers cost its line."""
        if self._agreement is None:
            return PRESUMED
        agreed = self._agreement.audio
        line = self._lines.get(Kind.AUDIO)
        ptime_ms = _ptime_ms(agreed) if agreed is not None and agreed.send else 20
        keys = line.keys.sending if line and agreed and agreed.secure else None
        return of_codec(agreed, ptime_ms, keys, ipv6=":" in self._host)

    # ---- life and end

    def tick(self, snapshot: Snapshot, now: float) -> None:
        """Let time pass: say what is due of its limits."""
        if self._limits is not None:
            self._limits.tick(snapshot, now)
        for line in self._lines.values():
            line.tick(now)

    def alive(self, now: float) -> None:
        """Hear that it answered by signalling."""
        self._alive_at = now

    @property
    def holding(self) -> bool:
        """Tell whether it put us on hold: it takes nothing any more (RFC 3264 section 8.4)."""
        lines = self._agreement.lines if self._agreement else ()
        return self._taken and not any(line.may_send for line in lines)

    def wants_sound(self) -> bool:
        """Keep what a unit plays to whom it holds from the others' ears."""
        return not self.holding

    def wants_picture(self) -> bool:
        """Keep what a unit shows to whom it holds from the others' screens."""
        return not self.holding

    def transports(self) -> list[TransportId]:
        """Its paths in the engine."""
        return [line.transport for line in self._lines.values()]

    def received(self, at: float) -> None:
        """Count media or RTCP that came at this time."""
        self._alive_at = max(self._alive_at, at)

    def silence_s(self, now: float) -> float:
        """Return how long nothing at all has come."""
        return now - self._alive_at

    def vanished(self, now: float) -> bool:
        """Tell whether nothing has come for too long."""
        return self.silence_s(now) > self._around.vanish_s

    def end(self, cause: End, text: str) -> None:
        """Hang up."""
        self._around.order(HangUp(self.call, cause))

    def close(self) -> None:
        """Give back ports and paths, once the call is over."""
        if self._ended:
            return
        self._ended = True
        self.on_digit = lambda digit: None  # it held on to who holds on to us
        for line in self._lines.values():
            line.close()


def _ptime_ms(agreed: AgreedLine) -> int:
    """Return the packet time nearest to the wanted one that mixer and codec can do."""
    lengths = [one for one in PTIMES_MS if one != 30 or agreed.send[0][1] is not Codec.OPUS]
    return min(lengths, key=lambda one: abs(one - agreed.ptime_ms))


def _why_nothing(peer: PeerMedia, policy: Policy) -> str:
    able = [
        line
        for line in peer.lines
        if line.index in (peer.audio, peer.video) and choose(line, policy)
    ]
    if not able:
        return "no codec in common"
    if any(line.offers_keys for line in able):
        return "no encryption in common"
    return "media must be encrypted here"


def _peer_line(peer: PeerMedia | None, kind: Kind) -> PeerLine | None:
    if peer is None:
        return None
    found = {Kind.AUDIO: peer.audio, Kind.VIDEO: peer.video, Kind.CAMERA: peer.camera}
    index = found[kind]
    return peer.lines[index] if index is not None else None

"""A room codec's leg: its session descriptions, its wishes and ours, its life.

::

    INVITE + SDP --> answer() --> our end, Agreement --> CodecMedia --> 200 + SDP
    INVITE       --> offer()  --> 200 + SDP ... ACK + SDP --> take_answer()
    re-INVITE    --> answer() again: the same ports, SSRCs and sources, so that media goes on
"""

from collections.abc import Iterable
from dataclasses import replace

import structlog

from sfu.errors import PeerError
from sfu.media.allocation.output import StopPicture
from sfu.media.engine.snapshot import Snapshot
from sfu.media.limit.word import Shape
from sfu.model import (
    CallId,
    Kind,
    MemberId,
    Protocol,
    TransportId,
)
from sfu.room.output import SendPicture
from sfu.shell.codec_end import OurEnd
from sfu.shell.codec_media import CodecMedia
from sfu.shell.leg import Leg
from sfu.shell.limits import CodecLimits
from sfu.shell.picture_terms import identity_of
from sfu.shell.surroundings import Surroundings
from sfu.shell.voices import Voices
from sfu.signalling.call import End, HangUp, OfferMedia
from sfu.signalling.capability import NOTHING, Capability
from sfu.signalling.sdp.agreement import Agreement
from sfu.signalling.sdp.answer import choose, compose_answer
from sfu.signalling.sdp.h263 import OLD_PICTURES
from sfu.signalling.sdp.local import Policy
from sfu.signalling.sdp.offer import compose_offer, compose_reoffer, read_answer
from sfu.signalling.sdp.peer import PeerMedia, read_offer
from sfu.signalling.sdp.session import SessionDescription, parse, revise

log = structlog.get_logger()


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
        address: str = "",
        account: str | None = None,
        protocol: Protocol = Protocol.SIP,
    ) -> None:
        """Begin without media; `host` is what the far end is told to send to.

        `address` is what it calls itself, or was called by; `account` what it proved to be, or was
        registered as.
        """
        super().__init__(member, name, protocol)
        self.identity = identity_of(address, peer_host, account)
        self.call = call
        self.policy = replace(around.policy, offers_old=protocol is Protocol.H323)
        self._around = around
        self._host = host
        self._model = model
        self.media = CodecMedia(
            self, call, around, host=host, peer_host=peer_host, account=account, lost=self._lost
        )
        self.our_end = OurEnd(self.media, around, host, protocol)
        self._offered: SessionDescription | None = None
        self._remote: tuple[SessionDescription, PeerMedia] | None = None
        """What it described last, offer or answer."""
        self._answered: tuple[bytes, bytes] = (b"", b"")
        """Its last offer and our answer: the same again is a refresh, and answered the same."""
        self._said: SessionDescription | None = None
        self._taken = False
        """It was willing to receive something, once."""
        self._modes: frozenset[int] = frozenset()
        """Packetization modes of H.264 it ever described."""
        self._limits: CodecLimits | None = None
        """Of its picture, once it has one."""
        self._shape = Shape()
        """What its picture is limited to by description, besides `policy` of the house."""
        self._stopped = False
        """Its picture shall not be taken: our next description says so."""
        self._agreed_stopped = False
        """Our last description said so, and was answered."""
        self._proposing = self._propose_again = False
        """A change of ours waits for its answer, and another for its turn."""
        self._alive_at = now
        self._ended = False
        self.gone = False
        """It vanished: its last goodbye is on its way, whether anybody hears it or not."""

    @property
    def capability(self) -> Capability:
        """What it can, as negotiated last."""
        agreement = self.media.agreement
        if agreement is None:
            return NOTHING
        if not self._agreed_stopped or agreement.video is None:
            return agreement.capability
        # it could send: what others see of it is for who shares out the line to say
        able = frozenset(codec for _, codec in agreement.video.receive)
        return replace(agreement.capability, video_send=able)

    @property
    def described(self) -> bool:
        """Tell whether both sides have described their media."""
        return self.media.agreement is not None

    @property
    def model(self) -> str:
        """Its User-Agent."""
        return self._model

    @property
    def sound_only(self) -> bool:
        """Whether its line bears no picture: none is taken or offered."""
        return self.our_end.sound_only

    # ---- session descriptions

    def answer(self, body: bytes) -> bytes:
        """Answer an offer and put it into effect; PeerError (488) where nothing is common."""
        if body and body == self._answered[0]:
            return self._answered[1]
        offer = parse(body)
        peer = read_offer(offer)
        local = self.our_end.describe(peer, secure=self.policy.secure)
        answer, agreement = compose_answer(offer, peer, local, self._asked())
        if not agreement.lines:
            raise PeerError(self.our_end.why_nothing(peer, self.policy), status=488)
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
        if self.our_end.sound_only:
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
            self._offered = compose_offer(
                self.our_end.describe(None, secure=secure or self.policy.secure), self._asked()
            )
        else:
            remote, peer = self._remote
            self._offered = compose_reoffer(
                remote, peer, self.our_end.describe(peer, secure=self.policy.secure), self._asked()
            )
        return self._versioned(self._offered)

    def take_answer(self, body: bytes) -> None:
        """Put the answer to our offer into effect; PeerError where it refuses everything."""
        if self._offered is None:
            raise PeerError("an answer to no offer")
        answer = parse(body)
        agreement = read_answer(self._offered, answer)
        if not agreement.lines:
            raise PeerError("the answer refuses all media", status=488)
        self.media.check(agreement)
        maimed = self._maims(agreement)
        self._apply(agreement, maimed=maimed)
        if not maimed or agreement.video is not None:  # else the line could not be offered again
            self._remote = answer, read_offer(answer)
        self._answered = (b"", b"")
        self._settled()

    def _maims(self, agreement: Agreement) -> bool:
        """Tell whether it gives up more than its own picture for our taking none."""
        before = self.media.agreement
        if not self._stopped or self._agreed_stopped or before is None:
            return False
        took = {line.kind for line in before.lines if line.may_send}
        takes = {line.kind for line in agreement.lines if line.may_send}
        spoke = before.audio is not None and before.audio.may_receive
        speaks = agreement.audio is not None and agreement.audio.may_receive
        return bool(took - takes) or (spoke and not speaks)

    def answered(self, body: bytes | None, model: str) -> None:
        """Take the answer to a call of ours, and who gave it; None: it came early."""
        self._model = model
        if body is not None:
            self.take_answer(body)
        elif self.media.agreement is None:
            raise PeerError("the answer refuses all media", status=488)

    def without_pictures(self) -> None:
        """Take and offer sound alone from now on; what was answered is answered anew."""
        self.our_end.sound_only, self._answered = True, (b"", b"")

    def with_pictures(self) -> None:
        """Take pictures again, when they are offered next."""
        self.our_end.sound_only, self._answered = False, (b"", b"")

    def prefer_single_nal(self, prefer: bool) -> None:
        """Ask for H.264 mode 0 in the first description: somebody inside knows no other."""
        self.policy = replace(self.policy, single_nal_receivers=prefer)

    def share_camera(self, shared: bool) -> None:
        """Take its far-end camera control, or refuse it: one alone or one other like it inside."""
        self.our_end.camera_shared = shared

    def allow_old_pictures(self, others: Iterable[Capability]) -> None:
        """Take H.263 or H.261, where it has no H.264, only if everybody inside has it too."""
        views = [one.video_receive for one in others if one.pictures or one.video_send]
        known = tuple(codec for codec in OLD_PICTURES if all(codec in view for view in views))
        self.policy = replace(self.policy, old_pictures=known)

    def refused(self, status: int) -> None:
        """Hear that our change was refused: what was agreed stays."""
        log.info("media_change_refused", member=self.member, status=status)
        self._stopped = self._agreed_stopped
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

    def _limit(self, shape: Shape, stopped: bool) -> None:
        """Describe its picture with these limits from now on, or that none is taken."""
        self._shape, self._stopped = shape, stopped
        self._propose()

    def _asked(self) -> Policy:
        """Return what is asked of it: by the house, and by who watches it."""
        shape = self._shape
        limited = self.policy.limited(bps=shape.bps, fs=shape.fs, mbps=shape.mbps)
        return replace(limited, pictures_stopped=self._stopped)

    def _versioned(self, session: SessionDescription) -> bytes:
        """Say what changed with a higher version, and the same again as it was said before."""
        self._said = revise(self._said, session)
        return bytes(self._said)

    # ---- into the engine

    def _apply(self, agreement: Agreement, *, maimed: bool = False) -> None:
        self._agreed_stopped = self._stopped
        self._taken |= any(line.may_send for line in agreement.lines)
        self._modes |= agreement.capability.h264.modes if agreement.capability.h264 else frozenset()
        self.media.apply(agreement)
        self._describe(agreement, maimed=maimed)

    def _lost(self, left: Agreement | None) -> None:
        """Hear that a line got no keys: go on with the others, or end the call."""
        if left is None:
            self.end(End.PROTOCOL_ERROR, "no keys could be agreed")
        else:
            self._propose()

    def _describe(self, agreement: Agreement, *, maimed: bool) -> None:
        """Tell what its picture may be now."""
        if agreement.video is None:
            if maimed and self._limits is not None:  # it refused the line: offered as it was
                self._stopped = self._agreed_stopped = False
                self._limits.refused()
                self._propose()
            return
        if self._limits is None:
            line = self.media.lines[Kind.VIDEO]
            self._limits = CodecLimits(
                self.member, self._around.patchbay, line.transport, line.source, line.sink,
                self._limit,
            )  # fmt: skip
        h264 = agreement.capability.h264
        self._limits.described(agreement.video, h264, self._asked(), self.policy, maimed=maimed)

    def send_picture(self, order: SendPicture) -> None:
        """Limit it as it can be told, and move it to packetization-mode 0 or back by a re-INVITE.

        While nobody watches it is left as it is.
        """
        if self._limits is not None:
            self._limits.wish(order)
        if order.single_nal == self.policy.single_nal_receivers or self.media.agreement is None:
            return
        if not order.wanted or (1 not in self._modes and not order.single_nal):
            return
        self.policy = replace(self.policy, single_nal_receivers=order.single_nal)
        video = self.media.agreement.video
        if video is None or not self.capability.can_send_single_nal:
            return
        if video.single_nal != order.single_nal:
            self._propose()

    @property
    def takes_bps(self) -> int:
        """Most it takes of a picture by its own word: TMMBR, REMB."""
        return self._limits.takes_bps if self._limits is not None else 0

    @property
    def told_bps(self) -> int | None:
        """The limit it was told: a new offer may wait ten seconds for its turn."""
        return self._limits.told_bps if self._limits is not None else None

    @property
    def stoppable(self) -> bool:
        """Whether a re-INVITE can ask it to send no picture."""
        asked = self._limits is not None and self._limits.stoppable
        return asked and self.protocol is Protocol.SIP

    def stop_picture(self, order: StopPicture) -> None:
        """Have it send no picture at all, or again, by a re-INVITE."""
        if self._limits is not None:
            self._limits.stop(order)

    def picture_stopped(self, now: float) -> bool:
        """Tell whether no picture comes because we asked for none, or not yet again."""
        return self._limits is not None and self._limits.stopped(now)

    def voices(self) -> Voices:
        """Say what its sounds and headers cost its line."""
        return self.media.voices()

    # ---- life and end

    def tick(self, snapshot: Snapshot, now: float) -> None:
        """Let time pass: say what is due of its limits."""
        if self._limits is not None:
            self._limits.tick(snapshot, now)
        self.media.tick(snapshot, now)

    def alive(self, now: float) -> None:
        """Hear that it answered by signalling."""
        self._alive_at = now

    @property
    def holding(self) -> bool:
        """Tell whether it put us on hold: it takes nothing any more (RFC 3264 section 8.4)."""
        lines = self.media.agreement.lines if self.media.agreement else ()
        return self._taken and not any(line.may_send for line in lines)

    def wants_sound(self) -> bool:
        """Keep what a unit plays to whom it holds from the others' ears."""
        return not self.holding

    def wants_picture(self) -> bool:
        """Keep what a unit shows to whom it holds from the others' screens."""
        return not self.holding

    def transports(self) -> list[TransportId]:
        """Its paths in the engine."""
        return [line.transport for line in self.media.lines.values()]

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
        self.media.close()

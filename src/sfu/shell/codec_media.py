r"""What was agreed with a room codec, in the engine: ports, paths, sources and sinks of one call.

::

    Agreement --> apply --> CodecLine of each kind --> Streams of its leg
    packets   --> where they come from: another access line?   key presses, each once
    a handshake that fails --> that line ends, and the call if nothing is left of it
"""

from collections.abc import Callable

import structlog

from sfu.media.engine.event import SourceAppeared, TelephoneEventReceived, TransportLatched
from sfu.media.engine.snapshot import Snapshot
from sfu.media.keyframe import Ask
from sfu.model import Address, CallId, Codec, Kind
from sfu.shell.codecline import CodecLine
from sfu.shell.leg import Leg, MixPlace
from sfu.shell.surroundings import Surroundings
from sfu.shell.voices import PRESUMED, Voices, of_codec
from sfu.signalling.call import AskPicture
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp.agreement import AgreedLine, Agreement
from sfu.signalling.sip.flow import private
from sfu.worker.protocol import PTIMES_MS

log = structlog.get_logger()

DIGITS = "0123456789*#ABCD"


class CodecMedia:
    """The media of one call; `lost` hears that a line failed, with what is left."""

    def __init__(
        self,
        leg: Leg,
        call: CallId,
        around: Surroundings,
        *,
        host: str,
        peer_host: str,
        account: str | None,
        lost: Callable[[Agreement | None], None],
    ) -> None:
        """Begin without any; streams and access line are put into the leg."""
        self._leg, self._call = leg, call
        self._around = around
        self._host, self._peer_host = host, peer_host
        self._account = account
        self._lost = lost
        self.on_digit: Callable[[str], None] = lambda digit: None
        self.agreement: Agreement | None = None
        self.lines: dict[Kind, CodecLine] = {}
        self._latched = ""
        """Where its media really comes from, where that is not what it said."""
        self._last_event: tuple[int, int] | None = None
        self._find_line(None)

    def line(self, kind: Kind) -> CodecLine | None:
        """Return its end on our side; none where its handshake has failed."""
        line = self.lines.get(kind)
        if line is None:
            line = self.lines[kind] = CodecLine(
                kind, self._around, self._leg.member,
                ipv6=":" in self._host, heard=self._heard, failed=self._line_failed,
            )  # fmt: skip
        return None if line.failed else line

    def apply(self, agreement: Agreement) -> None:
        """Put what was agreed into effect."""
        self.agreement = agreement
        for agreed in agreement.paths:
            self._open(self.lines[agreed.kind], agreed)
        self._name_streams(agreement)

    def check(self, agreement: Agreement) -> None:
        """Raise PeerError where an answer takes keys that were not offered."""
        for line in agreement.paths:
            self.lines[line.kind].keys.check(line)

    def _line_failed(self, line: CodecLine, reason: str) -> None:
        """End a line whose keys could not be agreed."""
        bay = self._around.patchbay
        bay.lines_refused[f"dtls_{reason}"] += 1
        kind = line.kind.name.lower()
        log.warning("line_ended", member=self._leg.member, kind=kind, reason=reason)
        assert self.agreement is not None
        left = [one for one in self.agreement.lines if not self.lines[one.kind].failed]
        if not left:
            self._lost(None)
            return
        self.agreement = self.agreement.without(line.kind)
        self._name_streams(self.agreement)
        self._lost(self.agreement)

    def _open(self, line: CodecLine, agreed: AgreedLine) -> None:
        self._find_line(line.remote_of(agreed))
        number = self._leg.line.line if self._leg.line else None
        asking = (self._leg.protocol, self._ask_picture) if line.kind is Kind.VIDEO else None
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
        self._leg.line = self._around.lines.of_codec((*hosts, self._peer_host), self._account)
        self._leg.site = self._around.lines.site_of((*hosts, self._peer_host), self._account)

    def _move(self, event: TransportLatched) -> None:
        """Take in where its media comes from: that may be another line."""
        before, self._latched = self._leg.line, event.remote.host
        self._find_line(None)
        if self._leg.line == before:
            return
        number = self._leg.line.line if self._leg.line else None
        log.info(
            "line_changed",
            member=self._leg.member,
            line=self._leg.line.name if self._leg.line else "",
        )
        for line in self.lines.values():
            line.move(number)

    def _name_streams(self, agreement: Agreement) -> None:
        audio, video = self.lines.get(Kind.AUDIO), self.lines.get(Kind.VIDEO)
        self._leg.streams.sound = audio.source if audio and agreement.audio else None
        self._leg.streams.picture = video.source if video and agreement.video else None
        shows = agreement.video is not None and agreement.video.may_send
        self._leg.streams.pictures = [video.sink] if video and shows else []
        agreed = agreement.audio
        self._leg.streams.mix = None
        if audio is not None and agreed is not None and agreed.may_send and agreed.send:
            self._leg.streams.mix = MixPlace(audio.sink, agreed.send[0][1], self._ptime_ms(agreed))
        camera = self.lines.get(Kind.CAMERA)
        self._leg.streams.camera = (
            (camera.source, camera.sink) if camera and agreement.camera else None
        )
        if camera is not None and not agreement.camera:
            self._around.patchbay.want(camera.sink, None)
        if video is not None and not shows:
            self._around.patchbay.want(video.sink, None)
        if audio is not None and self._leg.streams.mix is None:
            self._around.patchbay.want(audio.sink, None)

    def _heard(self, event: SourceAppeared | TelephoneEventReceived | TransportLatched) -> None:
        match event:
            case TelephoneEventReceived():
                self._digit(event)
            case TransportLatched():
                log.info(
                    "media_from_elsewhere", member=self._leg.member, remote=str(event.remote),
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
        line = self.lines[Kind.VIDEO]
        feedback = line.agreed.feedback if line.agreed else frozenset()
        bay = self._around.patchbay
        if Feedback.FIR in feedback or Feedback.PLI in feedback:
            fir = Feedback.PLI not in feedback
            bay.ask_picture(line.source, fir=fir, repeated=ask.repeated)
        if ask.escalated or not feedback & {Feedback.FIR, Feedback.PLI}:
            bay.wishes_said["info"] += 1
            self._around.order(AskPicture(self._call))

    def voices(self) -> Voices:
        """Say what its sounds and headers cost its line."""
        if self.agreement is None:
            return PRESUMED
        agreed = self.agreement.audio
        line = self.lines.get(Kind.AUDIO)
        ptime_ms = self._ptime_ms(agreed) if agreed is not None and agreed.send else 20
        keys = line.keys.sending if line and agreed and agreed.secure else None
        return of_codec(agreed, ptime_ms, keys, ipv6=":" in self._host)

    def tick(self, snapshot: Snapshot, now: float) -> None:
        """Let time pass: handshakes; media that nobody takes."""
        for line in self.lines.values():
            line.tick(now)
            if line.unheard(snapshot):
                agreed = line.remote_of(line.agreed) if line.agreed else None
                log.warning(
                    "media_refused", member=self._leg.member, kind=line.kind.name.lower(),
                    expected=agreed.host if agreed else "", reason="it comes from another host",
                )  # fmt: skip

    def close(self) -> None:
        """Give back ports and paths."""
        self.on_digit = lambda digit: None  # it held on to who holds on to us
        for line in self.lines.values():
            line.close()

    @staticmethod
    def _ptime_ms(agreed: AgreedLine) -> int:
        """Return the packet time nearest to the wanted one that mixer and codec can do."""
        lengths = [one for one in PTIMES_MS if one != 30 or agreed.send[0][1] is not Codec.OPUS]
        return min(lengths, key=lambda one: abs(one - agreed.ptime_ms))

r"""Our end of one m= line of a room codec: its ports, keys, path and streams in the engine.

::

    ports --open(agreed)--> path (signalled, or where DTLS came from) --> source, sink
                               \-- no keys could be agreed --> failed: its leg takes it back

It lives as long as the call: a change opens it again on the same ports, under the same SSRC.
"""

from collections.abc import Callable
from dataclasses import replace

from sfu.media.engine.command import OpenTransport, SetSink, SetSource
from sfu.media.engine.event import (
    DatagramReceived,
    SourceAppeared,
    TelephoneEventReceived,
    TransportLatched,
)
from sfu.media.engine.snapshot import Snapshot
from sfu.media.keyframe import Ask
from sfu.model import Address, Codec, Kind, Latch, LineId, MemberId, Protocol
from sfu.shell.dtlsline import DtlsLine
from sfu.shell.linekeys import LineKeys
from sfu.shell.surroundings import Surroundings
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp.agreement import AgreedLine

HISTORY = 512
"""Packets of a picture kept for who asks for them again."""
UNHEARD = 100
"""So many packets refused and none taken: it sends from where nobody may."""
Asking = tuple[Protocol, Callable[[Ask], None]]
Heard = SourceAppeared | TelephoneEventReceived | TransportLatched


class CodecLine:
    """One m= line's end on our side."""

    def __init__(
        self,
        kind: Kind,
        around: Surroundings,
        member: MemberId,
        *,
        ipv6: bool,
        heard: Callable[[Heard], None],
        failed: Callable[["CodecLine", str], None],
    ) -> None:
        """Take a pair of ports; UseError where none is free.  `failed`: no keys, and why."""
        bay = around.patchbay
        pair = around.ports.take(ipv6=ipv6)
        self.kind = kind
        self.port = pair.port
        self._around = around
        self._member = member
        self._heard = heard
        self._tell_failed = failed
        self.rtp = bay.open_socket(pair.rtp_fd, self._datagram)
        self.rtcp = bay.open_socket(pair.rtcp_fd, self._datagram)
        self.transport = bay.new_transport()
        self.source = bay.new_source()
        self.sink = bay.new_sink()
        self.ssrc = bay.new_ssrc()
        self.keys = LineKeys(around.entropy, self._dtls())
        self.agreed: AgreedLine | None = None
        self.failed = False
        """No keys could be agreed: it is offered and answered no more."""
        self._told_unheard = False
        self._signalled: OpenTransport | None = None
        """The path as its descriptions say."""
        self._opened: OpenTransport | None = None
        """The path as stated last: said again only where it changes, so that a latch lasts."""

    def remote_of(self, agreed: AgreedLine) -> Address | None:
        """Return where its media shall go: as agreed now, else as before."""
        return agreed.remote or (self._signalled.remote if self._signalled else None)

    def open(
        self, agreed: AgreedLine, peer_host: str, line: LineId | None, asking: Asking | None
    ) -> None:
        """Put what was agreed into effect; `peer_host` is where the call comes from."""
        before, remote = self._signalled, self.remote_of(agreed)
        self._signalled = OpenTransport(
            self.transport,
            self.rtp,
            self.rtp if agreed.rtcp_mux else self.rtcp,
            remote,
            agreed.rtcp_remote or (before.rtcp_remote if before else None),
            _latch(remote, peer_host, secure=agreed.secure),
            agreed.secure,
            gso=self._around.gso,
            line=line,
        )
        self.keys.expect(agreed, self._signalled)
        self._open_path(self.keys.symmetric(self._signalled))
        self.keys.apply(agreed, self.transport, self._around.patchbay)
        self._open_streams(agreed, asking)
        self.agreed = agreed

    def move(self, line: LineId | None) -> None:
        """Stand behind another line; the same addresses again: what was latched stays."""
        if self._signalled is not None and self._opened is not None:
            self._signalled = replace(self._signalled, line=line)
            self._open_path(replace(self._opened, line=line))

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self.keys.dtls is not None:
            self.keys.dtls.tick(now)

    def unheard(self, snapshot: Snapshot) -> bool:
        """Tell, once, that all that comes is refused: it comes from no host its call named.

        Of media without keys we take the signalled host's alone; whoever guesses a port could
        else have the room's pictures sent to himself.
        """
        row = snapshot.transports.get(self.transport)
        if self._told_unheard or row is None or self.agreed is None or self.agreed.secure:
            return False
        self._told_unheard = row.received_packets == 0 and row.refused >= UNHEARD
        return self._told_unheard

    def close(self) -> None:
        """Give back ports and path."""
        bay = self._around.patchbay
        if self.keys.dtls is not None:
            self.keys.dtls.close()
        bay.close_transport(self.transport)
        bay.close_socket(self.rtp)
        bay.close_socket(self.rtcp)

    def _dtls(self) -> DtlsLine | None:
        around = self._around
        if around.identity is None:
            return None
        return DtlsLine(
            around.patchbay, around.identity, self.transport, self._member,
            self._follow, self._dtls_failed,
        )  # fmt: skip

    def _datagram(self, event: DatagramReceived) -> None:
        """Take STUN or DTLS of one of our ports."""
        if self.keys.dtls is not None:
            self.keys.dtls.handle(event)

    def _follow(self) -> None:
        """Send to where DTLS came from."""
        if self._signalled is not None:
            self._open_path(self.keys.symmetric(self._signalled))

    def _dtls_failed(self, reason: str) -> None:
        if not self.failed:
            self.failed = True
            self._tell_failed(self, reason)

    def _open_path(self, command: OpenTransport) -> None:
        if command != self._opened:
            self._opened = command
            self._around.patchbay.open_transport(command, self._heard)

    def _open_streams(self, agreed: AgreedLine, asking: Asking | None) -> None:
        bay = self._around.patchbay
        receive = agreed.receive
        if agreed.telephone_event is not None:
            receive = (*receive, (agreed.telephone_event, Codec.TELEPHONE_EVENT))
        if self.kind is Kind.AUDIO and agreed.clock_hz == Codec.CN.clock_hz:
            receive = (*receive, (13, Codec.CN))
        bay.set_source(
            SetSource(
                self.source,
                self.transport,
                self.kind,
                None,
                receive,
                agreed.clock_hz,
                nack=Feedback.NACK in agreed.feedback,
                parameter_sets=agreed.parameter_sets,
            ),
            self._member,
            asking,
        )
        payloads = {codec: number for number, codec in reversed(agreed.send)}
        repairs = self.kind is Kind.VIDEO and Feedback.NACK in agreed.feedback
        bay.set_sink(
            SetSink(
                self.sink,
                self.transport,
                self.kind,
                self.ssrc,
                tuple(payloads.items()),
                agreed.clock_hz,
                single_nal=agreed.single_nal,
                history=HISTORY if repairs else 0,
            )
        )


def _latch(remote: Address | None, peer_host: str, *, secure: bool) -> Latch:
    """Take media from the signalled host; where keys prove the sender, from anywhere.

    A private address that is not where the call came from stands behind a NAT: its first valid
    packet tells where (RFC 4961).
    """
    if secure or remote is None:
        return Latch.FIRST_VALID
    return Latch.SAME_HOST if remote.host == peer_host else Latch.FIRST_VALID

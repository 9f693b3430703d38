"""Browsers' one UDP port, and their connections over TCP: ICE-lite, then DTLS, then keys.

::

    Engine -- DatagramReceived --> IceDoor -- IceDirectory --> IcePath
                                                 STUN: IceAgent -> Answer, Selected, ConsentLost
                                                 DTLS: DtlsSession -> Send, Connected (keys)
    Selected: the transport is stated again with the address that was nominated
"""

import time
from collections.abc import Callable, Sequence

import structlog

from sfu.errors import PeerError
from sfu.media.connect import dtls, ice
from sfu.media.connect.directory import IceDirectory, is_dtls
from sfu.media.connect.dtls import DtlsSession, Fingerprint, Identity
from sfu.media.connect.ice import CREDENTIAL_BYTES, Credentials, IceAgent, Path
from sfu.media.engine.command import Extensions, OpenTransport, SetKeys, Transmit
from sfu.media.engine.event import DatagramReceived
from sfu.media.engine.snapshot import Snapshot
from sfu.model import Address, Latch, LineId, SocketId
from sfu.shell.patchbay import Patchbay
from sfu.shell.path import Listener

log = structlog.get_logger()

LineOf = Callable[[str | None], LineId | None]
"""From where a browser's packets come to the line it stands behind."""


class IceDoor:
    """Every browser's way to the media port."""

    def __init__(
        self,
        patchbay: Patchbay,
        identity: Identity,
        candidates: tuple[Address, ...],
        entropy: Callable[[int], bytes],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Offer these candidates; sockets are added by `listen`; `clock` is the engine's."""
        self.clock = clock
        self.patchbay = patchbay
        self.identity = identity
        self.candidates = candidates
        self.fingerprint = f"{identity.fingerprint.algorithm} {identity.fingerprint.value}"
        self.directory: IceDirectory[IcePath] = IceDirectory()
        self.tcp_candidates: tuple[Address, ...] = ()
        """Where connections over TCP are taken."""
        self.sockets: list[SocketId] = []
        self.streams: set[SocketId] = set()
        """Connections over TCP."""
        self.on_stream_ended: Callable[[SocketId], None] = lambda stream: None
        self._entropy = entropy

    def listen(self, fd: int) -> None:
        """Take a bound socket of the port."""
        self.sockets.append(self.patchbay.open_socket(fd, self._datagram))

    def join(self, fd: int) -> SocketId:
        """Take a connection over TCP; `on_stream_ended` hears of its end."""
        stream = self.patchbay.open_socket(fd, self._datagram, self._ended)
        self.streams.add(stream)
        return stream

    def drop(self, stream: SocketId) -> None:
        """Close a connection over TCP; who went by it goes another way, or none."""
        for path in self.directory.lose(stream, self.clock()):
            path.lost()
        self.streams.discard(stream)
        self.patchbay.close_socket(stream)

    def _ended(self, stream: SocketId) -> None:
        self.on_stream_ended(stream)

    def credentials(self) -> Credentials:
        """Make new ICE credentials."""
        return Credentials.of(self._entropy(CREDENTIAL_BYTES))

    def open(
        self,
        listener: Listener,
        fingerprints: Sequence[tuple[str, str]],
        *,
        gso: bool,
        line_of: LineOf = lambda host: None,
        setup: str = "active",
    ) -> "IcePath":
        """Expect a browser whose certificate has one of these fingerprints.

        `line_of` tells the line an address stands behind; None asks for what is known before.
        `setup` is our part in DTLS: "active" begins as soon as a check has come.
        """
        agent = IceAgent(self.credentials(), self.clock())
        known = [Fingerprint(*one) for one in fingerprints]
        path = IcePath(self, agent, known, listener, gso=gso, line_of=line_of, setup=setup)
        self.directory.open(path, agent)
        return path

    def _datagram(self, event: DatagramReceived) -> None:
        path, now = Path(event.socket, event.remote), event.at_us / 1e6
        try:
            found = self.directory.receive(path, event.payload, now)
        except PeerError as error:
            log.debug("stun_refused", remote=str(event.remote), reason=error.reason)
            return
        if found is not None:
            found.received(path, event.payload, now)


class IcePath:
    """One browser's bundled transport, from its first check to its end."""

    def __init__(
        self,
        door: IceDoor,
        agent: IceAgent,
        fingerprints: Sequence[Fingerprint],
        listener: Listener,
        *,
        gso: bool,
        line_of: LineOf,
        setup: str,
    ) -> None:
        """State a transport that has no address yet."""
        self._line_of = line_of
        self.transport = door.patchbay.new_transport()
        self.alive_at = 0.0
        """When anything authentic came last."""
        self.failed = False
        """No keys will ever be agreed."""
        self.fingerprints = tuple(fingerprints)
        self._door = door
        self._agent = agent
        self.setup = setup
        """Our part in DTLS, for as long as there is this association."""
        self._begun = setup != "active"
        self._dtls = DtlsSession(door.identity, fingerprints, passive=self._begun)
        self._listener = listener
        self._gso = gso
        self._extensions = Extensions()
        self._remote_ufrag = ""
        self._open: OpenTransport | None = None
        self._state()

    @property
    def ufrag(self) -> str:
        """Our name, the newest."""
        return self._agent.credentials.ufrag

    @property
    def password(self) -> str:
        """Our password, the newest."""
        return self._agent.credentials.password

    @property
    def over_tcp(self) -> bool | None:
        """Whether it comes by a connection over TCP; None while it comes by nothing."""
        selected = self._agent.selected
        return None if selected is None else selected.socket in self._door.streams

    def lost(self) -> None:
        """Hear that a connection it had is over."""
        self._flush_ice()

    def restarts_with(self, remote_ufrag: str) -> bool:
        """Tell whether an offer with this name wants an ICE restart (RFC 8839 section 4.4.1)."""
        return bool(self._remote_ufrag) and remote_ufrag != self._remote_ufrag

    def expect(self, remote_ufrag: str) -> None:
        """Remember what the browser calls itself."""
        self._remote_ufrag = remote_ufrag

    def restart(self) -> None:
        """Take new credentials; the old path stays until another is nominated."""
        self._door.directory.restart(self._agent, self._door.credentials())

    def set_extensions(self, extensions: Extensions) -> None:
        """Use these header extension ids."""
        if extensions != self._extensions:
            self._extensions = extensions
            self._state()

    def received(self, path: Path, payload: bytes, now: float) -> None:
        """Take a datagram that is ours."""
        if is_dtls(payload):
            self._dtls.handle(payload, now)
            self._flush_dtls(path)
        elif path in self._agent.paths:
            self.alive_at = now
        self._flush_ice()
        self._begin(now)

    def _begin(self, now: float) -> None:
        """Say the first word of DTLS, where it is ours, once it is known whereto."""
        if self._begun or self._agent.selected is None:
            return
        self._begun = True
        self._dtls.start(now)
        self._flush_dtls(self._agent.selected)

    def tick(self, snapshot: Snapshot, now: float) -> None:
        """Let time pass."""
        row = snapshot.transports.get(self.transport)
        if row is not None and row.last_received_us:
            self.alive_at = max(self.alive_at, row.last_received_us / 1e6)
        self._agent.tick(now)
        self._flush_ice()
        self._dtls.tick(now)
        if self._agent.selected is not None:
            self._flush_dtls(self._agent.selected)

    def close(self) -> None:
        """Say goodbye and give the path back."""
        self._dtls.close()
        if self._agent.selected is not None:
            self._flush_dtls(self._agent.selected)
        self._door.directory.close(self._agent)
        self._door.patchbay.close_transport(self.transport)

    def _flush_ice(self) -> None:
        for output in self._agent.poll():
            match output:
                case ice.Answer():
                    self._door.patchbay.transmit(
                        Transmit(output.path.socket, output.path.remote, output.payload)
                    )
                case ice.Selected():
                    log.debug("path_selected", remote=str(output.path.remote))
                    self._state()
                case ice.ConsentLost():
                    log.info("consent_lost", transport=self.transport)
                    self._state()

    def _flush_dtls(self, path: Path) -> None:
        for output in self._dtls.poll():
            match output:
                case dtls.Send():
                    self._door.patchbay.transmit(Transmit(path.socket, path.remote, output.payload))
                case dtls.Connected():
                    self._door.patchbay.set_keys(
                        SetKeys(self.transport, True, output.sending),
                        SetKeys(self.transport, False, output.receiving),
                    )
                    self._door.patchbay.flush(self._door.clock())
                    log.debug("dtls_connected", suite=output.sending.suite.name)
                case dtls.Failed():
                    log.warning("dtls_failed", reason=output.reason)
                    self.failed = True
                case dtls.Closed():
                    log.debug("dtls_closed")

    def _state(self) -> None:
        """State the transport as it shall be: the selected path, or no address at all."""
        selected = self._agent.selected
        socket = selected.socket if selected is not None else self._door.sockets[0]
        remote = selected.remote if selected is not None else None
        command = OpenTransport(
            self.transport, socket, socket, remote, remote, Latch.FIXED, True,
            self._extensions, self._gso, self._line_of(remote.host if remote else None),
        )  # fmt: skip
        if command != self._open:
            self._open = command
            self._door.patchbay.open_transport(command, self._listener)

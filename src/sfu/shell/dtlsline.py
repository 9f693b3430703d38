"""DTLS-SRTP of one m= line without ICE (RFC 5763): a handshake for each port, keys to the engine.

::

    signalled: fingerprints, who begins -- agree --> one Association for RTP, one for RTCP
    active:   our ClientHello to the signalled address, until something answers
    passive:  each address that says ClientHello tries; the certificate tells who it is
    connected: SetKeys(component), and the address it came by is where media goes (RFC 4961)

Without rtcp-mux each port makes keys of its own (RFC 5764 section 4.1).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from sfu.media.connect import dtls
from sfu.media.connect.directory import is_dtls
from sfu.media.connect.dtls import DtlsSession, Fingerprint, Identity
from sfu.media.engine.command import SetKeys, Transmit
from sfu.media.engine.event import DatagramReceived
from sfu.model import Address, Component, MemberId, SocketId, TransportId
from sfu.shell.patchbay import Patchbay

log = structlog.get_logger()

TRY_S = 30.0
"""A handshake not done by then is none: OpenSSL itself would repeat its flights for minutes."""
ATTEMPTS = 3
"""How often we begin where it is on us: a stranger may have spoilt the first."""
TRIES_MAX = 8
"""Addresses that may try at a time.  One of the signalled host takes a stranger's place."""
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_TYPE_AT = 13
"""Where a handshake's type stands, behind the header of its record."""


@dataclass(frozen=True, slots=True)
class Place:
    """One port of ours, and where the peer said it is."""

    socket: SocketId
    signalled: Address | None


@dataclass(slots=True)
class _Try:
    """A handshake with one address."""

    session: DtlsSession
    until: float


@dataclass(slots=True)
class _Association:
    """The handshakes of one port, of which one will do."""

    component: Component
    place: Place
    fingerprints: tuple[Fingerprint, ...]
    active: bool
    tries: dict[Address, _Try] = field(default_factory=dict)
    remote: Address | None = None
    """Where it is connected to."""
    attempts: int = 0
    """How often we began, where it is on us."""
    since: float | None = None
    """When it began to be waited for."""
    refused: bool = False
    """The peer's own handshake failed, or ours with it."""
    told: bool = False
    """It was told that no keys come."""


class DtlsLine:
    """What DTLS does for one m= line of a call."""

    def __init__(
        self,
        patchbay: Patchbay,
        identity: Identity,
        transport: TransportId,
        member: MemberId,
        on_connected: Callable[[], None],
        on_failed: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """Begin with nothing agreed; `on_connected` hears that `remote` may tell more.

        `on_failed` hears once that no keys will come for RTP: "unanswered" or "refused".
        """
        self._patchbay = patchbay
        self._identity = identity
        self._transport = transport
        self._member = member
        self._on_connected = on_connected
        self._on_failed = on_failed
        self._associations: dict[Component, _Association] = {}

    def agree(
        self,
        fingerprints: Sequence[Fingerprint],
        places: Mapping[Component, Place],
        *,
        active: bool,
    ) -> None:
        """Expect this peer at these ports; the same again leaves what there is.

        What changes needs a new association (RFC 5763 section 6.6); the keys of the former one
        stay in force until then.
        """
        before, self._associations = self._associations, {}
        for component, place in places.items():
            wanted = _Association(component, place, tuple(fingerprints), active)
            former = before.get(component, wanted)
            self._associations[component] = former if _same(former, wanted) else wanted

    def remote(self, component: Component) -> Address | None:
        """Tell where a port's peer is known to be, by its certificate; None before."""
        found = self._associations.get(component) or self._associations.get(Component.BOTH)
        return found.remote if found is not None else None

    @property
    def connected(self) -> bool:
        """Tell whether all its ports have keys."""
        return bool(self._associations) and all(
            one.remote is not None for one in self._associations.values()
        )

    def handle(self, event: DatagramReceived) -> None:
        """Take a datagram of one of its ports."""
        if not is_dtls(event.payload):
            return  # STUN of a peer that hopes for ICE
        for association in self._associations.values():
            if association.place.socket == event.socket:
                self._received(association, event)

    def tick(self, now: float) -> None:
        """Let time pass: begin where it is on us, repeat flights, give up."""
        for association in list(self._associations.values()):
            self._begin_ours(association, now)
            for remote, one in list(association.tries.items()):
                if association.tries.get(remote) is not one:
                    continue  # another address has connected meanwhile
                one.session.tick(now)
                self._flush(association, remote, one.session, now)
                if now >= one.until and not one.session.connected:
                    association.tries.pop(remote, None)
                    self._log("dtls_unanswered", association, remote)
            self._give_up(association, now)

    def close(self) -> None:
        """Say goodbye."""
        for association in self._associations.values():
            for remote, one in list(association.tries.items()):
                one.session.close()
                self._flush(association, remote, one.session, 0.0)
        self._associations.clear()

    def _give_up(self, association: _Association, now: float) -> None:
        """Tell that RTP gets no keys: all our attempts failed, or nobody began in time."""
        if association.since is None:
            association.since = now
        if association.remote or association.tries or association.told:
            return
        ours = association.active and association.place.signalled is not None
        over = association.attempts >= ATTEMPTS if ours else now - association.since > TRY_S
        if over and association.component is not Component.RTCP:
            association.told = True
            self._on_failed("refused" if association.refused else "unanswered")

    # ---- handshakes

    def _begin_ours(self, association: _Association, now: float) -> None:
        signalled = association.place.signalled
        if not association.active or association.tries or signalled is None:
            return
        if association.attempts < ATTEMPTS:
            association.attempts += 1
            self._begin(association, signalled, now)

    def _begin(self, association: _Association, remote: Address, now: float) -> _Try:
        session = DtlsSession(
            self._identity, association.fingerprints, passive=not association.active
        )
        made = association.tries[remote] = _Try(session, now + TRY_S)
        if association.active:
            session.start(now)
            self._flush(association, remote, session, now)
        return made

    def _received(self, association: _Association, event: DatagramReceived) -> None:
        remote, now = event.remote, event.at_us / 1e6
        found = association.tries.get(remote)
        if found is None and association.active:
            found = self._answers_from_elsewhere(association, remote)
        elif found is None and _is_client_hello(event.payload) and _room(association, remote):
            found = self._begin(association, remote, now)
        if found is not None:
            found.session.handle(event.payload, now)
            self._flush(association, remote, found.session, now)

    def _answers_from_elsewhere(self, association: _Association, remote: Address) -> _Try | None:
        """Follow a peer behind a router: it answers from another port than it named, or host."""
        signalled = association.place.signalled
        if signalled is None or association.remote is not None:
            return None
        found = association.tries.pop(signalled, None)
        if found is not None:
            association.tries[remote] = found
        return found

    def _flush(
        self, association: _Association, remote: Address, session: DtlsSession, now: float
    ) -> None:
        for output in session.poll():
            match output:
                case dtls.Send():
                    self._patchbay.transmit(
                        Transmit(association.place.socket, remote, output.payload)
                    )
                case dtls.Connected():
                    self._connect(association, remote, output, now)
                case dtls.Failed():
                    association.tries.pop(remote, None)
                    association.refused |= _is_known(association, remote)
                    self._log("dtls_failed", association, remote, reason=output.reason)
                case dtls.Closed():
                    log.debug("dtls_closed", member=self._member)

    def _connect(
        self, association: _Association, remote: Address, keys: dtls.Connected, now: float
    ) -> None:
        association.remote = remote
        association.tries = {remote: association.tries[remote]}
        self._patchbay.set_keys(
            SetKeys(self._transport, True, keys.sending, association.component),
            SetKeys(self._transport, False, keys.receiving, association.component),
        )
        log.info(
            "dtls_connected", member=self._member, remote=str(remote),
            component=association.component.name.lower(), suite=keys.sending.suite.name,
        )  # fmt: skip
        self._on_connected()
        self._patchbay.flush(now)

    def _log(
        self, event: str, association: _Association, remote: Address, reason: str = "no answer"
    ) -> None:
        """Warn of the peer's own failure; a stranger's is its own affair."""
        known = _is_known(association, remote)
        (log.warning if known else log.debug)(
            event, member=self._member, remote=str(remote), reason=reason,
            component=association.component.name.lower(),
        )  # fmt: skip


def _same(former: _Association, wanted: _Association) -> bool:
    return (former.place, former.fingerprints, former.active) == (
        wanted.place,
        wanted.fingerprints,
        wanted.active,
    )


def _is_client_hello(datagram: bytes) -> bool:
    return datagram[0] == _HANDSHAKE and datagram[_TYPE_AT : _TYPE_AT + 1] == bytes([_CLIENT_HELLO])


def _is_known(association: _Association, remote: Address) -> bool:
    signalled = association.place.signalled
    return signalled is not None and remote.host == signalled.host


def _room(association: _Association, remote: Address) -> bool:
    """Make room for one more try, a stranger's where the signalled host wants it."""
    if len(association.tries) < TRIES_MAX:
        return True
    if not _is_known(association, remote):
        return False
    for other in association.tries:
        if other != association.remote and not _is_known(association, other):
            del association.tries[other]
            return True
    return False

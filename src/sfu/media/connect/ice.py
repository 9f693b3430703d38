"""ICE as a lite agent (RFC 8445 sections 2.5 and 7.3): we only answer checks.

::

    waiting --authentic check--> checked: media and DTLS may pass on that path
            --USE-CANDIDATE----> selected: the path of the latest nomination
            --30 s without a check on it, or its connection over TCP ended-->
                                           another live path, or ConsentLost

RFC 7675 wants consent renewed.  A lite agent sends no checks, so the peer's own authentic checks
are taken as its consent.  A restart adds a second pair of credentials; the old path stays until
a check with the new ones nominates another.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.media.connect import stun
from sfu.media.connect.stun import Attribute, StunMessage, StunType
from sfu.model import Address, SocketId

CONSENT_S = 30.0
"""RFC 7675 section 5.1."""
MAX_PATHS = 16
"""Paths one session may have checked; the one silent longest is forgotten."""

_ICE_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_UFRAG_CHARS, _PASSWORD_CHARS = 8, 24
CREDENTIAL_BYTES = _UFRAG_CHARS + _PASSWORD_CHARS
"""Random bytes that `Credentials.of` wants: six bits of each count, 48 and 144 in all."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Our `a=ice-ufrag` and `a=ice-pwd`."""

    ufrag: str
    password: str

    @classmethod
    def of(cls, noise: bytes) -> "Credentials":
        """Make them of random bytes."""
        assert len(noise) == CREDENTIAL_BYTES
        text = "".join(_ICE_CHARS[byte & 63] for byte in noise)
        return cls(text[:_UFRAG_CHARS], text[_UFRAG_CHARS:])

    def __repr__(self) -> str:
        """Show the name, never the secret."""
        return f"Credentials({self.ufrag})"


@dataclass(frozen=True, slots=True)
class Path:
    """Where a datagram came in, and from whom."""

    socket: SocketId
    remote: Address


@dataclass(frozen=True, slots=True)
class CheckReceived:
    """A STUN datagram whose USERNAME names this agent."""

    path: Path
    payload: bytes


@dataclass(frozen=True, slots=True)
class PathLost:
    """A connection over TCP is over: nothing can pass on this path any more."""

    path: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """Send this STUN message."""

    path: Path
    payload: bytes


@dataclass(frozen=True, slots=True)
class Selected:
    """Media goes this way from now on."""

    path: Path


@dataclass(frozen=True, slots=True)
class ConsentLost:
    """Stop sending: nobody has checked for `CONSENT_S`.  Told once; a check revives the agent."""


Output = Answer | Selected | ConsentLost


class IceAgent:
    """One session's answers to connectivity checks."""

    def __init__(self, credentials: Credentials, now: float) -> None:
        """Wait for checks; consent is lost if none comes."""
        self.selected: Path | None = None
        self.deadline: float | None = now + CONSENT_S
        self._current = credentials
        self._next: Credentials | None = None
        self._paths: dict[Path, float] = {}
        self._outputs: deque[Output] = deque()

    @property
    def ufrags(self) -> tuple[str, ...]:
        """The names checks may carry: ours, and after a restart the new one too."""
        return (self._current.ufrag,) + ((self._next.ufrag,) if self._next else ())

    @property
    def credentials(self) -> Credentials:
        """The newest ones, for our next answer."""
        return self._next or self._current

    @property
    def paths(self) -> frozenset[Path]:
        """Paths an authentic check came by: whatever else comes there is this peer's."""
        return frozenset(self._paths)

    def restart(self, credentials: Credentials) -> None:
        """Take new credentials beside the old, until a check with the new ones nominates."""
        self._next = credentials

    def handle(self, event: CheckReceived | PathLost, now: float) -> None:
        """Take one event; PeerError when a check is no STUN message."""
        if isinstance(event, PathLost):
            self._lose(event.path)
        else:
            self._check(event, now)

    def _lose(self, path: Path) -> None:
        self._paths.pop(path, None)
        if path == self.selected:
            self._fall_back()

    def _check(self, event: CheckReceived, now: float) -> None:
        message = stun.parse(event.payload)
        if message.kind != StunType.REQUEST:
            return  # indications keep bindings alive; answers are to questions we never asked
        credentials = self._credentials_of(message)
        refusal = self._refusal(message, credentials)
        if refusal is not None:
            self._refuse(event.path, message, *refusal)
            return
        assert credentials is not None
        self._succeed(event.path, message, credentials)
        self._remember(event.path, now)
        if self.selected is None or Attribute.USE_CANDIDATE in message.attributes:
            self._nominate(event.path, credentials)
        self._rearm()

    def tick(self, now: float) -> None:
        """Let time pass; without consent on the selected path take a live one, or give up."""
        if self.deadline is None or now < self.deadline:
            return
        self._paths = {p: at for p, at in self._paths.items() if now < at + CONSENT_S}
        self._fall_back()

    def _fall_back(self) -> None:
        """Go on by the path checked last, or by none."""
        live = max(self._paths, key=self._paths.__getitem__, default=None)
        self.selected = live
        self._outputs.append(ConsentLost() if live is None else Selected(live))
        self._rearm()

    def poll(self) -> Iterator[Output]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    def _credentials_of(self, message: StunMessage) -> Credentials | None:
        ours = message.text(Attribute.USERNAME).partition(":")[0]
        known = (self._current, self._next)
        return next((each for each in known if each and each.ufrag == ours), None)

    def _refusal(
        self, message: StunMessage, credentials: Credentials | None
    ) -> tuple[int, str] | None:
        # RFC 8489 section 9.1.3, then RFC 8445 section 7.3.1.1
        if message.protected is None or Attribute.USERNAME not in message.attributes:
            return 400, "Bad Request"
        if credentials is None or not message.authentic(credentials.password):
            return 401, "Unauthenticated"
        if _unknown(message):
            return 420, "Unknown Attribute"
        if Attribute.ICE_CONTROLLED in message.attributes:
            return 487, "Role Conflict"  # we are lite: the other end has to control
        return None

    def _refuse(self, path: Path, message: StunMessage, code: int, reason: str) -> None:
        attributes = [stun.compose_error(code, reason)]
        if code == 420:
            numbers = b"".join(number.to_bytes(2) for number in _unknown(message))
            attributes.append((Attribute.UNKNOWN_ATTRIBUTES, numbers))
        known = self._credentials_of(message) if code not in (400, 401) else None
        password = known.password if known else None
        payload = stun.compose(StunType.ERROR, message.transaction, attributes, password)
        self._outputs.append(Answer(path, payload))

    def _succeed(self, path: Path, message: StunMessage, credentials: Credentials) -> None:
        mapped = stun.compose_xor_address(path.remote, message.transaction)
        payload = stun.compose(
            StunType.SUCCESS, message.transaction, [mapped], credentials.password
        )
        self._outputs.append(Answer(path, payload))

    def _remember(self, path: Path, now: float) -> None:
        if path not in self._paths and len(self._paths) >= MAX_PATHS:
            idle = (known for known in self._paths if known != self.selected)
            del self._paths[min(idle, key=self._paths.__getitem__)]
        self._paths[path] = now

    def _nominate(self, path: Path, credentials: Credentials) -> None:
        if self._next and credentials == self._next:
            self._current, self._next = self._next, None
        elif self._next and self.selected is not None:
            return  # an old nomination repeated while the restart is under way
        if path != self.selected:
            self.selected = path
            self._outputs.append(Selected(path))

    def _rearm(self) -> None:
        checked = self._paths.get(self.selected) if self.selected else None
        self.deadline = None if checked is None else checked + CONSENT_S


def _unknown(message: StunMessage) -> list[int]:
    """List comprehension-required attributes we do not know, a few at most."""
    known = Attribute._value2member_map_
    return [number for number in message.attributes if number < 0x8000 and number not in known][:8]


def local_ufrag(payload: bytes) -> str | None:
    """Read whom a STUN datagram is for: the part of USERNAME before the colon (section 7.3)."""
    try:
        message = stun.parse(payload)
        if message.kind != StunType.REQUEST:
            return None
        return message.text(Attribute.USERNAME).partition(":")[0] or None
    except PeerError:
        return None

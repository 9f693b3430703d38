"""What one call says by H.225.0 call signalling: Q.931 messages with their user-to-user part."""

from collections.abc import Callable
from dataclasses import dataclass

from sfu.model import Address
from sfu.signalling.h323 import h225, q931
from sfu.signalling.h323.alias import Alias, number
from sfu.signalling.h323.cause import CAUSES, NORMAL
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.tpkt import write as frame

NOT_ASKED = 30
"""Q.850 cause: response to STATUS ENQUIRY."""


@dataclass(slots=True)
class Signals:
    """Writes the messages of one call; `send` takes them framed, for its connection."""

    identity: Identity
    reference: int
    outgoing: bool
    identifier: bytes
    conference: bytes
    send: Callable[[bytes], None]
    tunnels: Callable[[], bool]
    """What each message says of H.245 in the tunnel."""
    user: str = ""
    """On whose behalf we call; "" for our own."""
    display: str = ""

    def setup(self, target: h225.Setup) -> None:
        """Begin a call."""
        self._say(q931.Type.SETUP, target, (_BEARER, q931.display(self._shown())))

    def source(self) -> tuple[Alias, ...]:
        """Return who calls."""
        if self.user:
            return (Alias("h323-ID", self._shown()), number(self.user))
        return (Alias("h323-ID", self.identity.name),)

    def proceeding(self, *, ringing: bool) -> None:
        """Say that the call is worked on, or that it rings."""
        info = self.identity.endpoint
        body = h225.Proceeding(self.identifier, ringing=ringing, info=info)
        self._say(q931.Type.ALERTING if ringing else q931.Type.CALL_PROCEEDING, body)

    def connect(self, body: h225.Connect) -> None:
        """Take a call."""
        self._say(q931.Type.CONNECT, body, (_BEARER, q931.display(self.identity.name)))

    def carry(self, octets: bytes) -> None:
        """Say H.245 in the tunnel."""
        self._say(q931.Type.FACILITY, h225.Facility(self.identifier), control=(octets,))

    def start_h245(self, address: Address) -> None:
        """Say where H.245 may be connected to."""
        self._say(
            q931.Type.FACILITY,
            h225.Facility(self.identifier, h225.Reason.START_H245, address),
        )

    def status(self, state: q931.CallState) -> None:
        """Answer who asks how the call is."""
        told = (q931.cause(NOT_ASKED), (q931.Element.CALL_STATE, bytes((state,))))
        self._say(q931.Type.STATUS, h225.Status(self.identifier), told)

    def release(self, reason: h225.Release | None, control: tuple[bytes, ...]) -> None:
        """End the call, with the last of H.245 where that goes in the tunnel."""
        cause = CAUSES.get(reason, NORMAL) if reason is not None else NORMAL
        body = h225.ReleaseComplete(self.identifier, reason)
        self._say(q931.Type.RELEASE_COMPLETE, body, (q931.cause(cause),), control)

    def _shown(self) -> str:
        return self.display or self.identity.name

    def _say(
        self,
        kind: q931.Type,
        body: h225.Body,
        before: tuple[tuple[int, bytes], ...] = (),
        control: tuple[bytes, ...] = (),
    ) -> None:
        information = h225.write(h225.Information(body, self.tunnels(), control))
        elements = (*before, q931.user_user(information))
        message = q931.Message(kind, self.reference, not self.outgoing, elements)
        self.send(frame(q931.write(message)))


_BEARER = (q931.Element.BEARER_CAPABILITY, q931.MULTIRATE)

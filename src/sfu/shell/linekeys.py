"""How one m= line of a room codec is encrypted: not at all, by SDES, or by DTLS.

::

    their offer --> choose() --> local(): a=crypto, or our part in DTLS, for our answer
    offer()     --> local() in our offer ... their answer
    both        --> check(): are these the keys we spoke of?
                --> expect(): a handshake    symmetric(): where it came from    apply(): SetKeys
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from sfu.config import OfferedEncryption
from sfu.errors import PeerError
from sfu.media.connect import sdes
from sfu.media.connect.dtls import Fingerprint
from sfu.media.engine.command import OpenTransport, SetKeys
from sfu.model import Component, Keys, SrtpSuite, TransportId
from sfu.shell.dtlsline import DtlsLine, Place
from sfu.shell.patchbay import Patchbay
from sfu.signalling.sdp.agreement import AgreedLine
from sfu.signalling.sdp.local import LocalLine
from sfu.signalling.sdp.peer import PeerLine

log = structlog.get_logger()

SUITES = (
    SrtpSuite.AES_CM_128_HMAC_SHA1_80,
    SrtpSuite.AEAD_AES_128_GCM,
    SrtpSuite.AEAD_AES_256_GCM,
    SrtpSuite.AES_256_CM_HMAC_SHA1_80,
    SrtpSuite.AES_CM_128_HMAC_SHA1_32,
    SrtpSuite.AES_256_CM_HMAC_SHA1_32,
)
"""In order of preference; the first is on every unit that knows SDES."""
OFFERED_SUITE = SUITES[0]


@dataclass(slots=True)
class LineKeys:
    """The keys of one m= line, as long as the call lasts."""

    entropy: Callable[[int], bytes]
    dtls: DtlsLine | None
    """None: no certificate of ours, no DTLS."""
    crypto: str = field(default="", init=False)
    """Our a=crypto value in force, or just offered."""
    setup: str = field(default="", init=False)
    """Our part in DTLS: active or passive; actpass while we only offer."""
    best_effort: bool = field(default=False, init=False)
    sending: Keys | None = field(default=None, init=False)
    receiving: Keys | None = field(default=None, init=False)

    def local(self, port: int) -> LocalLine:
        """Return our end of the line as a description needs it."""
        crypto = (self.crypto,) if self.crypto else ()
        return LocalLine(port, port + 1, crypto, self.best_effort, self.setup)

    def choose(self, offered: PeerLine) -> None:
        """Choose SDES keys for an offered line; ours stay as long as their suite is offered.

        A key is never used anew with sequence numbers already spent.
        """
        theirs = None if offered.dtls else _keys_offered(offered)
        if theirs is None:
            self.crypto, self.receiving = "", None
            return
        suite = theirs.keys.suite
        if self.sending is None or self.sending.suite is not suite:
            self.sending = self._new(theirs.tag, suite)
        self.crypto = sdes.compose(sdes.Crypto(theirs.tag, self.sending))
        self.receiving = theirs.keys

    def offer(self, how: OfferedEncryption) -> None:
        """Offer keys on a line nobody has answered; keys offered before are offered again."""
        match how:
            case OfferedEncryption.AUTO:
                return
            case OfferedEncryption.DTLS if self.dtls is not None:
                self.setup = "actpass"
            case _:
                if self.sending is None:
                    self.sending = self._new(1, OFFERED_SUITE)
                self.crypto = sdes.compose(sdes.Crypto(1, self.sending))
                self.best_effort = how is OfferedEncryption.BEST_EFFORT

    def check(self, agreed: AgreedLine) -> None:
        """Refuse keys that are not of the suite agreed; PeerError (488)."""
        if not agreed.crypto:
            return
        theirs = sdes.parse(agreed.remote_crypto)
        if theirs is None or self.sending is None or theirs.keys.suite is not self.sending.suite:
            raise PeerError("a=crypto that is not of the suite offered", status=488)
        self.receiving = theirs.keys

    def symmetric(self, command: OpenTransport) -> OpenTransport:
        """Return the path with the addresses DTLS came by, where it did."""
        if self.dtls is None:
            return command
        muxed = command.rtp_socket == command.rtcp_socket
        rtp = self.dtls.remote(Component.RTP) or command.remote
        rtcp = rtp if muxed else self.dtls.remote(Component.RTCP) or command.rtcp_remote
        return replace(command, remote=rtp, rtcp_remote=rtcp)

    def apply(self, agreed: AgreedLine, transport: TransportId, patchbay: Patchbay) -> None:
        """Put SDES keys into force, once the path is open."""
        if agreed.crypto and self.sending is not None and self.receiving is not None:
            patchbay.set_keys(
                SetKeys(transport, True, self.sending),
                SetKeys(transport, False, self.receiving),
            )
            log.debug("sdes_agreed", transport=transport, suite=self.sending.suite.name)

    def expect(self, agreed: AgreedLine, signalled: OpenTransport) -> None:
        """Expect the handshakes that were agreed, or none."""
        self.setup = ""
        if self.dtls is None:
            return
        if not agreed.fingerprints:
            self.dtls.close()
            return
        self.setup = "active" if agreed.setup == "passive" else "passive"
        rtp = Place(signalled.rtp_socket, signalled.remote)
        places = {Component.BOTH: rtp}
        if signalled.rtp_socket != signalled.rtcp_socket:
            rtcp = Place(signalled.rtcp_socket, signalled.rtcp_remote)
            places = {Component.RTP: rtp, Component.RTCP: rtcp}
        self.dtls.agree(
            [Fingerprint(one.algorithm, one.value) for one in agreed.fingerprints],
            places,
            active=self.setup == "active",
        )

    def _new(self, tag: int, suite: SrtpSuite) -> Keys:
        return sdes.own(tag, suite, self.entropy(sdes.material_bytes(suite))).keys


def _keys_offered(offered: PeerLine) -> sdes.Crypto | None:
    """Return the offered a=crypto line we like best, None where we speak none of them."""
    found = []
    for one in offered.crypto:
        with contextlib.suppress(PeerError):  # one bad line does not spoil the others
            if (crypto := sdes.parse(one.text)) is not None:
                found.append(crypto)
    return sdes.choose(found, SUITES)

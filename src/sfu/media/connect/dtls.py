"""DTLS-SRTP (RFC 5764) over OpenSSL's memory BIO: datagrams in, datagrams and two keys out.

::

    ClientHello      -->
                     <--  ServerHello, Certificate, CertificateRequest, ...
    Certificate, ... -->
                     <--  Finished        fingerprints agree -> keys of both directions

The active end says the first word; it is ours where the peer leaves the choice to us (RFC 5763
section 5): the peer, which sends media first, then has its keys a round trip sooner.

The peer's certificate must hash to the fingerprint its signalling named (RFC 8122) before any
key is given out.  OpenSSL has its own clock and dice: sans-IO, but not deterministic.
"""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from sfu.model import Keys, SrtpSuite

MTU = 1200
"""What surely passes, tunnels and IPv6 included; browsers use it too."""
_RECORD_HEADER = 13
_READ_BYTES = 65536
_EXPORT_LABEL = b"EXTRACTOR-dtls_srtp"
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha-256": hashes.SHA256,
    "sha-384": hashes.SHA384,
    "sha-512": hashes.SHA512,
}
_PROFILES = {
    # the passive end's order decides: GCM costs half of what CM does
    b"SRTP_AEAD_AES_128_GCM": SrtpSuite.AEAD_AES_128_GCM,
    b"SRTP_AEAD_AES_256_GCM": SrtpSuite.AEAD_AES_256_GCM,
    b"SRTP_AES128_CM_SHA1_80": SrtpSuite.AES_CM_128_HMAC_SHA1_80,
}
_OFFERED = tuple(name for name in _PROFILES if name != b"SRTP_AEAD_AES_256_GCM")
"""As the active end: browsers would take the long key before the short one, and all know both."""
HELLO_AGAIN_S = (0.1, 0.3)
"""Since the first: a peer whose ICE was not through yet may have dropped it; OpenSSL waits 1 s."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hash of a certificate, as in `a=fingerprint:sha-256 AB:CD:...`."""

    algorithm: str
    value: str

    @classmethod
    def of(cls, certificate: x509.Certificate, algorithm: str = "sha-256") -> "Fingerprint":
        """Hash a certificate."""
        return cls(algorithm, certificate.fingerprint(_HASHES[algorithm]()).hex(":").upper())

    def matches(self, certificate: x509.Certificate) -> bool:
        """Tell whether it is this certificate's; an unknown or weak hash matches nothing."""
        algorithm = self.algorithm.lower()
        if algorithm not in _HASHES:
            return False
        wanted = Fingerprint.of(certificate, algorithm).value
        return compare_digest(wanted.encode(), self.value.strip().upper().encode())


class Identity:
    """Our certificate, made once and used for all sessions."""

    def __init__(self, unix_s: float) -> None:
        """Make a self-signed P-256 certificate valid from a day ago, for ten years."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sfu")])
        start = datetime.fromtimestamp(unix_s, UTC) - timedelta(days=1)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=3650))
            .sign(key, hashes.SHA256())
        )
        self.certificate = certificate
        self.fingerprint = Fingerprint.of(certificate)
        self.passive = _context(certificate, key, _PROFILES)
        self.active = _context(certificate, key, _OFFERED)


def _context(
    certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, profiles: Iterable[bytes]
) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK")
    # any certificate will do for OpenSSL: we hold it against the fingerprint ourselves
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.set_tlsext_use_srtp(b":".join(profiles))
    return context


@dataclass(frozen=True, slots=True)
class Send:
    """Send this datagram."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Connected:
    """The peer is who its signalling said; these are the keys."""

    sending: Keys
    receiving: Keys


@dataclass(frozen=True, slots=True)
class Failed:
    """No keys will come of this."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer said goodbye."""


Output = Send | Connected | Failed | Closed


class DtlsSession:
    """One handshake and what may follow it."""

    def __init__(
        self, identity: Identity, fingerprints: Sequence[Fingerprint], *, passive: bool = True
    ) -> None:
        """Wait for a ClientHello; `passive=False` (a=setup:active) begins with `start`."""
        self.deadline: float | None = None
        self.connected = False
        self._passive = passive
        self._fingerprints = tuple(fingerprints)
        self._over = False
        self._outputs: deque[Output] = deque()
        self._hello, self._again = b"", deque[float]()
        """Our first word, and when it is said again while nothing is heard."""
        context = identity.passive if passive else identity.active
        self._connection = SSL.Connection(context, None)
        self._connection.set_ciphertext_mtu(MTU)
        if passive:
            self._connection.set_accept_state()
        else:
            self._connection.set_connect_state()

    def start(self, now: float) -> None:
        """Send our ClientHello where we are the active end."""
        self._step(now)
        first = self._outputs[-1] if self._outputs else None
        if isinstance(first, Send):
            self._hello = first.payload
            self._again.extend(now + later_s for later_s in HELLO_AGAIN_S)
            self._rearm(now)

    def handle(self, datagram: bytes, now: float) -> None:
        """Take one datagram; what is no DTLS is dropped, as RFC 6347 section 4.1.2.7 wants."""
        if self._over or not datagram:
            return
        self._again.clear()
        self._connection.bio_write(datagram)
        self._step(now)

    def tick(self, now: float) -> None:
        """Let time pass: repeat a flight that was not answered."""
        if self._over or self.deadline is None or now < self.deadline:
            return
        if self._again:
            self._again.popleft()
            self._outputs.append(Send(self._hello))  # its number again: who had it drops this one
            self._rearm(now)
            return
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._fail(f"DTLS timed out: {_words(error)}")
        self._flush()
        self._rearm(now)

    def close(self) -> None:
        """Say goodbye."""
        if self.connected and not self._over:
            with contextlib.suppress(SSL.Error):
                self._connection.shutdown()
            self._flush()
        self._over = True
        self.deadline = None

    def poll(self) -> Iterator[Output]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    def _step(self, now: float) -> None:
        try:
            if not self.connected:
                self._connection.do_handshake()
                self._verify()
            self._read()
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._over = True
            self._outputs.append(Closed())
        except SSL.Error as error:
            self._fail(f"DTLS failed: {_words(error)}")
        self._flush()
        self._rearm(now)

    def _read(self) -> None:
        """Let OpenSSL see what follows the handshake: repeated flights, alerts; data is nothing."""
        while not self._over:
            self._connection.recv(_READ_BYTES)

    def _verify(self) -> None:
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None or not any(f.matches(certificate) for f in self._fingerprints):
            self._fail("the certificate is not the one the signalling named")
            return
        suite = _PROFILES.get(self._connection.get_selected_srtp_profile())
        if suite is None:
            self._fail("no SRTP profile in common")
            return
        self.connected = True
        self._flush()  # our Finished first: the peer cannot read media before it
        self._outputs.append(self._export(suite))

    def _export(self, suite: SrtpSuite) -> Connected:
        key, salt = suite.key_bytes, suite.salt_bytes
        material = self._connection.export_keying_material(_EXPORT_LABEL, 2 * (key + salt))
        client = Keys(suite, material[:key], material[2 * key : 2 * key + salt])
        server = Keys(suite, material[key : 2 * key], material[2 * key + salt :])
        return Connected(server, client) if self._passive else Connected(client, server)

    def _fail(self, reason: str) -> None:
        self._over = True
        self._outputs.append(Failed(reason))

    def _flush(self) -> None:
        """Take what OpenSSL has written, cut into datagrams between records."""
        with contextlib.suppress(SSL.Error):
            self._outputs.extend(
                Send(datagram) for datagram in _datagrams(self._connection.bio_read(_READ_BYTES))
            )

    def _rearm(self, now: float) -> None:
        remaining = None if self._over else self._connection.DTLSv1_get_timeout()
        self.deadline = None if remaining is None else now + remaining
        if self._again and self.deadline is not None:
            self.deadline = min(self.deadline, self._again[0])


def _datagrams(flight: bytes) -> Iterator[bytes]:
    """Pack whole records into datagrams of at most MTU."""
    begin = at = 0
    while at < len(flight):
        end = at + _RECORD_HEADER + int.from_bytes(flight[at + 11 : at + 13])
        if end - begin > MTU and at > begin:
            yield flight[begin:at]
            begin = at
        at = end
    if flight[begin:]:
        yield flight[begin:]


def _words(error: SSL.Error) -> str:
    """Find the words in OpenSSL's queue of errors."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else ()
    return ", ".join(str(entry[-1]) for entry in queue) or type(error).__name__

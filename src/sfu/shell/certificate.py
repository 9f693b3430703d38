"""The certificate of page, API and SIP over TLS: the given one, or one made at first start.

The made one is self-signed (ECDSA P-256, RFC 5480).  It is kept as long as it lasts, whatever the
host is called by now: whoever took it once by its fingerprint is not asked again.
"""

import contextlib
import ipaddress
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sfu.errors import UseError
from sfu.shell.fault import naming

VALID_DAYS = 820
"""Apple's systems take 825 days at most from a certificate their owner accepted."""
RENEW_BEFORE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files that belong together, and what a person compares."""

    chain: Path
    key: Path
    fingerprint: str
    """SHA-256 of the first certificate: "AB:CD:..."."""
    ends_at: float = 0.0
    """When it is good no more, in seconds since 1970."""


def ensure_certificate(directory: Path, names: Sequence[str]) -> Certificate:
    """Give the certificate of our own in `directory`; make it where there is none that lasts."""
    chain, key = directory / "certificate.pem", directory / "private-key.pem"
    with naming(f"certificate directory {directory}"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (key.exists() and _lasts(chain)):
            _make(chain, key, names)
    return load_certificate(chain, key)


def load_certificate(chain: Path, key: Path) -> Certificate:
    """Read two PEM files; raise UseError of one line where they cannot serve."""
    try:
        certificate = x509.load_pem_x509_certificate(_read(chain))
    except ValueError:
        raise UseError(f"certificate {chain} holds no PEM certificate") from None
    try:
        private = serialization.load_pem_private_key(_read(key), None)
    except (ValueError, TypeError):
        raise UseError(f"private key {key} holds no PEM key, or one with a password") from None
    if private.public_key() != certificate.public_key():
        raise UseError(f"private key {key} is not the key of {chain}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
    except ssl.SSLError as error:
        raise UseError(f"certificate {chain} cannot serve: {error.reason or error}") from None
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(chain, key, fingerprint, certificate.not_valid_after_utc.timestamp())


def machine_names() -> list[str]:
    """Give what this host is called by: localhost, loopback, its name, its addresses."""
    name = socket.gethostname()
    names = ["localhost", "127.0.0.1", "::1", name]
    with contextlib.suppress(OSError):  # a host need not know its own name
        names += [str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(name, None)]
    return list(dict.fromkeys(names))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UseError(f"cannot read {path}: {error.strerror or error}") from None


def _lasts(chain: Path) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    return left > timedelta(days=RENEW_BEFORE_DAYS)


def _make(chain: Path, key: Path, names: Sequence[str]) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sfu")])
    begin = datetime.now(UTC) - timedelta(days=1)  # clocks of others may be late
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key, pem)
    _write(chain, certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    """Write a file only its owner reads, whole or not at all."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    new.replace(path)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text if text.isascii() else text.encode("idna").decode())

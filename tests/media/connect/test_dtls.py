"""Two of our sessions against each other, OpenSSL's own client, and a liar."""

import random
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sfu.media.connect.dtls import (
    HELLO_AGAIN_S,
    MTU,
    Closed,
    Connected,
    DtlsSession,
    Failed,
    Fingerprint,
    Identity,
    Output,
    Send,
)
from sfu.model import SrtpSuite


@pytest.fixture(scope="module")
def ours() -> Identity:
    return Identity(time.time())


@pytest.fixture(scope="module")
def theirs() -> Identity:
    return Identity(time.time())


def pair(ours: Identity, theirs: Identity) -> tuple[DtlsSession, DtlsSession]:
    return DtlsSession(ours, [theirs.fingerprint]), DtlsSession(
        theirs, [ours.fingerprint], passive=False
    )


def taken(session: DtlsSession, kind):
    return [each for each in session.poll() if isinstance(each, kind)]


def converse(server: DtlsSession, client: DtlsSession, hands=lambda flight: flight):
    """Carry datagrams to and fro until nobody speaks; returns what else they said."""
    said: dict[DtlsSession, list[Output]] = {server: [], client: []}
    client.start(0.0)
    for _ in range(20):
        for speaker, listener in ((client, server), (server, client)):
            outputs = list(speaker.poll())
            said[speaker] += [each for each in outputs if not isinstance(each, Send)]
            for payload in hands([each.payload for each in outputs if isinstance(each, Send)]):
                assert len(payload) <= MTU
                listener.handle(payload, 0.0)
    return said[server], said[client]


def test_both_ends_come_to_the_same_keys_gcm_first(ours, theirs):
    ((server,), (client,)) = converse(*pair(ours, theirs))
    assert isinstance(server, Connected)
    assert (server.sending, server.receiving) == (client.receiving, client.sending)
    assert server.sending.suite is SrtpSuite.AEAD_AES_128_GCM
    assert (len(server.sending.key), len(server.sending.salt)) == (16, 12)
    assert server.sending != server.receiving


def test_keys_are_no_output_before_our_last_flight(ours, theirs):
    server, client = pair(ours, theirs)
    client.start(0.0)
    for _ in range(5):
        for each in taken(client, Send):
            server.handle(each.payload, 0.0)
        outputs = list(server.poll())
        if any(isinstance(each, Connected) for each in outputs):
            break
        for each in outputs:
            assert isinstance(each, Send)
            client.handle(each.payload, 0.0)
    assert [type(each) for each in outputs] == [Send, Connected]


@pytest.mark.parametrize("seed", range(5))
def test_datagrams_may_be_doubled_and_disordered(ours, theirs, seed):
    dice = random.Random(seed)

    def hands(flight):
        shuffled = flight + flight[:1]
        dice.shuffle(shuffled)
        return shuffled

    ((server,), (client,)) = converse(*pair(ours, theirs), hands)
    assert server.sending == client.receiving


@pytest.mark.interop
def test_a_lost_flight_is_repeated_at_the_deadline(ours, theirs):
    server, client = pair(ours, theirs)
    client.start(time.monotonic())
    assert taken(client, Send)  # and lost
    assert client.deadline is not None
    time.sleep(max(0.0, client.deadline - time.monotonic()) + 0.05)  # OpenSSL's clock is its own
    client.tick(time.monotonic())
    for each in taken(client, Send):
        server.handle(each.payload, 0.0)
    assert taken(server, Send)


def test_a_handshake_has_a_deadline_and_its_end_none(ours, theirs):
    server, client = pair(ours, theirs)
    assert server.deadline is None
    client.start(10.0)
    assert client.deadline is not None
    assert client.deadline == 10.0 + HELLO_AGAIN_S[0]
    for _ in range(3):
        for each in taken(client, Send):
            server.handle(each.payload, 0.0)
        for each in taken(server, Send):
            client.handle(each.payload, 0.0)
    assert client.connected
    assert server.connected
    assert client.deadline is None
    assert server.deadline is None


def test_another_certificate_than_the_signalled_one_gets_no_keys(ours, theirs):
    server = DtlsSession(ours, [ours.fingerprint])
    client = DtlsSession(theirs, [ours.fingerprint], passive=False)
    (said, _) = converse(server, client)
    assert [type(each) for each in said] == [Failed]
    assert not server.connected


def test_a_weak_hash_matches_nothing(ours):
    certificate = ours.certificate
    assert Fingerprint("SHA-256", ours.fingerprint.value.lower()).matches(certificate)
    assert Fingerprint.of(certificate, "sha-512").matches(certificate)
    assert not Fingerprint("sha-1", certificate.fingerprint(hashes.SHA1()).hex(":")).matches(
        certificate
    )
    assert not Fingerprint("sha-256", "").matches(certificate)


def test_a_goodbye_is_heard(ours, theirs):
    server, client = pair(ours, theirs)
    converse(server, client)
    client.close()
    for each in taken(client, Send):
        server.handle(each.payload, 0.0)
    assert taken(server, Closed)
    server.handle(b"\x16" * 40, 0.0)
    assert list(server.poll()) == []


def test_noise_ends_nothing(ours, theirs):
    dice = random.Random(1)
    server, client = pair(ours, theirs)
    client.start(0.0)
    for size in (1, 12, 13, 14, 60, 1400):
        server.handle(bytes([22, 254, 253]) + dice.randbytes(size), 0.0)
        server.handle(dice.randbytes(size), 0.0)
    (said, _) = converse(server, client)
    assert [type(each) for each in said] == [Connected]


@pytest.fixture(scope="module")
def pem(tmp_path_factory) -> Path:
    """A certificate with its key, of OpenSSL's own making."""
    path: Path = tmp_path_factory.mktemp("dtls") / "client.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=them"
    made = subprocess.run([*command.split(), "-keyout", "-"], capture_output=True, check=True)
    path.write_bytes(made.stdout)
    return path


@pytest.mark.interop
@pytest.mark.parametrize(
    ("suite", "profile"),
    [
        (SrtpSuite.AES_CM_128_HMAC_SHA1_80, "SRTP_AES128_CM_SHA1_80"),
        (SrtpSuite.AEAD_AES_128_GCM, "SRTP_AEAD_AES_128_GCM"),
        (SrtpSuite.AEAD_AES_256_GCM, "SRTP_AEAD_AES_256_GCM"),
    ],
)
def test_openssl_s_client_reckons_the_same_keys(ours, pem, suite, profile):
    certificate = x509.load_pem_x509_certificate(pem.read_bytes())
    session = DtlsSession(ours, [Fingerprint.of(certificate)])
    length = 2 * (suite.key_bytes + suite.salt_bytes)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        port.settimeout(5)
        command = ["openssl", "s_client", "-dtls1_2", "-mtu", "1200", "-use_srtp", profile]
        command += ["-connect", f"127.0.0.1:{port.getsockname()[1]}", "-cert", str(pem)]
        command += ["-key", str(pem), "-keymatexport", "EXTRACTOR-dtls_srtp"]
        command += ["-keymatexportlen", str(length)]
        client = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        connected = served(session, port)
        text, _ = client.communicate(b"Q\n", timeout=10)
    found = re.search(rb"Keying material: ([0-9A-F]+)", text)
    assert found
    client_keys, server_keys = connected.receiving, connected.sending
    assert bytes.fromhex(found[1].decode()) == (
        client_keys.key + server_keys.key + client_keys.salt + server_keys.salt
    )
    assert client_keys.suite is suite


def served(session: DtlsSession, port: socket.socket) -> Connected:
    while True:
        datagram, remote = port.recvfrom(2000)
        session.handle(datagram, 0.0)
        for output in session.poll():
            match output:
                case Send():
                    port.sendto(output.payload, remote)
                case Connected():
                    return output
                case _:
                    pytest.fail(str(output))

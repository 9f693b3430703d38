"""Janus from Debian as a forwarder: one publisher of its video room, sent on by `rtp_forward`.

::

    we                     Janus
     |---- offer, join ---->|   JSON over a WebSocket
     |<------- answer ------|
     |-- check, handshake ->|   ICE (it is lite), DTLS
     |======= SRTP ========>|==> RTP or SRTP to each receiver

One event loop, for one core.  A publisher comes by DTLS-SRTP and in no other way, so what is called
plain is decrypted once; and a forwarder of SRTP knows AES-CM only, so in the mode `gcm` the source
is GCM and what leaves is not.  Each forwarder has a key of its own: those of one key share one
encryption, and no two browsers share a key.
"""

import itertools
import json
import os
import re
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets import Subprotocol
from websockets.sync.client import connect

from benchmarks.child import pinned
from sfu.media.connect.dtls import Connected, DtlsSession, Failed, Fingerprint, Identity, Send
from sfu.media.connect.stun import Attribute, StunType, compose, compose_xor_address, parse
from sfu.model import Address, Keys, SrtpSuite

ROOM, PAYLOAD_TYPE = 1234, 31
API_PORT, PROTOCOLS = 26188, [Subprotocol("janus-protocol")]
PATIENCE_S, STEP_S = 10.0, 0.05
NOTE = "janus: its source comes by DTLS; it forwards SRTP as AES-CM-128-HMAC-SHA1-80 at gcm too"
CONFIGURATION = {
    "janus": """general: {{ configs_folder = "{folder}"
  debug_level = 2
  event_loops = 1 }}
nat: {{ ice_lite = true
  ice_enforce_list = "{host}" }}
media: {{ ipv6 = false }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
""",
    "janus.transport.websockets": """general: {{ json = "compact"
  ws = true
  ws_ip = "127.0.0.1"
  ws_port = {api} }}
""",
    "janus.plugin.videoroom": """room-{room}: {{ description = "bench"
  publishers = 1
  bitrate = 0
  fir_freq = 0
  videocodec = "vp8" }}
""",
}
OFFER = """v=0\r
o=- 1 1 IN IP4 {host}\r
s=-\r
t=0 0\r
a=group:BUNDLE 0\r
m=video {port} UDP/TLS/RTP/SAVPF {payload_type}\r
c=IN IP4 {host}\r
a=mid:0\r
a=sendonly\r
a=rtcp-mux\r
a=ice-ufrag:{ufrag}\r
a=ice-pwd:{password}\r
a=candidate:1 1 udp 2130706431 {host} {port} typ host\r
a=end-of-candidates\r
a=fingerprint:sha-256 {fingerprint}\r
a=setup:actpass\r
a=rtpmap:{payload_type} VP8/90000\r
a=ssrc:1 cname:bench\r
"""
PROFILES = {"cm": b"SRTP_AES128_CM_SHA1_80"}
"""What the handshake of a mode is held to, where it is not what both like best."""


class Control:
    """Speaks to one Janus."""

    def __init__(self) -> None:
        """Connect as soon as it listens."""
        self._numbers = itertools.count(1)
        self._place: dict[str, int] = {}
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._connection = connect(f"ws://127.0.0.1:{API_PORT}", subprotocols=PROTOCOLS)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < until, "Janus does not listen"
                time.sleep(STEP_S)
        self._place["session_id"] = self.ask("create")["data"]["id"]
        attached = self.ask("attach", plugin="janus.plugin.videoroom")
        self._place["handle_id"] = attached["data"]["id"]

    def __enter__(self) -> "Control":
        """Stay connected as long as this lasts."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._connection.socket.close()

    def ask(self, kind: str, **words: object) -> dict[str, Any]:
        """Say something and wait for what comes of it, past the receipt and other news."""
        transaction = f"t{next(self._numbers)}"
        request = {"janus": kind, "transaction": transaction, **self._place, **words}
        self._connection.send(json.dumps(request))
        return self._hear(lambda told: told.get("transaction") == transaction)

    def wait_for(self, kind: str) -> None:
        """Wait until it tells something of its own."""
        self._hear(lambda told: told["janus"] == kind)

    def _hear(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            told: dict[str, Any] = json.loads(self._connection.recv(PATIENCE_S))
            assert told["janus"] != "error", told
            error = told.get("plugindata", {}).get("data", {}).get("error")
            assert error is None, error
            if told["janus"] != "ack" and wanted(told):
                return told


@contextmanager
def serving(
    directory: Path, mode: str, core: int, ports: Sequence[int], source: socket.socket
) -> Iterator[tuple[int, Keys, Keys | None]]:
    """Connect the source; give the process, the source's keys, and the first sink's."""
    folder = directory / "janus"
    folder.mkdir(exist_ok=True)
    host = _own_address()
    fields = {
        "folder": folder, "host": host, "room": ROOM, "api": API_PORT,
        "plugins": _all_but("plugins", "libjanus_videoroom.so"),
        "transports": _all_but("transports", "libjanus_websockets.so"),
    }  # fmt: skip
    for name, text in CONFIGURATION.items():
        (folder / f"{name}.jcfg").write_text(text.format(**fields))
    command = ["janus", "-F", str(folder), "-N", "-L", str(folder / "log")]
    with pinned(command, core, folder / "errors") as process, Control() as control:
        feed, sending = publish(control, source, host, mode)
        keys = [
            None if mode == "plain" else
            Keys(SrtpSuite.AES_CM_128_HMAC_SHA1_80, os.urandom(16), os.urandom(14))
            for _ in ports[1:]
        ]  # fmt: skip
        for port, key in zip(ports[1:], keys, strict=True):
            forward(control, feed, port, key)
        yield process.pid, sending, keys[0]


def publish(control: Control, source: socket.socket, host: str, mode: str) -> tuple[int, Keys]:
    """Join and send our picture, over the source from now on; return our number and our keys."""
    identity, ours = Identity(time.time()), (os.urandom(4).hex(), os.urandom(16).hex())
    if mode in PROFILES:
        for context in (identity.passive, identity.active):
            context.set_tlsext_use_srtp(PROFILES[mode])
    offer = OFFER.format(
        host=host, port=source.getsockname()[1], payload_type=PAYLOAD_TYPE, ufrag=ours[0],
        password=ours[1], fingerprint=identity.fingerprint.value,
    )  # fmt: skip
    wish = {"request": "joinandconfigure", "ptype": "publisher", "room": ROOM}
    jsep = {"type": "offer", "sdp": offer, "trickle": False}
    joined = control.ask("message", body=wish, jsep=jsep)
    answer = joined["jsep"]["sdp"]
    source.connect((host, int(_first(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host", answer))))
    keys = _handshake(source, identity, answer, ours)
    control.wait_for("webrtcup")
    return joined["plugindata"]["data"]["id"], keys


def forward(control: Control, feed: int, port: int, keys: Keys | None) -> None:
    """Have the picture sent on to a port of this machine."""
    body: dict[str, object] = {
        "request": "rtp_forward", "room": ROOM, "publisher_id": feed, "host": "127.0.0.1",
        "host_family": "ipv4", "streams": [{"mid": "0", "port": port}],
    }  # fmt: skip
    if keys is not None:
        body["srtp_suite"] = 80
        body["srtp_crypto"] = b64encode(keys.key + keys.salt).decode()
    told = control.ask("message", body=body)["plugindata"]["data"]
    assert len(told["forwarders"]) == 1, told


def _handshake(
    source: socket.socket, identity: Identity, answer: str, ours: tuple[str, str]
) -> Keys:
    """Check the path, be checked (libnice does, lite or not), and agree on keys over it."""
    username = (_first(r"a=ice-ufrag:(\S+)", answer) + ":" + ours[0]).encode()
    password = _first(r"a=ice-pwd:(\S+)", answer)
    algorithm, value = _first(r"a=fingerprint:(\S+ \S+)", answer).split()
    passive = _first(r"a=setup:(\S+)", answer) == "active"
    session = DtlsSession(identity, [Fingerprint(algorithm, value)], passive=passive)
    checked, until = False, time.monotonic() + PATIENCE_S
    source.settimeout(STEP_S)
    while (now := time.monotonic()) < until:
        if not checked:
            source.send(_check(username, password))
        for output in session.poll():
            match output:
                case Send(payload):
                    source.send(payload)
                case Connected(sending, _):
                    source.settimeout(None)
                    return sending
                case Failed(reason):
                    raise AssertionError(reason)
        try:
            datagram = source.recv(2048)
        except TimeoutError:
            session.tick(time.monotonic())
            continue
        if datagram[0] >= 20:  # RFC 7983: DTLS
            session.handle(datagram, now)
        elif datagram[:2] == StunType.REQUEST.to_bytes(2):
            source.send(_answer(datagram, source.getpeername(), ours[1]))
        elif not checked:
            checked = True
            if not passive:
                session.start(now)
    raise AssertionError("Janus made no keys with us")


def _check(username: bytes, password: str) -> bytes:
    attributes = [
        (Attribute.USERNAME, username), (Attribute.PRIORITY, (2130706431).to_bytes(4)),
        (Attribute.ICE_CONTROLLING, os.urandom(8)), (Attribute.USE_CANDIDATE, b""),
    ]  # fmt: skip
    return compose(StunType.REQUEST, os.urandom(12), attributes, password)


def _answer(request: bytes, peer: tuple[str, int], password: str) -> bytes:
    transaction = parse(request).transaction
    seen = compose_xor_address(Address(*peer), transaction)
    return compose(StunType.SUCCESS, transaction, [seen], password)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, (pattern, text)
    return found[1]


def _own_address() -> str:
    """Return an address of this machine that is not loopback, which Janus leaves out.

    What goes there does not leave the machine; connecting sends nothing.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def _all_but(kind: str, wanted: str) -> str:
    """Name the modules we do not load: one on a port would be one too many."""
    listed = subprocess.run(["dpkg", "-L", "janus"], capture_output=True, text=True).stdout
    paths = [Path(line) for line in listed.splitlines() if f"/janus/{kind}/" in line]
    names = {path.name.partition(".so")[0] + ".so" for path in paths}
    return ",".join(sorted(names - {wanted}))

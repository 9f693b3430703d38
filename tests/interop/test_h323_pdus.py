"""tshark reads every H.323 message that we write: RAS, call signalling, H.245.

They are those of the captures, read and written by us, and each message of RAS a gatekeeper sends.
"""

import struct
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import get_args

import pytest

from sfu.model import Address
from sfu.signalling.h323 import h225, h245_per, q931, ras, tpkt
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.h225 import Endpoint, Release
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.token import HMAC_SHA1_96, MessageHash, prove
from tests.signalling.h323.test_captures import CAPTURES, carried, payloads, signalling
from tests.signalling.h323.test_rasread import CAPTURES as WITH_RAS
from tests.signalling.h323.test_rasread import messages

pytestmark = [pytest.mark.interop, pytest.mark.waits]

HERE, THERE = Address("10.23.1.1", 40_000), Address("10.23.1.2", 1720)
SIX = Address("2001:db8::1", 1720)
RAS_PORT, CALL_PORT, CONTROL_PORT = 1719, 1720, 40_001
CALL, CONFERENCE = bytes(range(16)), bytes(range(16, 32))
NAMES = (Alias("h323-ID", "Médiathèque"), Alias("dialledDigits", "7001"), Alias("url-ID", "a@b"))
US = Endpoint("mcu", True, "sfu", "0.1", ("42", "43"))
REJECTS = {
    "gatekeeperReject": "securityDenial",
    "registrationReject": "duplicateAlias",
    "admissionReject": "calledPartyNotRegistered",
    "bandwidthReject": "insufficientResources",
    "disengageReject": "notRegistered",
    "unregistrationReject": "notCurrentlyRegistered",
    "locationReject": "notRegistered",
    "infoRequestNak": "notRegistered",
}
CONFIRMS = ("disengageConfirm", "unregistrationConfirm", "infoRequestAck",
            "resourcesAvailableConfirm")  # fmt: skip
OF_CALL = (CALL, CONFERENCE, 7)
REPORT = ras.Report(CALL, CONFERENCE, 7, originator=True, rate_bps=768_000)
OURS: list[ras.Ras] = [
    ras.GatekeeperRequest(1, HERE, US, "sfu", NAMES, (HMAC_SHA1_96,)),
    ras.GatekeeperConfirm(2, "sfu", SIX, HMAC_SHA1_96),
    ras.RegistrationRequest(3, (THERE, SIX), (HERE,), US, NAMES, "sfu", ttl_s=120),
    ras.RegistrationRequest(4, (), (HERE,), US, (), "sfu", "0123", keep_alive=True),
    ras.RegistrationConfirm(5, "0123", (THERE,), NAMES, "sfu", 120),
    ras.AdmissionRequest(6, "0123", *OF_CALL, False, NAMES, SIX, NAMES, 4_000_000, "sfu"),
    ras.AdmissionRequest(7, "0123", *OF_CALL, True),
    ras.AdmissionConfirm(8, 768_000, THERE),
    ras.AdmissionConfirm(9, 768_000, SIX, routed=False, report_s=30),
    ras.BandwidthRequest(10, "0123", *OF_CALL, 512_000, "sfu"),
    ras.BandwidthConfirm(11, 512_000),
    ras.DisengageRequest(12, "0123", *OF_CALL, True, "sfu"),
    ras.UnregistrationRequest(13, (THERE,), NAMES, "0123"),
    ras.LocationRequest(14, NAMES, HERE),
    ras.LocationConfirm(15, THERE, HERE),
    ras.InfoRequest(16, HERE),
    ras.InfoRequest(16, HERE, CALL, 7),
    ras.InfoResponse(17, "0123", HERE, (THERE,), US, wants_answer=True),
    ras.InfoResponse(17, "0123", HERE, (THERE,), US, False, (REPORT, REPORT), True, True),
    ras.InProgress(18, 3_000),
    ras.UnknownRas("unknownMessageResponse", 19),
    *(ras.Confirm(name, 20) for name in CONFIRMS),
    *(ras.Reject(name, 21, why, 64_000) for name, why in REJECTS.items()),
]


def test_each_message_of_ras(tmp_path: Path) -> None:
    assert {type(one) for one in OURS} == set(get_args(ras.Ras))
    proofs = (MessageHash("lajoux", "sfu", 1_800_000_000, 7), prove(NAMES[0], "x", 1_800_000_000))
    written = [write(one) for one in OURS]
    written += [write(one, proofs, "a long one") for one in OURS]
    captured = [read(octets)[0] for path in WITH_RAS for _, octets in messages(path)]
    written += [write(one) for one in captured]
    capture = pcap(tmp_path / "ras.pcap", (udp(one) for one in written))
    assert seen(capture, "h225.RasMessage") == len(written)


def test_each_message_of_a_call(tmp_path: Path) -> None:
    bodies: list[bytes] = []
    for path in CAPTURES:
        for _, payload in payloads(path):
            if payload[0] != q931.PROTOCOL:
                continue
            message = q931.parse(payload)
            information = h225.read(message.user_user or b"")
            if carried(information):
                kept = [one for one in message.elements if one[0] != q931.Element.USER_USER]
                elements = (*kept, q931.user_user(h225.write(information)))
                bodies.append(q931.write(replace(message, elements=elements)))
    for reason in Release:
        bodies.append(call(q931.Type.RELEASE_COMPLETE, h225.ReleaseComplete(CALL, reason)))
    bodies.append(call(q931.Type.STATUS, h225.Status(CALL)))
    bodies.append(call(q931.Type.SETUP, h225.Setup(CALL, CONFERENCE, h245_address=HERE)))
    capture = pcap(tmp_path / "calls.pcap", stream(bodies, CALL_PORT))
    assert seen(capture, "q931") == len(bodies)


def test_each_message_of_control(tmp_path: Path) -> None:
    found = [
        message
        for path in CAPTURES
        for _, message in signalling(path)
        if not isinstance(message, h225.Information) and carried(message)
    ]
    capture = pcap(
        tmp_path / "control.pcap", stream([h245_per.write(one) for one in found], CONTROL_PORT)
    )
    kinds = Counter(type(one).__name__ for one in found)
    assert len(kinds) >= 10, kinds
    assert seen(capture, "h245") == len(found)


def call(kind: q931.Type, body: h225.Body) -> bytes:
    element = q931.user_user(h225.write(h225.Information(body)))
    return q931.write(q931.Message(kind, 7, False, (q931.cause(16), element)))


# ---- a capture of our own


def pcap(path: Path, packets: Iterable[bytes]) -> Path:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)  # raw IP
    rows = (struct.pack("<IIII", at, 0, len(one), len(one)) + one for at, one in enumerate(packets))
    path.write_bytes(head + b"".join(rows))
    return path


def ip(protocol: int, payload: bytes) -> bytes:
    ends = IPv4Address(HERE.host).packed + IPv4Address(THERE.host).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0)
    return head + ends + payload


def udp(payload: bytes) -> bytes:
    return ip(17, struct.pack("!HHHH", 41_719, RAS_PORT, 8 + len(payload), 0) + payload)


def stream(payloads: Iterable[bytes], port: int) -> Iterable[bytes]:
    sequence = 1
    for payload in payloads:
        data = tpkt.write(payload)
        head = struct.pack("!HHIIBBHHH", 45_000, port, sequence, 1, 0x50, 0x18, 65_535, 0, 0)
        yield ip(6, head + data)
        sequence += len(data)


def seen(capture: Path, protocol: str) -> int:
    """Return in how many frames tshark finds a protocol; none may be wrong."""
    wrong = "_ws.malformed || _ws.expert.severity == error"
    assert count(capture, wrong) == 0
    return count(capture, protocol)


def count(capture: Path, wanted: str) -> int:
    words = ["tshark", "-r", str(capture), "-d", f"tcp.port=={CONTROL_PORT},h245", "-Y", wanted,
             "-T", "fields", "-e", "frame.number"]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return len(done.stdout.splitlines())

"""Every RAS message of every capture is read, and what we carry of it is written and read again."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.model import Address
from sfu.signalling.h323 import ras
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.rasread import _name, read
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.token import MessageHash
from tests.capture import UDP
from tests.capture import read as pieces

VECTORS = Path(__file__).parents[2] / "vectors" / "h323"
CAPTURES = [path for path in sorted(VECTORS.glob("*.pcap")) if "gk" in path.name]


def messages(path: Path) -> Iterator[tuple[int, bytes]]:
    for piece in pieces(path):
        if piece.protocol == UDP and 1719 in (piece.source[1], piece.destination[1]):
            yield piece.frame, piece.data


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_what_is_read_is_written_and_read_again(path):
    left = []
    for frame, octets in messages(path):
        message, proofs = read(octets)
        assert proofs == ()
        if isinstance(message, ras.UnknownRas):
            left.append(frame)
        else:
            assert read(write(message)) == (message, ()), frame
    assert left == NOT_CARRIED.get(path.stem, [])


NOT_CARRIED = {
    "callgen-gk-h46018-h264cif": [16, 17],
    "callgen-gk-h46018-mux-h264cif": [16, 17],
}
"""serviceControlIndication and its answer, by which H.460.18 wakes a unit behind NAT."""


def test_the_captures_hold_what_a_registration_and_a_call_need():
    seen = Counter(type(read(one)[0]).__name__ for path in CAPTURES for _, one in messages(path))
    assert seen.keys() >= {
        "GatekeeperRequest", "GatekeeperConfirm", "RegistrationRequest", "RegistrationConfirm",
        "AdmissionRequest", "AdmissionConfirm", "DisengageRequest", "UnregistrationRequest",
        "Confirm",
    }  # fmt: skip


KNOWN = [octets for path in CAPTURES for _, octets in messages(path)]


@given(st.sampled_from(KNOWN), st.data())
def test_a_garbled_message_is_a_message_or_the_peers_fault(octets, data):
    at = data.draw(st.integers(0, len(octets) - 1))
    new = data.draw(st.binary(max_size=4))
    with contextlib.suppress(PeerError):
        read(octets[:at] + new + octets[at + 1 :])


def test_a_name_too_long_to_be_said_back_is_refused():
    whole = write(ras.Reject("gatekeeperReject", 7, "undefinedReason"), (), "")
    with pytest.raises(PeerError, match="identifier"):
        _name("g" * 129)
    assert read(whole)[0].number == 7


def test_a_gatekeeper_without_a_name_is_spoken_to_in_signed_messages():
    here = Address("192.0.2.1", 1719)
    asked = ras.RegistrationRequest(7, (here,), (here,), Endpoint(), (), "", "", False, 60)
    octets = write(asked, (MessageHash("42", "", 1, 2),), "secret")
    (proof,) = read(octets)[1]
    assert isinstance(proof, MessageHash)
    assert proof.receiver == ""

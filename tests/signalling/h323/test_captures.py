"""Every signalling PDU of every capture is read; what our objects carry is written and read again.

The captures are calls between other H.323 programs (tests/vectors/h323/README.md).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfu.signalling.h323 import h225, h245, h245_per, q931, tpkt
from sfu.signalling.h323.capset import CapabilitySet
from sfu.signalling.h323.datatype import Slides, Unsupported
from tests.capture import TCP, read

VECTORS = Path(__file__).parents[2] / "vectors" / "h323"
CAPTURES = sorted(VECTORS.glob("*.pcap"))


def payloads(path: Path) -> Iterator[tuple[int, bytes]]:
    framers: dict[object, tpkt.Framer] = {}
    for piece in read(path):
        if piece.protocol == TCP:
            framer = framers.setdefault((piece.source, piece.destination), tpkt.Framer())
            for payload in framer.feed(piece.data):
                yield piece.frame, payload
            assert framer.error is None


def signalling(path: Path) -> Iterator[tuple[int, h225.Information | h245.H245]]:
    for frame, payload in payloads(path):
        if payload[0] != q931.PROTOCOL:
            yield frame, h245_per.read(payload)
            continue
        message = q931.parse(payload)
        assert q931.write(message) == payload
        assert message.user_user is not None
        information = h225.read(message.user_user)
        yield frame, information
        for control in information.control:
            yield frame, h245_per.read(control)


def carried(message: h225.Information | h245.H245) -> bool:
    """Whether our objects hold all that we would have to write."""
    match message:
        case h225.Information(body=h225.Setup(fast_start=offered)):
            return not offered  # never offered by us
        case CapabilitySet():
            kinds = (Slides, Unsupported)
            return not any(isinstance(one.what, kinds) for one in message.abilities)
        case h245.OpenChannel():
            return not isinstance(message.data, (Slides, Unsupported))
    return not isinstance(message, h245.Unknown)


def read_again(message: h225.Information | h245.H245) -> object:
    if isinstance(message, h225.Information):
        return h225.read(h225.write(message))
    return h245_per.read(h245_per.write(message))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_what_is_read_is_written_and_read_again(path):
    left = []
    for frame, message in signalling(path):
        if carried(message):
            assert read_again(message) == message, frame
        else:
            left.append(frame)
    assert left == list(NOT_CARRIED.get(path.stem, ((), ""))[0])


NOT_CARRIED = {
    "callgen-3calls-h264cif": ((13, 15, 51, 55, 89, 91), "G.722.1 among the capabilities"),
    "callgen-allcaps-mcu-sepH245": ((13, 15), "G.722.1 and H.239 capabilities"),
    "callgen-faststart-sepH245": ((4,), "fastStart"),
    "callgen-faststart-tunnel": ((4,), "fastStart"),
    "callgen-flowcontrol-h261": ((13, 14), "G.722.1"),
    "callgen-flowcontrol-h263": ((13, 17), "G.722.1"),
    "callgen-flowcontrol-h264": ((13, 17), "G.722.1"),
    "callgen-gk-h46018-h264cif": ((41, 50, 55, 57), "G.722.1"),
    "callgen-gk-h46018-mux-h264cif": ((41, 50, 55, 57), "G.722.1"),
    "callgen-gk-proxy-h264cif": ((27, 29, 31, 33), "G.722.1"),
    "callgen-gk-ras-direct": ((25, 29), "G.722.1"),
    "callgen-h235-aes128-h264cif": ((13, 17, 26, 27, 28, 30), "H.235 capabilities and channels"),
    "callgen-h264cif-h239-tunnel": ((8, 10, 26, 28), "H.239 and an indication"),
    "callgen-slow-sepH245-h261": ((13, 17), "G.722.1"),
    "callgen-slow-sepH245-h263": ((13, 17), "G.722.1"),
    "callgen-slow-sepH245-h264": ((13, 17), "G.722.1"),
    "callgen-slowstart-sepH245": ((13, 15), "G.722.1"),
    "callgen-slowstart-tunnel": ((8, 10), "G.722.1"),
    "ooh323c-faststart-tunnel": ((4,), "fastStart"),
    "ooh323c-gk-ras": ((14,), "fastStart"),
    "x-ooh323c-to-callgen-fast-tunnel": ((4, 11), "fastStart; G.722.1"),
    "x-ooh323c-to-callgen-slow-sepH245": ((13,), "G.722.1"),
}
"""Frames that hold something that is not ours to say, and what: we never offer fastStart."""


def test_the_captures_hold_all_that_a_call_needs():
    seen: Counter[str] = Counter()
    for path in CAPTURES:
        for _, message in signalling(path):
            found = message.body if isinstance(message, h225.Information) else message
            seen[type(found).__name__] += 1
    wanted = {"Setup", "Proceeding", "Connect", "ReleaseComplete", "Facility", "CapabilitySet"}
    wanted |= {"Determination", "OpenChannel", "OpenAck", "CloseChannel", "Command", "FlowControl"}
    assert wanted <= seen.keys()

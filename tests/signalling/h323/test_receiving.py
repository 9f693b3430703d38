"""The peer's channels: what our description takes is taken, the rest refused with its cause."""

from typing import Any

import pytest

from sfu.model import Address, Codec, Kind
from sfu.signalling.h323.datatype import DataType, Slides, Sound, Unsupported
from sfu.signalling.h323.description import read_ours
from sfu.signalling.h323.h245 import OpenAck, OpenChannel, OpenReject
from sfu.signalling.h323.h245_per import write
from sfu.signalling.h323.receiving import Receiving
from sfu.signalling.sdp.session import parse
from tests.unitstack import offer

OURS = read_ours(parse(offer("192.0.2.1", 30_000)))
RTCP = Address("192.0.2.9", 5_001)


def opened(*channels: OpenChannel) -> tuple[Receiving, list[Any]]:
    said: list[Any] = []
    receiving = Receiving(said.append, lambda: None)
    for one in channels:
        receiving.opened(one, OURS)
    return receiving, said


def test_a_channel_we_know_is_told_our_ports():
    receiving, said = opened(OpenChannel(1, Sound(Codec.G722), 1, RTCP))
    assert said == [OpenAck(1, 1, OURS.media[Kind.AUDIO], OURS.control[Kind.AUDIO])]
    receiving.closed(2)
    assert list(receiving.channels) == [Kind.AUDIO]
    receiving.closed(1)
    assert not receiving.channels


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (Unsupported("genericAudioCapability", "audio"), "dataTypeNotSupported"),
        (Slides(), "dataTypeNotAvailable"),
    ],
)
def test_another_is_refused(data: DataType, cause: str):
    receiving, said = opened(OpenChannel(3, data, 1, RTCP))
    assert said == [OpenReject(3, cause)]
    assert not receiving.channels


def test_a_channel_both_ways_in_one_is_refused():
    """It would have to be told where we send, and each of us opens its own."""
    both = OpenChannel(4, Sound(Codec.PCMA), 1, RTCP, reverse=Sound(Codec.PCMA))
    receiving, said = opened(both)
    assert said == [OpenReject(4, "unsuitableReverseParameters")]
    assert write(said[0])
    assert not receiving.channels


def test_the_last_channel_of_a_kind_counts():
    one = OpenChannel(1, Sound(Codec.PCMA), 1, RTCP)
    two = OpenChannel(2, Sound(Codec.G722), 1, RTCP)
    receiving, _ = opened(one, two)
    assert receiving.channels[Kind.AUDIO].number == 2

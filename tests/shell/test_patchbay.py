"""The one hand on the engine: routes, keys, wishes for key frames, and events that go wrong."""

import pytest

from sfu.media.engine.command import OpenTransport, SetKeys, SetRoute, SetSink, SetSource
from sfu.media.engine.event import RtcpReceived, SourceAppeared, TelephoneEventReceived
from sfu.media.keyframe import Ask
from sfu.media.rtp.rtcp import Pli, compose
from sfu.model import Codec, Keys, Kind, Latch, MemberId, Protocol, SrtpSuite, Ssrc
from tests.shell.stage import stage

KEYS = Keys(SrtpSuite.AES_CM_128_HMAC_SHA1_80, bytes(16), bytes(14))


class Wires:
    """A transport with a picture in and a picture out."""

    def __init__(self, house, *, secure=False):
        self.bay, self.engine = house.patchbay, house.engine
        self.asked: list[Ask] = []
        self.heard: list[object] = []
        self.socket = self.bay.open_socket(house.spare_fd())
        self.transport = self.bay.new_transport()
        self.source, self.sink = self.bay.new_source(), self.bay.new_sink()
        self.ssrc = self.bay.new_ssrc()
        self.bay.open_transport(
            OpenTransport(
                self.transport, self.socket, self.socket, None, None, Latch.FIXED, secure
            ),
            self.heard.append,
        )
        payloads = ((97, Codec.H264),)
        self.bay.set_source(
            SetSource(self.source, self.transport, Kind.VIDEO, Ssrc(5), payloads, 90_000),
            MemberId("m1"),
            (Protocol.SIP, self.asked.append),
        )
        out = ((Codec.H264, 97),)
        self.bay.set_sink(SetSink(self.sink, self.transport, Kind.VIDEO, self.ssrc, out, 90_000))

    def show(self, now: float = 0.0):
        self.bay.want(self.sink, self.source)
        self.bay.flush(now)

    def keys(self, sending: bool = True):
        self.bay.set_keys(SetKeys(self.transport, sending, KEYS))


@pytest.fixture
def house():
    with stage() as made:
        yield made


def test_a_route_that_begins_with_the_last_key_frame_costs_none(house):
    wires = Wires(house)
    house.engine.fresh.add(wires.source)
    wires.show()
    house.patchbay.tick(0.1)
    assert house.engine.of(SetRoute) == [SetRoute(wires.sink, wires.source)]
    assert wires.asked == []


def test_a_route_is_told_once_and_costs_one_wish(house):
    wires = Wires(house)
    wires.show()
    wires.show()
    assert house.engine.of(SetRoute) == [SetRoute(wires.sink, wires.source)]
    assert len(wires.asked) == 1
    assert house.patchbay.keyframes.said == {Protocol.SIP: 1}


def test_a_path_without_keys_carries_nothing_and_asks_for_nothing(house):
    wires = Wires(house, secure=True)
    wires.show()
    wires.keys(sending=False)
    house.patchbay.flush(0.0)
    assert (house.engine.of(SetRoute), wires.asked) == ([], [])
    wires.keys()
    house.patchbay.flush(0.0)
    assert house.engine.carries[wires.sink] == wires.source
    assert len(wires.asked) == 1


def test_a_source_that_left_before_the_keys_came_is_not_routed(house):
    wires = Wires(house, secure=True)
    wires.show()
    house.patchbay.close_source(wires.source)
    wires.keys()
    house.patchbay.flush(0.0)
    assert house.engine.of(SetRoute) == []


def test_a_wish_is_repeated_until_the_key_frame_comes(house):
    wires = Wires(house)
    wires.show(house.now)
    house.tick(1.4)
    assert len(wires.asked) == 8
    assert wires.asked[-1].escalated
    house.keyframe(wires.source)
    house.tick(5)
    assert len(wires.asked) == 8


def test_to_ask_may_end_the_call_that_is_asked(house):
    one, two = Wires(house), Wires(house)
    one.show(house.now)
    two.show(house.now)
    picture = house.patchbay.keyframes._pictures[one.source]
    picture.say = lambda ask: house.patchbay.close_transport(one.transport)
    house.tick(0.4)
    assert len(two.asked) == 2


def test_a_receivers_pli_reaches_who_sends(house):
    wires = Wires(house)
    wires.show(house.now)
    house.keyframe(wires.source)
    pli = compose([Pli(Ssrc(1), wires.ssrc)])
    at_us = round((house.now + 1) * 1e6)
    house.engine.tell(RtcpReceived(wires.transport, pli, at_us))
    assert len(wires.asked) == 2


def test_events_find_who_listens_and_a_fault_stays_with_one(house):
    house.faults = 1
    wires = Wires(house)
    appeared = SourceAppeared(wires.transport, Ssrc(9), 97, "", "", "")
    house.engine.tell(RtcpReceived(wires.transport, b"\x00garbage", 1))
    house.patchbay._paths[wires.transport].listener = lambda event: 1 / 0
    house.engine.tell(appeared)
    house.patchbay._paths[wires.transport].listener = wires.heard.append
    digit = TelephoneEventReceived(wires.source, 5, True, 800, 1)
    for event in (appeared, digit):
        house.engine.tell(event)
    assert wires.heard == [appeared, digit]


def test_nothing_is_left_of_a_transport_that_was_closed(house):
    before = {name: len(value) for name, value in vars(house.patchbay).items() if _sized(value)}
    wires = Wires(house, secure=True)
    wires.show()
    house.patchbay.close_transport(wires.transport)
    house.patchbay.close_socket(wires.socket)
    house.engine.tell(SourceAppeared(wires.transport, Ssrc(9), 97, "", "", ""))
    after = {name: len(value) for name, value in vars(house.patchbay).items() if _sized(value)}
    assert after == before
    assert wires.heard == []


def _sized(value: object) -> bool:
    return isinstance(value, dict | set)

"""What codecs are told of what others take, and what they tell of themselves, in a whole house."""

from typing import Any

import pytest

from sfu.media.engine.command import TransmitRtcp
from sfu.media.engine.event import RtcpReceived
from sfu.media.rtp import rtcp
from sfu.media.rtp.rtcp import Limit, Remb, Tmmbn, Tmmbr
from sfu.media.rtp.rtcp.bounding import payload_bps, wire_bps
from sfu.model import Ssrc, TransportId
from sfu.shell.limits import Meter, natural
from sfu.signalling.call import (
    CallEnded,
    End,
    MediaAnswered,
    MediaOffered,
    MediaRefused,
    OfferMedia,
)
from tests.shell.stage import Stage, codec_offer, stage
from tests.shell.test_meeting import speak

THEIR = Ssrc(99)


@pytest.fixture
def house():
    with stage() as made:
        yield made


def inside(house: Stage, *offers: str | bytes) -> None:
    for call, offer in enumerate(offers, 1):
        house.ring(call, offer=offer)
        house.send(call)
    house.tick(0.3)


def path_of(house: Stage, call: int) -> TransportId:
    source = house.leg(call).streams.picture
    assert source is not None
    return house.engine.sources[source].transport


def told(house: Stage, call: int) -> list[Any]:
    """Return the RTCP packets about rates a codec was sent."""
    path = path_of(house, call)
    sent = [one for one in house.engine.of(TransmitRtcp) if one.transport == path]
    packets = [packet for one in sent for packet in rtcp.parse(one.payload)]
    return [one for one in packets if isinstance(one, Tmmbr | Tmmbn | Remb)]


def says(house: Stage, call: int, *packets: rtcp.RtcpPacket) -> None:
    path = path_of(house, call)
    house.engine.tell(RtcpReceived(path, rtcp.compose(packets), round(house.now * 1e6)))


def offered(house: Stage) -> list[bytes]:
    return [one.description for one in house.of(OfferMedia)]


def lines(description: bytes) -> list[str]:
    return [one for one in description.decode().splitlines() if one.startswith("b=")]


# ---- down


def test_who_speaks_tmmbr_is_told_by_it_what_the_weakest_viewer_takes(house):
    inside(house, "polycom_hdx", "polycom_group")
    assert told(house, 1) == []
    house.ring(3, offer=slow_group())
    house.send(3)
    house.tick(0.3)
    speak(house, 1)
    (limit,) = {one.limits[0] for one in told(house, 1)}
    assert limit.overhead == 40
    assert payload_bps(limit.bps, 40) == house.leg(3).capability.video_bps == 665_806
    assert offered(house) == []
    (line,) = [
        one for one in house.said if one["event"] == "limit_ordered" and "less" in one["why"]
    ]
    assert (line["dialect"], line["available_bps"]) == ("tmmbr", 665_806)
    assert line["bound_by"] == house.leg(3).member


def test_who_has_no_feedback_is_offered_less_and_more_again_when_the_weak_viewer_has_left(house):
    inside(house, "sony_xg77", slow_group())
    (less,) = offered(house)
    assert lines(less) == ["b=AS:824", "b=CT:824", "b=AS:688", "b=TIAS:660000"]
    assert b"max-br=660" in less
    house.calls.handle(MediaAnswered(house.leg(1).call, codec_offer("sony_xg77")))
    house.tick(5)
    assert len(offered(house)) == 1
    house.calls.handle(CallEnded(house.leg(2).call, End.HUNG_UP, 0, ""))
    house.ring(3)
    house.send(3)
    house.tick(70)
    _, more = offered(house)
    assert "b=AS:1400" in lines(more)


def test_a_smaller_screen_is_told_by_an_offer(house):
    inside(house, "polycom_hdx", "tandberg_mxp")
    (smaller,) = offered(house)
    assert b"max-mbps=40320;max-fs=1344" in smaller
    assert told(house, 1)  # and the rate by TMMBR


def test_who_refuses_keeps_its_call_and_is_left_alone(house):
    inside(house, "sony_xg77", slow_group())
    house.calls.handle(MediaRefused(house.leg(1).call, 488))
    house.tick(60)
    assert len(offered(house)) == 1
    assert house.leg(1).capability.pictures == 1


def test_a_description_of_theirs_is_answered_with_the_limit_in_force(house):
    inside(house, "sony_xg77", slow_group())
    assert len(offered(house)) == 1
    house.calls.handle(MediaAnswered(house.leg(1).call, codec_offer("sony_xg77")))
    body = codec_offer("sony_xg77").replace(b"m=audio 49152", b"m=audio 59152")
    house.calls.handle(MediaOffered(house.leg(1).call, body))
    assert "b=AS:688" in lines(house.orders[-1].description)


def test_one_change_of_ours_waits_for_the_answer_to_another(house):
    inside(house, "tandberg_c20", "tandberg_mxp")  # mode 0 and smaller pictures
    leg = house.leg(1)
    assert len(offered(house)) == 1
    house.calls.handle(MediaAnswered(leg.call, codec_offer("tandberg_c20")))
    house.tick(1)
    both = offered(house)[-1]
    assert b"packetization-mode=1" not in both
    assert b"max-fs=1344" in both


def test_a_note_ends_the_repeats(house):
    inside(house, "polycom_hdx", slow_group())
    first = told(house, 1)[-1]
    ssrc = house.engine.snapshot().sources[house.leg(1).streams.picture].ssrc
    says(house, 1, Tmmbn(ssrc, (Limit(first.sender, first.limits[0].bps),)))
    house.tick(0.1)
    said = len(told(house, 1))
    house.tick(20)
    assert len(told(house, 1)) == said


def test_a_line_limits_a_sender_by_the_same_way(house):
    inside(house, "polycom_hdx", "polycom_group")
    meeting = house.house.meetings["4201"]
    meeting.limit_sending(house.leg(1).member, 400_000, house.now)
    house.tick(0.2)
    assert 399_900 <= payload_bps(told(house, 1)[0].limits[0].bps, 40) <= 400_000


# ---- up


def test_a_room_that_asks_for_less_has_its_note_and_its_sources_are_told(house):
    inside(house, "polycom_hdx", "polycom_group")
    sink = house.engine.sinks[house.leg(2).streams.pictures[0]]
    says(house, 2, Tmmbr(THEIR, (Limit(sink.ssrc, wire_bps(512_000)),)))
    house.tick(0.5)
    (note,) = [one for one in told(house, 2) if isinstance(one, Tmmbn)]
    assert note == Tmmbn(sink.ssrc, (Limit(THEIR, note.limits[0].bps),))
    (limit,) = {one.limits[0] for one in told(house, 1) if isinstance(one, Tmmbr)}
    assert 511_900 <= payload_bps(limit.bps, 40) <= 512_000
    assert house.patchbay.wishes_heard["less"] == 1


def test_a_room_that_asks_for_nothing_starves_nobody(house):
    inside(house, "polycom_hdx", "polycom_group")
    says(house, 2, Tmmbr(THEIR, (Limit(Ssrc(0), 0),)))
    house.tick(0.5)
    limits = [one.limits[0] for one in told(house, 1) if isinstance(one, Tmmbr)]
    assert payload_bps(limits[-1].bps, 40) == 64_000


def test_a_storm_of_limits_costs_its_sources_two_orders_a_second(house):
    inside(house, "polycom_hdx", "polycom_group")
    for step in range(100):
        says(house, 2, Tmmbr(THEIR, (Limit(Ssrc(0), 900_000 - step * 5_000),) * 30))
        house.tick(0.05)
    orders = [one.limits[0] for one in told(house, 1) if isinstance(one, Tmmbr)]
    assert len(set(orders)) <= 11
    assert len([one for one in told(house, 2) if isinstance(one, Tmmbn)]) <= 101


# ---- tools


def test_a_meter_counts_over_a_second():
    meter = Meter()
    seen = [meter.read(at * 1_000, at * 100_000) for at in range(1, 22)]
    assert seen.count(True) == 3
    assert meter.bps == 80_000


def test_more_pictures_a_second_than_usual_are_no_limit():
    assert natural(1, 3600, 245_000).mbps == 108_000
    assert natural(1, 1344, 20_000).mbps == 20_000
    assert natural(1, 0, 0).mbps == 0


def slow_group() -> bytes:
    """A unit that names no limit but its rate: 768 kbit/s for sound and picture."""
    return codec_offer("polycom_group").replace(b"b=AS:2048", b"b=AS:768")

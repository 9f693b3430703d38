"""Wishes for a picture and for less, each said and heard by a unit that knows one dialect only."""

import asyncio
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sfu.media.rtp.rtcp import Fir, Limit, OldFir, Pli, RtcpPacket, Tmmbn, Tmmbr
from sfu.media.rtp.rtcp.bounding import payload_bps, wire_bps
from sfu.model import Ssrc
from tests.interop.feedback import OURS, Feedback
from tests.interop.fixtures import ANNE, LAJOUX, MOREZ
from tests.interop.server import Server
from tests.interop.test_wire import WRONG, Capture, read
from tests.interop.unit import Unit, picture_packets
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

SPOKEN = {
    "pli": "a=rtcp-fb:* nack pli",
    "fir": "a=rtcp-fb:* ccm fir",
    "info": "a=x-feedback:none",
    "tmmbr": "a=rtcp-fb:* ccm fir tmmbr",
}
"""What a unit of each dialect writes into its description; Sony's writes nothing."""
INFO = """  <recv request="MESSAGE"/>
  <send retrans="500">
<![CDATA[
INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "@NAME@" <sip:salle@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:4201@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 INFO
Max-Forwards: 70
Content-Type: application/media_control+xml
Content-Length: [len]

<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>
]]>
  </send>
  <recv response="200"/>
"""
BETWEEN_S = 3.0
"""A unit sends a key frame every two seconds: then nobody waits for one any more."""


def run(story: Any) -> None:
    asyncio.run(asyncio.wait_for(story, 90))


async def joins(unit: Unit, dialect: str, *, kbps: int = 2048, wishes: str = "") -> Feedback:
    """Have a unit of one dialect call and play."""
    feedback = Feedback(unit)
    await unit.call("wishing", "4201", FEEDBACK=SPOKEN[dialect], KBPS=str(kbps), WISHES=wishes)
    await unit.play()
    return feedback


async def leaves(*units: Unit) -> None:
    for unit in units:
        unit.cue()
    for unit in units:
        await unit.ends()


# ---- a picture


@pytest.mark.parametrize("dialect", ["pli", "fir", "info"])
@pytest.mark.parametrize("wish", ["pli", "fir", "info", "old_fir"])
def test_a_wish_is_passed_on_in_the_dialect_of_who_sends(
    meeting: Any, wish: str, dialect: str
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux, morez = m.unit(LAJOUX), m.unit(MOREZ)
            asked = await joins(lajoux, dialect)
            spoken = "pli" if wish == "old_fir" else wish
            wishing = await joins(morez, spoken, wishes=INFO if wish == "info" else "")
            await morez.sees(LAJOUX)
            await asyncio.sleep(BETWEEN_S)
            before = said(lajoux, asked, dialect)
            begin = time.monotonic()
            wishes: dict[str, RtcpPacket] = {
                "pli": Pli(OURS, Ssrc(0)),
                "fir": Fir(OURS, ((Ssrc(0), 1),)),
                "old_fir": OldFir(Ssrc(0)),
            }
            if wish == "info":
                morez.cue()
            else:
                wishing.says(wishes[wish])
            await until(lambda: said(lajoux, asked, dialect) > before, 3, f"{dialect} to Lajoux")
            assert time.monotonic() - begin < 1
            assert server.metric("sfu_wishes_received_total") >= 1
            others = {"pli": Pli, "fir": Fir}
            for kind in (others[one] for one in others if one != dialect):
                assert not asked.of(kind)
            await leaves(lajoux, morez)

    run(story())


def said(unit: Unit, feedback: Feedback, dialect: str) -> int:
    """Return how many wishes for a picture a unit got, in its dialect."""
    if dialect == "info":
        return unit.messages.count("<picture_fast_update/>")
    return len(feedback.of(Pli if dialect == "pli" else Fir))


def test_a_call_begins_with_wishes_until_its_first_key_frame(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            lajoux = m.unit(LAJOUX)
            feedback = Feedback(lajoux)
            await lajoux.call("wishing", "4201", FEEDBACK=SPOKEN["fir"], KBPS="2048", WISHES="")
            await lajoux.signalled("m=video")
            await plays_without_key_frames(lajoux)
            await until(lambda: len(feedback.of(Fir)) >= 9, 6, "nine wishes")
            first = feedback.of(Fir)[:9]
            times = feedback.times(Fir)[:9]
            pauses = [later - earlier for earlier, later in pairwise(times)]
            assert pauses == pytest.approx([0.2, 0.2, 0.05, 0.05, 0.05, 0.33, 0.37, 0.31], abs=0.11)
            numbers = [fir.entries[0][1] for fir in first]
            assert len(set(numbers[:7])) == 1  # said again
            assert len(set(numbers[6:])) == 3  # asked anew
            assert lajoux.messages.count("<picture_fast_update/>") >= 1  # and by INFO
            await lajoux.play()  # key frames at last
            await asyncio.sleep(BETWEEN_S)
            settled = len(feedback.of(Fir))
            await asyncio.sleep(BETWEEN_S)
            assert len(feedback.of(Fir)) == settled
            await leaves(lajoux)

    run(story())


# ---- less


def test_who_speaks_tmmbr_is_told_what_a_slow_room_takes_and_told_more_when_it_leaves(
    meeting: Any, tmp_path: Path
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve("[media]\ngso = false\n")
            capture = tmp_path / "limits.pcap"
            async with Capture(server, capture):
                lajoux, morez = m.unit(LAJOUX), m.unit(MOREZ)
                told = await joins(lajoux, "tmmbr")
                await asyncio.sleep(1)
                assert not told.of(Tmmbr)
                await joins(morez, "pli", kbps=768)
                limit = (await told.hears(Tmmbr)).limits[0]
                assert limit.ssrc == OURS
                assert 660_000 <= payload_bps(limit.bps, limit.overhead) <= 666_000
                again = await told.hears(Tmmbr, beyond=1)  # nobody noted it
                told.says(Tmmbn(OURS, (Limit(again.sender, limit.bps, limit.overhead),)))
                await asyncio.sleep(0.3)
                settled = len(told.of(Tmmbr))
                await asyncio.sleep(5)
                assert len(told.of(Tmmbr)) == settled
                await leaves(morez)
                pierre = m.unit(MOREZ)
                await joins(pierre, "pli")
                more = (await told.hears(Tmmbr, 10, beyond=settled)).limits[0]
                assert payload_bps(more.bps, more.overhead) >= 1_300_000
                await leaves(lajoux, pierre)
            (line,) = [
                row for row in server.records()
                if row.get("event") == "limit_ordered" and row["why"] == "receivers_take_less"
            ]  # fmt: skip
            assert (line["dialect"], line["required_bps"]) == ("tmmbr", 1_350_000)
            judge_tmmbr(capture, lajoux)

    run(story())


def judge_tmmbr(capture: Path, unit: Unit) -> None:
    """Have tshark read the TMMBRs that were sent to a unit."""
    ports = [f"udp.port=={unit.port + 5},rtcp"]
    wanted = f"udp.dstport == {unit.port + 5} && rtcp.rtpfb.fmt == 3"
    fields = [
        read(capture, wanted, f"rtcp.rtpfb.tmmbr.fci.{one}", ports)
        for one in ("exp", "mantissa", "measuredoverhead")
    ]
    assert len(fields[0]) >= 2
    exponent, mantissa, overhead = (int(one[0]) for one in fields)
    assert overhead == 40
    assert 680_000 <= mantissa << exponent <= 690_000
    assert read(capture, f"({wanted}) && ({WRONG})", "_ws.expert", ports) == []


def test_a_room_that_asks_for_less_is_answered_and_obeyed(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            lajoux, morez = m.unit(LAJOUX), m.unit(MOREZ)
            told = await joins(lajoux, "tmmbr")
            asking = await joins(morez, "tmmbr")
            await morez.sees(LAJOUX)
            ((ssrc, *_),) = {head[3:] for head, _ in morez.rtp("video")}
            asking.says(Tmmbr(OURS, (Limit(Ssrc(ssrc), wire_bps(512_000)),)))
            note = await asking.hears(Tmmbn, 2)
            assert (note.sender, note.limits[0].ssrc) == (ssrc, OURS)
            limit = (await told.hears(Tmmbr, 2)).limits[0]
            assert 505_000 <= payload_bps(limit.bps, limit.overhead) <= 512_000
            await leaves(lajoux, morez)

    run(story())


def test_a_unit_without_feedback_is_offered_less(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux, morez = m.unit(LAJOUX), m.unit(MOREZ)
            await lajoux.call("asked_for_less", "4201")  # it expects b=AS:688
            await lajoux.play()
            await joins(morez, "pli", kbps=768)
            await lajoux.signalled("o=salle 1 2 ")
            await morez.sees(LAJOUX)
            await lajoux.sees(MOREZ)
            assert server.metric('sfu_wishes_sent_total{dialect="reoffer"}') == 1
            await leaves(lajoux, morez)

    run(story())


def test_a_browser_lowers_its_encoder_for_a_slow_room(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne = await m.person(ANNE)
            quick = m.unit(LAJOUX)
            await joins(quick, "pli")
            await quick.sees(ANNE)
            await until(lambda: rate(quick, 3) > 350_000, 25, "a good picture of Anne", 0.5)
            slow = m.unit(MOREZ)
            await joins(slow, "pli", kbps=320)
            await slow.sees(ANNE)
            assert anne.last("send")["camera"]["max_bps"] == 232_258
            await until(lambda: 0 < rate(quick, 3) < 290_000, 15, "less of Anne", 0.5)
            await leaves(quick, slow)

    run(story())


def rate(unit: Unit, seconds: float) -> float:
    """Return the bit/s of the pictures that came in the last seconds."""
    begin = time.monotonic() - seconds
    got = [(at, data) for at, data in list(unit.got["video"]) if at >= begin]
    return sum(len(data) * 8 for _, data in got) / seconds


def test_operators_see_how_pictures_fare(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux, morez = m.unit(LAJOUX), m.unit(MOREZ)
            await joins(lajoux, "pli")
            await morez.call("wishing", "4201", FEEDBACK=SPOKEN["pli"], KBPS="2048", WISHES="")
            await fares(server, "ok", "oneway")
            await plays_without_key_frames(morez)
            await fares(server, "oneway", "stalled")
            await morez.play()
            await fares(server, "ok", "ok")
            assert server.metric("sfu_member_video") == 2
            await leaves(lajoux, morez)

    run(story())


async def plays_without_key_frames(unit: Unit) -> None:
    packets = [one for one in picture_packets(unit.who, 1) if one[0] > 0]
    next_one = min(at for at, data in packets if data[12] & 31 in (5, 7, 24))
    rest = [one for one in packets if one[0] < next_one]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.interop.unit.picture_packets", lambda *_: rest)
        await unit.play()
        await asyncio.sleep(0.2)  # it has begun


async def fares(server: Server, lajoux: str, morez: str) -> None:
    """Wait until the operators' view says so."""
    wanted = {LAJOUX.name: lajoux, MOREZ.name: morez}
    await until(lambda: states(server) == wanted, 15, f"{wanted} in {states(server)}", 0.2)


def states(server: Server) -> dict[str, str]:
    (room,) = json.loads(server.get("/api/v1/rooms"))
    return {one["name"]: one["video"] for one in room["members"]}


def test_baresip_is_offered_less_in_mid_call_and_the_call_goes_on(meeting: Any) -> None:
    """The last resort against a real stack that speaks neither TMMBR nor REMB."""

    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = await m.room(LAJOUX, video_bps=1_300_000)
            await lajoux.dial(server.sip("4201"))
            quick = m.unit(MOREZ)
            await joins(quick, "pli")
            await quick.sees(LAJOUX)
            slow = m.unit(ANNE)
            await joins(slow, "pli", kbps=320)
            offered = 'sfu_wishes_sent_total{dialect="reoffer"}'
            await until(lambda: server.metric(offered) >= 1, 20, "the lower offer")
            await slow.sees(LAJOUX)
            await quick.sees(LAJOUX)
            assert server.metric(offered) == 1  # it keeps its rate; it is not asked for ever
            await leaves(quick, slow)
            await lajoux.hang_up()

    run(story())

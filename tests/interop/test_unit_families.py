"""Every unit family's offer played as a call, in its own words, with its own faults (C2).

Head, offer and the answer we expect are those of tests/vectors/offers; addresses and ports alone
are of this machine.  The unit's picture and sound reach another codec, which it sees and hears.
"""

import asyncio
import base64
import json
import re
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pylibsrtp
import pytest

from sfu.media.rtp.rtcp import Pli
from sfu.model import Ssrc
from tests.interop import turns
from tests.interop.feedback import OURS, Feedback
from tests.interop.fixtures import ANNE, LAJOUX, MOREZ
from tests.interop.network import in_small_packets
from tests.interop.old_picture import H261, H263, H263_1998, Old
from tests.interop.server import Server
from tests.interop.unit import SSRCS, Srtp, Unit
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

VECTORS = Path(__file__).parents[1] / "vectors" / "offers"
ALONE = range(1, 24)
"""Payload structures of packetization-mode 0."""
AGAIN = """  <pause milliseconds="50"/>
  <send retrans="500">
<![CDATA[
INVITE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
@FROM@
To: <sip:@ROOM@@198.51.100.5>[peer_tag_param]
Call-ID: [call_id]
CSeq: 501 INVITE
Contact: <sip:mxp@[local_ip]:[local_port]>
Max-Forwards: 70
Session-Expires: 1800;refresher=uac
Min-SE: 90
Supported: timer
Content-Type: application/sdp
Content-Length: [len]

@OFFER@
]]>
  </send>
  <recv response="100" optional="true"/>
  <recv response="200" rrs="true"/>
  <send>
<![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
@FROM@
To: <sip:@ROOM@@198.51.100.5>[peer_tag_param]
Call-ID: [call_id]
CSeq: 501 ACK
Max-Forwards: 70
Content-Length: 0

]]>
  </send>
"""
ECHO = (
    'Authorization: Digest username="sfu", realm="sony", nonce="00", uri="sip:sfu", '
    'response="00000000000000000000000000000000"\n'
)


OFFERED_LESS = (
    turns.is_asked("INVITE", "max-fs=1344;max-br=660")
    + turns.answers(200, turns.SDP, turns.described(2))
    + turns.is_asked("ACK")
)


@dataclass(frozen=True)
class Family:
    """How a unit calls, apart from what its vectors say."""

    name: str
    mode: int
    """Packetization mode of the number we answer."""
    transport: str = "u1"
    again: str = ""
    echo: str = ""
    pad_bytes: int = 0
    """Size its offer is filled up to with lines nobody knows."""
    asks: str = ""
    """What must have been said to it by the end."""
    takes_less: bool = False
    """Its picture is smaller than what the other sends: that one is offered less."""

    @property
    def head(self) -> str:
        return (VECTORS / f"{self.name}.head").read_bytes().decode("latin-1")

    @property
    def offer(self) -> str:
        return (VECTORS / f"{self.name}.sdp").read_bytes().decode("latin-1")

    @property
    def answer(self) -> list[str]:
        lines = (VECTORS / f"{self.name}.answer").read_text().splitlines()
        return [line for line in lines if not line.startswith("#")]

    @property
    def pt(self) -> int:
        return int(next(line for line in self.answer if line.startswith("m=video")).split()[3])


FAMILIES = (
    Family("polycom_hdx", 0),
    Family("polycom_group", 1, "t1"),
    Family("tandberg_c20", 1, "t1"),
    Family("tandberg_mxp", 0, "t1", again=AGAIN, takes_less=True),
    Family("tandberg_movi", 1, "t1"),
    Family("sony_xg77", 0, echo=ECHO, asks="picture_fast_update"),
    Family("huawei_hd9030", 0),
    Family("aver_evc130", 0, pad_bytes=2_100),
    Family("yealink_vc400", 1),
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_unit_family_calls_is_answered_as_written_and_meets_another(
    meeting: Any, family: Family
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            unit = m.unit(LAJOUX, sends=family.mode, picture_pt=family.pt)
            await _call(unit, family)
            assert _answers(unit)[0] == family.answer
            if unit.srtp is not None:
                _open_theirs(unit.srtp, _descriptions(unit)[0])
            await unit.play()
            other = m.unit(MOREZ, modes=(family.mode,), sends=family.mode)
            wishing = Feedback(other)
            await other.call("unit_call", "4201", THEN=OFFERED_LESS if family.takes_less else "")
            await other.play()
            await unit.sees(MOREZ)
            await unit.hears(MOREZ)
            await other.sees(LAJOUX)
            await other.hears(LAJOUX)
            if not family.mode:
                assert unit.nal_types() <= set(ALONE)
            if family.asks:
                wishing.says(Pli(OURS, Ssrc(0)))
                await unit.signalled(family.asks)
            _look_at_the_head(unit, family)
            await asyncio.to_thread(_hang_up, server, 0)
            await unit.ends()
            other.cue()
            await other.ends()

    if family.pad_bytes:
        in_small_packets(lambda: asyncio.run(asyncio.wait_for(story(), 80)))
    else:
        asyncio.run(asyncio.wait_for(story(), 80))


@pytest.mark.parametrize("old", [H263, H263_1998, H261], ids=lambda old: old.encoding)
def test_units_of_h263_or_h261_see_each_other_and_one_of_h264_is_only_heard(
    meeting: Any, old: Old
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            words = {
                "FORMATS": str(old.pt),
                "MAPS": f"a=rtpmap:{old.pt} {old.encoding}/90000\na=fmtp:{old.pt} CIF=1;QCIF=1",
            }
            lajoux, morez = (m.unit(who, old=old) for who in (LAJOUX, MOREZ))
            for unit in (lajoux, morez):
                await unit.call("unit_call", "4201", **words)
                await unit.play()
            assert f"a=fmtp:{old.pt} CIF=1\n" in lajoux.messages.replace("\r", "")
            await lajoux.sees(MOREZ)
            await morez.sees(LAJOUX)
            anne = m.unit(ANNE, modes=(1,), sends=1)
            await anne.call("unit_call", "4201")
            await anne.play()
            await anne.hears(LAJOUX, MOREZ)
            await until(
                lambda: any(
                    row.get("event") == "notice" and row["code"] == "no_common_picture_codec"
                    for row in server.records()
                ),
                10,
                "the notice",
            )
            assert anne.picture() == ""
            assert not list(anne.rtp("video"))
            for unit in (lajoux, morez, anne):
                unit.cue()
                await unit.ends()

    asyncio.run(asyncio.wait_for(story(), 80))


def test_a_unit_of_h263_keeps_its_sound_where_others_have_h264(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            anne = m.unit(ANNE, modes=(1,), sends=1)
            await anne.call("unit_call", "4201")
            await anne.play()
            morez = m.unit(MOREZ, old=H263)
            await morez.call(
                "unit_call", "4201", FORMATS="34 31", MAPS="a=rtpmap:34 H263/90000"
            )  # fmt: skip
            await morez.signalled("m=video 0 RTP/AVP 34 31")
            assert any(row.get("event") == "picture_refused" for row in server.records())
            await morez.hears(ANNE)
            for unit in (anne, morez):
                unit.cue()
                await unit.ends()

    asyncio.run(asyncio.wait_for(story(), 80))


async def _call(unit: Unit, family: Family) -> None:
    """Say the unit's INVITE, with this machine's addresses."""
    unit.transport = family.transport
    found = re.search(r"(?m)^Call-ID: ?(\S+)", family.head)
    assert found
    unit.call_id = re.sub(r"@192\.0\.2\.\d+", "@127.0.0.1", found[1])
    sender = re.search(r"(?m)^From:.*$", family.head)
    number = re.search(r"(?m)^CSeq: ?(\d+)", family.head)
    assert sender
    assert number
    if "a=crypto" in family.offer:
        unit.srtp = Srtp({kind: _session(_keys(family.offer), kind) for kind in SSRCS})
    await unit.call(
        "family", "4201", HEAD=_head(family), OFFER=_offer(unit, family), AGAIN=family.again,
        FROM=sender[0].strip(), NUMBER=number[1], ECHO=family.echo,
    )  # fmt: skip
    await until(lambda: _descriptions(unit), 10, "the answer")
    if family.again:
        await unit.signalled("CSeq: 501 ACK")


def _head(family: Family) -> str:
    head = family.head.replace("\r\n", "\n").strip("\n")
    head = re.sub(r"(?m)^Call-ID:.*$", "Call-ID: [call_id]", head)
    head = re.sub(r"branch=z9hG4bK\w+", "branch=[branch]", head, count=1)
    for place in (r"192\.0\.2\.3:506\d", r"192\.0\.2\.2\d:5060"):
        head = re.sub(place, "[local_ip]:[local_port]", head)
    head = re.sub(r"@192\.0\.2\.23;gr", "@[local_ip]:[local_port];gr", head)
    return re.sub(r"@198\.51\.100\.5 SIP", "@[remote_ip]:[remote_port] SIP", head)


def _offer(unit: Unit, family: Family) -> str:
    offer = family.offer.replace("\r\n", "\n").strip("\n")
    offer = re.sub(r"IN IP4 192\.0\.2\.\d+", "IN IP4 [local_ip]", offer)
    for kind, port in (("audio", unit.port + 2), ("video", unit.port + 4)):
        offer = re.sub(rf"(?m)^m={kind} \d+", f"m={kind} {port}", offer, count=1)
    for line in range(1000):
        if len(offer) + offer.count("\n") >= family.pad_bytes:
            break
        offer += f"\na=x-nobody-knows-{line}:{'0123456789' * 4}"
    return offer


def _descriptions(unit: Unit) -> list[str]:
    """Return the session descriptions that came, oldest first."""
    blocks = unit.messages.split("----------------------------------------------- ")
    return [
        "v=0" + block.partition("v=0")[2].rstrip()
        for block in blocks
        if "message received" in block[:200] and "v=0" in block and "200 OK" in block
    ]


def _answers(unit: Unit) -> list[list[str]]:
    """Return the same in the addresses, ports and keys of the vectors."""
    found = []
    for text in _descriptions(unit):
        text = text.replace("\r", "").replace("IN IP4 127.0.0.1", "IN IP4 198.51.100.5")
        text = re.sub(r"o=sfu \d+ 1 ", "o=sfu 7 1 ", text)
        for kind, base in (("audio", 20000), ("video", 20002), ("application", 20004)):
            port = re.search(rf"m={kind} ([1-9]\d*)", text)
            if port:
                text = text.replace(f"m={kind} {port[1]} ", f"m={kind} {base} ", 1)
                text = text.replace(f"a=rtcp:{int(port[1]) + 1}", f"a=rtcp:{base + 1}")
        mine = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e"
        text = re.sub(r"inline:[A-Za-z0-9+/]{40}", f"inline:{mine}", text)
        found.append(text.split("\n"))
    return found


def _keys(description: str) -> dict[str, bytes]:
    """Return key and salt of each line that has any."""
    found = {}
    for part in description.split("m=")[1:]:
        key = re.search(r"inline:([A-Za-z0-9+/]{40})", part)
        if key:
            found[part.split()[0]] = base64.b64decode(key[1])
    return found


def _session(keys: dict[str, bytes], kind: str, *, outbound: bool = True) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy
    way = policy.SSRC_ANY_OUTBOUND if outbound else policy.SSRC_ANY_INBOUND
    profile = policy.SRTP_PROFILE_AES128_CM_SHA1_80
    return pylibsrtp.Session(policy(keys[kind], way, srtp_profile=profile))


def _open_theirs(srtp: Srtp, answer: str) -> None:
    srtp.receiving.update({kind: _session(_keys(answer), kind, outbound=False) for kind in SSRCS})


def _look_at_the_head(unit: Unit, family: Family) -> None:
    """Judge what the answer's head owes this family."""
    told = unit.messages
    if family.name == "tandberg_c20":
        answer = told[told.index("SIP/2.0 200") :]
        for name in ("Via", "Record-Route"):
            theirs = _lines(told, name)[:2]
            assert _lines(answer, name)[:2] == theirs
            assert len(theirs) == 2
    if family.again:
        first, second = _descriptions(unit)[:2]
        assert first == second, "a refresh is answered the same"
        assert len({ssrc for (_, _, _, ssrc), _ in unit.rtp("audio")}) == 1
    if family.name == "polycom_hdx":
        assert "Session-Expires: 90;refresher=uac" in told.partition("SIP/2.0 200")[2]


def _lines(text: str, name: str) -> list[str]:
    return re.findall(rf"(?m)^{name}: .*?$", text.replace("\r", ""))


def _hang_up(server: Server, at: int) -> None:
    """End a call by the operator's wish; the calls are counted from the oldest."""
    calls = sorted(json.loads(server.get("/api/v1/calls")), key=lambda call: int(call["call"]))
    request = urllib.request.Request(
        f"{server.local}/api/v1/calls/{calls[at]['call']}", method="DELETE"
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 204

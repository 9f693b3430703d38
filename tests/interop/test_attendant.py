"""Finding the meeting: the attendant by every way a key can come, and the echo test (C4)."""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, LAJOUX, MOREZ
from tests.interop.unit import Unit
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

PIN_ROOM = '[[room]]\nnumber = "4201"\npin = "2468"\n'
CARD = (31, 58, 77)
"""RGB of the cards' ground, as scripts/cards says."""
ORDER = """  <pause milliseconds="100"/>
  <send retrans="500">
<![CDATA[
INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "@NAME@" <sip:salle@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:@ROOM@@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: {number} INFO
Max-Forwards: 70
Content-Type: {kind}
Content-Length: [len]

{body}
]]>
  </send>
  <recv response="200"/>
"""
WAYS = ("application/dtmf-relay", "application/dtmf", "rfc 4733", "tones")


def run(story: Any) -> None:
    """Run one story to its end, 80 s at most."""
    asyncio.run(asyncio.wait_for(story, 80))


def info(kind: str, keys: str) -> str:
    """Return the part of a scenario that presses keys by SIP INFO, none for another way."""
    if "/" not in kind:
        return ""
    bodies = [f"Signal={key}\nDuration=160" if "relay" in kind else key for key in keys]
    return "".join(
        ORDER.format(number=number, kind=kind, body=body) for number, body in enumerate(bodies, 2)
    )


async def press(unit: Unit, way: str, keys: str) -> None:
    if way == "rfc 4733":
        await unit.press(keys)
    elif way == "tones":
        await unit.press_tones(keys)


def sees_card(unit: Unit) -> bool:
    colour = unit.colour()
    return bool(colour) and max(abs(a - b) for a, b in zip(colour, CARD, strict=True)) < 12


@pytest.mark.parametrize("way", WAYS)
def test_the_attendant_asks_for_room_and_pin_and_lets_in(meeting: Any, way: str) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(PIN_ROOM)
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201##2468"))
            lajoux = m.unit(LAJOUX, modes=(0,), sends=0, silent=True)
            keys = "4201#2468#"
            await lajoux.call("pin_right", "accueil", DIGITS=info(way, keys))
            await lajoux.play()
            if "/" not in way:
                await until(lambda: sees_card(lajoux), 5, "the card")
                assert lajoux.nal_types() <= set(range(1, 24))
                await until(lambda: lajoux.loudness() > 0.02, 5, "the voice")
                assert server.metric("sfu_members") == 1
                await press(lajoux, way, keys)
            await until(lambda: server.metric("sfu_members") == 2, 15, "the member")
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            await morez.sees(LAJOUX)
            lajoux.cue()
            await lajoux.ends()

    run(story())


@pytest.mark.parametrize("way", WAYS)
def test_the_attendant_says_goodbye_to_the_third_wrong_pin(meeting: Any, way: str) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(PIN_ROOM)
            lajoux = m.unit(LAJOUX, silent=True)
            keys = "4201#1111#2222#3333#"
            await lajoux.call("pin_refused", "0", DIGITS=info(way, keys))
            await lajoux.play()
            await press(lajoux, way, keys)
            await lajoux.ends(20)
            assert server.metric("sfu_members") == 0
            assert server.metric("sfu_calls") == 0
            assert any(row.get("cause") == "tries" for row in server.records())

    run(story())


def test_who_is_alone_sees_a_card_until_somebody_comes_and_when_all_have_left(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve('[[room]]\nnumber = "4201"\nname = "Mairie de Morez"\n')
            lajoux = m.unit(LAJOUX, modes=(0,), sends=0)
            await lajoux.call("unit_call", "4201")
            await lajoux.play()
            await until(lambda: sees_card(lajoux), 10, "the card")
            assert lajoux.nal_types() <= set(range(1, 24))
            await until(lambda: letters(lajoux) > 0.01, 10, "the room's name")
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            await lajoux.sees(MOREZ)
            await morez.sees(LAJOUX)
            await morez.hang_up()
            await until(lambda: sees_card(lajoux), 10, "the card again")
            lajoux.cue()
            await lajoux.ends()

    run(story())


def letters(unit: Unit) -> float:
    """Return how much of the card's upper third is white."""
    pixels = unit.pixels()
    return (
        0.0 if pixels is None else float((pixels[: len(pixels) * 2 // 5].min(axis=2) > 200).mean())
    )


def test_who_calls_the_echo_test_sees_and_hears_itself_alone(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("9196"))
            lajoux = m.unit(LAJOUX)
            await lajoux.call("unit_call", "9196")
            await lajoux.play()
            await morez.sees(MOREZ)
            await morez.hears(MOREZ)
            await lajoux.sees(LAJOUX)
            await lajoux.hears(LAJOUX)
            lajoux.cue()
            await lajoux.ends()

    run(story())


def test_a_page_can_make_the_echo_test_too(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne = await m.person(ANNE, room="9196")

            async def echoes() -> bool:
                return bool(await anne.seen() == {"Écho": ANNE.name})

            await until(echoes, 20, "its own picture")
            await anne.hears(ANNE)

    run(story())

"""Ten minutes with session timers of 90 s, refreshed by the peer and by us (C8).

Run by hand, it waits for the clock: `pytest -m long tests/interop/test_long_call.py`.
"""

import asyncio
import time
from typing import Any

import pytest

from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.turns import (
    SDP,
    answers,
    asks,
    described,
    hears,
    is_asked,
    pause,
)

pytestmark = [pytest.mark.interop, pytest.mark.long]

MINUTES = 10
WE = "Supported: timer\nSession-Expires: 90;refresher=uac"
TEXT = "Session-Expires: 90;refresher=uac"


def refreshing() -> str:
    """Refresh every 40 s, by UPDATE and by re-INVITE in turns, its description unchanged."""
    turns = []
    for number in range(MINUTES * 60 // 40):
        cseq = 2 + number
        turns.append(pause(40))
        if number % 2:
            turns += [
                asks("INVITE", cseq, f"{WE}\n{SDP}", described()),
                '<recv response="100" optional="true"/>\n',
                hears(200, TEXT),
                asks("ACK", cseq),
            ]
        else:
            turns += [asks("UPDATE", cseq, WE), hears(200, TEXT)]
    return "".join(turns)


def refreshed() -> str:
    """Be refreshed by UPDATE every 45 s."""
    turn = is_asked("UPDATE", TEXT) + answers(200, f"Require: timer\n{TEXT}")
    return turn * (MINUTES * 60 // 45)


def test_two_units_meet_for_ten_minutes_with_timers_of_90_seconds(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez, lajoux = m.unit(MOREZ), m.unit(LAJOUX)
            began = time.monotonic()
            await morez.call("unit_call", "4201", EXTRA="\n" + WE, THEN=refreshing())
            await morez.play()
            allows = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"
            ours = f"\n{allows}\nSession-Expires: 90;refresher=uas"
            await lajoux.call("unit_call", "4201", EXTRA=ours, THEN=refreshed())
            await lajoux.play()
            await morez.sees(LAJOUX)
            while time.monotonic() - began < MINUTES * 60 + 5:
                await asyncio.sleep(10)
                assert server.metric("sfu_members") == 2, server.log[-2000:]
                assert server.metric("sfu_call_ends_total") == 0
            for unit, other in ((morez, LAJOUX), (lajoux, MOREZ)):
                unit.forget()
                await unit.sees(other)
                await unit.hears(other)
            assert lajoux.messages.count("\nUPDATE sip:") >= MINUTES * 60 // 45
            for unit in (morez, lajoux):
                unit.cue()
                await unit.ends()
            assert server.metric("sfu_call_ends_total") == 2

    asyncio.run(asyncio.wait_for(story(), MINUTES * 60 + 120))

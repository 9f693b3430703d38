"""A codec behind a NAT, its private address everywhere: offers in fragments, media both ways, and
a way back that is still open when the server wants something.
"""

import asyncio
import json
import urllib.request
from typing import Any

import pytest

from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.nat import FORGETS_S, behind_nat
from tests.interop.turns import answers, is_asked

pytestmark = pytest.mark.interop

PADDING = "\n".join(f"a=x-padding-{number}:0123456789" for number in range(60))
LET_GO = is_asked("BYE") + answers(200)


@pytest.mark.waits
def test_a_codec_behind_nat_calls_in_fragments_and_is_reached_a_minute_later(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = m.unit(MOREZ)
            await morez.call("unit_call", "4201")
            await morez.play()
            with behind_nat() as where:
                lajoux = m.unit(LAJOUX, host=where.inside, server_host=where.server, nat=where)
                maps = "a=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42801f;"
                maps += f"packetization-mode=1\n{PADDING}"
                await lajoux.call("unit_call", "4201", MAPS=maps, END=LET_GO)
                await lajoux.play()
                assert where.fragments() >= 2
                await morez.sees(LAJOUX)
                await morez.hears(LAJOUX)
                await lajoux.sees(MOREZ)
                await lajoux.hears(MOREZ)
                await asyncio.sleep(FORGETS_S + 12)  # the NAT forgets a way nobody uses
                (room,) = json.loads(server.get("/api/v1/rooms"))
                call = next(one["call"] for one in room["members"] if one["name"] == LAJOUX.name)
                goodbye = urllib.request.Request(
                    f"{server.local}/api/v1/calls/{call}", method="DELETE"
                )
                await asyncio.to_thread(urllib.request.urlopen, goodbye, timeout=5)
                await lajoux.ends()  # by our BYE, which came through
            morez.cue()
            await morez.ends()

    asyncio.run(asyncio.wait_for(story(), 120))

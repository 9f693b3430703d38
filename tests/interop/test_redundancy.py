"""Two Chromiums on a line that loses 2 % each way: sound is sent twice, a room hears on."""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO, LAJOUX
from tests.interop.network import in_a_lossy_network, lose
from tests.interop.wait import until

pytestmark = pytest.mark.interop

LOSS = 0.02
SECONDS = 20
LINE = """
[media]
sound_twice = {twice}
[[line]]
site = "lajoux"
up_bps = 2_000_000
down_bps = 2_000_000
framing = "atm"
overhead_bytes = 40
networks = ["127.0.0.1/32"]
"""


async def sounds(*visitors: Any) -> tuple[int, int]:
    """Return samples of Opus that were made up, and all of them, silence left out."""
    concealed = samples = 0
    for visitor in visitors:
        rows = {row["id"]: row for row in await visitor.stats()}
        for row in rows.values():
            if row["type"] != "inbound-rtp" or row["kind"] != "audio" or "codecId" not in row:
                continue
            if rows[row["codecId"]]["mimeType"] in ("audio/opus", "audio/red"):
                concealed += row["concealedSamples"] - row["silentConcealedSamples"]
                samples += row["totalSamplesReceived"]
    return concealed, samples


async def share_concealed(*visitors: Any) -> float:
    before = await sounds(*visitors)
    await asyncio.sleep(SECONDS)
    after = await sounds(*visitors)
    return (after[0] - before[0]) / (after[1] - before[1])


async def measure(m: Any, twice: bool) -> float:
    """Return the share of sound two people hear of each other that was made up."""
    server = await m.serve(LINE.format(twice=str(twice).lower()))
    anne, bruno = await m.person(ANNE), await m.person(BRUNO)
    lajoux = await m.room(LAJOUX, silent=True)
    await lajoux.dial(server.sip("4201"))
    await anne.hears(BRUNO)
    lose(server.base + 4, LOSS)

    async def begun() -> bool:
        told = [one.last("send")["microphone"] for one in (anne, bruno)]
        both_ways = server.metric("sfu_line_sound_twice") == 2
        return both_ways and told == 2 * [{"twice": True, "why": "loss"}]

    if twice:
        await until(begun, 20, "a line whose speech goes twice")
    else:
        await asyncio.sleep(6)
        assert not anne.last("send")["microphone"]["twice"]
    share = await share_concealed(anne, bruno)
    recovered = server.metric("sfu_source_recovered_packets_total")
    redundant = server.metric("sfu_sink_redundant_packets_total")
    assert (recovered > 5, redundant > 500) == (twice, twice)
    print(f"{100 * share:.2f} % made up, {recovered:.0f} recovered, {redundant:.0f} redundant")
    if twice:
        await lajoux.hears(ANNE, BRUNO)
    await anne.close()
    await bruno.close()
    return share


def test_sound_that_is_sent_twice_survives_a_line_that_loses_packets(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            once = await measure(m, False)
            twice = await measure(m, True)
            print(f"concealed: {100 * once:.2f} % once, {100 * twice:.2f} % twice")
            assert twice < 0.005
            assert twice < once / 3

    in_a_lossy_network(lambda: asyncio.run(asyncio.wait_for(story(), 200)))

"""A real Chromium sends its picture in layers, and obeys what it is told of each.

What nobody watches is off at its source; rates and codecs change without an offer.
"""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO
from tests.interop.wait import until

pytestmark = pytest.mark.interop


OBEY = """(camera) => {
  const { peer } = sfu.call;
  window.testSend ??= peer.send.bind(peer);
  peer.send = () => {};
  return window.testSend({ camera }); }"""


def run(story: Any) -> None:
    """Run one story to its end, three minutes at most."""
    asyncio.run(asyncio.wait_for(story, 180))


def wish(low: int, high: int, codec: str = "VP8", mode: int = 1) -> dict[str, Any]:
    """Make the camera's part of `send`: a rate for the low layer and the high, 0 for off.

    A page that was let in before its camera was open has offered three, and makes the first two.
    """
    rates = [("l", low), ("m", high), ("h", high)]
    said = [
        {"rid": rid, "max_bps": bps, "max_height": None, "max_fps": None, "active": bps > 0}
        for rid, bps in rates
    ]
    return {
        "codec": codec, "mode": mode, "max_bps": 1_350_000, "max_height": None, "active": True,
        "layers": said,
    }  # fmt: skip


async def tell(visitor: Any, camera: dict[str, Any]) -> None:
    """Have the page obey as if the server had said it, and nothing the server says after."""
    await visitor.page.evaluate(OBEY, camera)


async def sent(visitor: Any) -> dict[str, dict[str, Any]]:
    """Return what the page's encoder does for the low layer, "l", and the high one, "h"."""
    rows = await visitor.stats()
    found = {
        row["rid"]: row for row in rows if row["type"] == "outbound-rtp" and row["kind"] == "video"
    }
    return {"l": found["l"], "h": found["m"] if "m" in found else found["h"]}


async def rates(visitor: Any, seconds: float = 1.0) -> dict[str, float]:
    """Measure the bits a second of each layer."""
    before = await sent(visitor)
    await asyncio.sleep(seconds)
    after = await sent(visitor)
    return {
        rid: 8e3 * (row["bytesSent"] - before[rid]["bytesSent"])
        / (row["timestamp"] - before[rid]["timestamp"])
        for rid, row in after.items()
    }  # fmt: skip


async def shown_height(visitor: Any) -> int:
    """Return the height of the other's picture, as it was decoded last."""
    rows = await visitor.stats()
    heights = [
        row.get("frameHeight", 0)
        for row in rows
        if row["type"] == "inbound-rtp" and row["kind"] == "video" and row.get("framesDecoded")
    ]
    return int(max(heights, default=0))


def test_a_layer_nobody_watches_stops_at_its_source(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne, bruno = await m.person(ANNE), await m.person(BRUNO)
            await bruno.sees(ANNE)
            assert len(anne.last("send")["camera"]["layers"]) == 2

            async def high() -> bool:
                return await shown_height(bruno) == 360

            await until(high, 10, "the high layer at Bruno's")

            async def low_rests() -> bool:
                return (await rates(anne, 0.5))["l"] == 0

            await until(low_rests, 3, "the low layer to be off at Anne's")
            low, top = anne.last("send")["camera"]["layers"]
            assert (low["active"], top["active"]) == (False, True)
            assert (await rates(anne))["h"] > 0
            await bruno.sees(ANNE)

    run(story())


def test_two_layers_arrive_at_once_where_both_are_asked_for(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne, bruno = await m.person(ANNE), await m.person(BRUNO)
            await bruno.sees(ANNE)
            await tell(anne, wish(150_000, 500_000))

            async def both() -> bool:
                found = await rates(anne, 0.5)
                heights = {row.get("frameHeight") for row in (await sent(anne)).values()}
                return heights == {180, 360} and min(found.values()) > 0

            await until(both, 10, "two layers of Anne's picture")
            await bruno.sees(ANNE)

    run(story())


def test_half_the_pictures_a_second_end_as_soon_as_they_may(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne, bruno = await m.person(ANNE), await m.person(BRUNO)
            await bruno.sees(ANNE)

            async def fps() -> float:
                before = (await sent(anne))["h"]["framesEncoded"]
                await asyncio.sleep(1)
                return float((await sent(anne))["h"]["framesEncoded"] - before)

            slow = wish(0, 155_000)
            slow["layers"] = [one | {"max_fps": 12} for one in slow["layers"]]
            whole = await fps()

            async def half() -> bool:
                return await fps() < 0.7 * whole

            async def all_again() -> bool:
                return await fps() > 0.8 * whole

            await tell(anne, slow)
            await until(half, 5, "half the pictures a second")
            await tell(anne, wish(0, 250_000))
            await until(all_again, 3, "all pictures a second")
            await bruno.sees(ANNE)

    run(story())


@pytest.mark.parametrize(("codec", "mode"), [("VP8", 1), ("H264", 1), ("H264", 0)])
def test_each_layer_keeps_to_its_rate_in_each_codec(meeting: Any, codec: str, mode: int) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            anne, bruno = await m.person(ANNE), await m.person(BRUNO)
            await bruno.sees(ANNE)
            await tell(anne, wish(120_000, 500_000, codec, mode))
            await asyncio.sleep(4)
            await tell(anne, wish(120_000, 250_000, codec, mode))
            await asyncio.sleep(2)
            measured = await rates(anne, 3)
            assert measured["h"] < 250_000 * 1.2
            assert measured["l"] < 120_000 * 1.25
            encoders = {row["encoderImplementation"] for row in (await sent(anne)).values()}
            assert encoders == {"libvpx" if codec == "VP8" else "OpenH264"}
            await bruno.sees(ANNE)

    run(story())

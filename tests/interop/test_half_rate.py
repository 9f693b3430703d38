"""Two real viewers of one real stream: the thin one is sent half its pictures, the other all.

Chromium's VP8 comes in three temporal layers; the engine leaves the uppermost out for one viewer,
at the next picture, and gives it back at a layer sync: nobody asks for a key frame.
"""

import asyncio
import json
import urllib.request
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO, CLAIRE
from tests.interop.server import Server
from tests.interop.wait import until

pytestmark = pytest.mark.interop

WIDE = """
[[line]]
site = "here"
up_bps = 20_000_000
down_bps = 20_000_000
framing = "plain"
networks = ["127.0.0.0/8"]
"""
CEILING_BPS = 720_000
"""0.6 of what a picture of 360 lines takes at most."""


def change(server: Server, member: str, **words: Any) -> None:
    """Say on what terms a member is sent pictures."""
    body, form = json.dumps(words).encode(), {"Content-Type": "application/json"}
    path = f"{server.local}/api/v1/members/{member}"
    request = urllib.request.Request(path, body, form, method="PATCH")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 204


async def pictures(visitor: Any, seconds: float) -> dict[str, tuple[float, int, int, float]]:
    """Return what comes of each picture: frames a second, height, key frames, bit/s."""

    async def now() -> dict[str, Any]:
        rows = await visitor.stats()
        kind = "inbound-rtp", "video"
        found = {row["mid"]: row for row in rows if (row["type"], row.get("kind")) == kind}
        return {mid: row for mid, row in found.items() if row.get("framesDecoded")}

    before = await now()
    await asyncio.sleep(seconds)
    after = await now()
    return {
        mid: (
            1e3 * (row["framesDecoded"] - before[mid]["framesDecoded"])
            / (row["timestamp"] - before[mid]["timestamp"]),
            row["frameHeight"],
            row["keyFramesDecoded"] - before[mid]["keyFramesDecoded"],
            8e3 * (row["bytesReceived"] - before[mid]["bytesReceived"])
            / (row["timestamp"] - before[mid]["timestamp"]),
        )
        for mid, row in after.items() if mid in before
    }  # fmt: skip


def test_a_thin_viewer_sees_half_the_pictures_of_what_another_sees_whole(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(WIDE)
            anne, bruno = await m.person(ANNE), await m.person(BRUNO)
            claire = await m.person(CLAIRE)
            await bruno.sees(ANNE, CLAIRE)
            await claire.sees(ANNE, BRUNO)
            thin = next(one for one, name in claire.names().items() if name == CLAIRE.name)
            change(server, thin, picture_max_bps=CEILING_BPS)

            async def halved() -> bool:
                told = claire.last("pictures").get("pictures", {}).values()
                return [one["rung"] for one in told] == ["half_rate"] * 2

            await until(halved, 20, "half the pictures at Claire's")
            assert {one["why"] for one in claire.last("pictures")["pictures"].values()} == {
                "ceiling"
            }
            await asyncio.sleep(2)
            slow, whole = await asyncio.gather(pictures(claire, 6), pictures(bruno, 6))
            print("Claire", slow, "Bruno", whole)
            assert {height for _, height, _, _ in slow.values()} == {360}
            all_fps = max(fps for fps, _, _, _ in whole.values())
            assert all_fps > 15  # 25, as far as the machine makes them
            assert all(0.4 < fps / all_fps < 0.6 for fps, _, _, _ in slow.values())
            part, all_of_it = (sum(one[3] for one in seen.values()) for seen in (slow, whole))
            assert 0.45 < part / all_of_it < 0.75
            await claire.sees(ANNE, BRUNO)

            change(server, thin, picture_max_bps=None)
            await asyncio.sleep(5)
            again, whole = await asyncio.gather(pictures(claire, 4), pictures(bruno, 4))
            print("again", again)
            all_fps = max(fps for fps, _, _, _ in whole.values())
            assert all(fps > 0.8 * all_fps for fps, _, _, _ in again.values())
            assert sum(keys for _, _, keys, _ in again.values()) == 0
            await anne.sees(BRUNO, CLAIRE)

    asyncio.run(asyncio.wait_for(story(), 180))

"""GnuGk between CallGen323 and our server, which registers there as an MCU, in each of its ways.

::

    direct       it says where somebody is; all else goes between the two
    routed       call signalling goes through it, H.245 between the two
    h245         H.245 goes through it as well
    proxied      and the media
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.interop.h323plus import (
    CALLS,
    ENDS,
    GATEKEEPER,
    MEMBERS,
    OTHER,
    Scene,
    gnugk_built,
    heard,
    judge,
    play,
)
from tests.interop.server import Server
from tests.interop.test_h323 import dial, hang_up
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits, gnugk_built]

WAYS = {
    "direct": "[RoutedMode]\nGKRouted=0",
    "routed": "[RoutedMode]\nGKRouted=1\nH245Routed=0",
    "h245": "[RoutedMode]\nGKRouted=1\nH245Routed=1",
    "proxied": "[RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\nProxyAlways=1",
}
MEMBER = f"""
[gatekeeper]
host = "{GATEKEEPER}:1719"
name = "sfu"
password = "secret"
prefixes = ["42"]
dial = ["70"]
"""
REGISTERED = "sfu_h323_member_registered"
BY_PREFIX = "424201"
LONG = ("-r", "1", "--tmincall", "60", "--tmaxcall", "60")


@pytest.mark.parametrize("words", [(), ("-f",), ("-f", "-T")], ids=["fast", "slow", "slow, apart"])
@pytest.mark.parametrize("way", WAYS)
def test_it_calls_by_prefix_and_is_called_by_number(
    tmp_path: Path, way: str, words: tuple[str, ...]
) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        scene.gnugk(WAYS[way])
        server = await scene.serve(MEMBER)
        await registered(server)
        there: dict[str, Any] = {"gatekeeper": GATEKEEPER}
        unit = scene.callgen(*words, "-m", "1", *LONG, BY_PREFIX, keep="heard", **there)
        other = scene.callgen(*words, "-m", "1", *LONG, BY_PREFIX, host=OTHER, user="7002", **there)
        await talks(server, 2)
        await unit.says("Established")
        await asyncio.sleep(3)
        for one in (unit, other):
            one.enter()
        await until(lambda: server.metric(CALLS) == 0, 10, "their end")
        assert server.metric(ENDS % "hung_up") == 2
        assert heard(tmp_path / "heard") > 0.02
        for one in (unit, other):
            one.kill()

        unit = scene.callgen(*words, "-l", "-m", "3", user="7003", **there)
        await unit.says("Gatekeeper set to")
        status, outcome = await asyncio.to_thread(dial, server, "7003", "4201")
        assert (status, outcome.get("answered")) == (201, True), outcome
        await talks(server, 1)
        await asyncio.to_thread(hang_up, server, outcome["call"])
        await unit.says("Cleared")
        judge(capture)

    play(tmp_path, story, 150)


@pytest.mark.parametrize("way", WAYS)
def test_three_at_once_all_killed_and_the_server_killed(tmp_path: Path, way: str) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        scene.gnugk(WAYS[way])
        server = await scene.serve(MEMBER)
        await registered(server)
        there: dict[str, Any] = {"gatekeeper": GATEKEEPER}
        unit = scene.callgen("-m", "3", *LONG, BY_PREFIX, **there)
        await talks(server, 3)
        await unit.says("Established", 3)
        unit.kill()
        gone = await until(lambda: server.metric(CALLS) == 0, 45, "three that are gone")
        assert gone < 42

        server.kill()
        await server.start()
        await registered(server)
        other = scene.callgen("-m", "1", *LONG, BY_PREFIX, host=OTHER, user="7002", **there)
        await talks(server, 1)
        other.enter()
        await until(lambda: server.metric(CALLS) == 0, 10, "its end")
        judge(capture)

    play(tmp_path, story, 150)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_killed_in_mid_call(tmp_path: Path, way: str) -> None:
    async def story(scene: Scene) -> None:
        gatekeeper = scene.gnugk(WAYS[way])
        server = await scene.serve(MEMBER)
        await registered(server)
        unit = scene.callgen("-m", "1", *LONG, BY_PREFIX, gatekeeper=GATEKEEPER)
        await talks(server, 1)
        await unit.says("Established")
        gatekeeper.kill()
        await asyncio.sleep(6)
        stays = way == "direct"
        assert server.metric(CALLS) == stays
        if stays:
            unit.enter()
            await until(lambda: server.metric(CALLS) == 0, 10, "its end")

    play(tmp_path, story, 120)


@pytest.mark.parametrize("way", WAYS)
def test_its_operator_ends_a_call(tmp_path: Path, way: str) -> None:
    async def story(scene: Scene) -> None:
        scene.gnugk(WAYS[way])
        server = await scene.serve(MEMBER)
        await registered(server)
        unit = scene.callgen("-m", "1", *LONG, BY_PREFIX, gatekeeper=GATEKEEPER)
        await talks(server, 1)
        await unit.says("Established")
        _, writer = await asyncio.open_connection(GATEKEEPER, 7000)
        writer.write(b"disconnectalias 7001\r\n")
        await until(lambda: server.metric(CALLS) == 0, 10, "its end")
        writer.close()

    play(tmp_path, story, 60)


async def registered(server: Server) -> None:
    await until(lambda: server.metric(REGISTERED) == 1, 15, "our registration")


async def talks(server: Server, number: int) -> None:
    """Wait until so many are in their rooms."""
    await until(lambda: server.metric(MEMBERS) == number, 20, f"{number} calls")

"""Browsers in networks that block UDP: over TCP on the page's port or one of its own, by a relay.

Each plays in a network namespace of its own whose kernel drops the datagrams to our port.
"""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.interop.coturn import RELAYS_FROM, Coturn
from tests.interop.fixtures import ANNE, BRUNO, LAJOUX
from tests.interop.network import apart
from tests.interop.ports import free_port
from tests.interop.wait import until

pytestmark = pytest.mark.interop
SECRET = "a secret of the north"


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    apart(lambda: asyncio.run(asyncio.wait_for(story(), 180)))


def drop(*words: str) -> None:
    subprocess.run(["iptables", "-w", "-A", "INPUT", *words, "-j", "DROP"], check=True, timeout=10)


def block_udp(port: int, but_from: str = "") -> None:
    source = ["!", "-s", but_from] if but_from else []
    drop("-p", "udp", "--dport", str(port), *source)


async def way(visitor: Any) -> str:
    return str(await visitor.page.evaluate("document.getElementById('way').dataset.way ?? ''"))


async def goes_by(visitor: Any, wanted: str) -> None:
    async def shown() -> bool:
        return await way(visitor) == wanted

    await until(shown, 20, f"{visitor.who.name} going by {wanted}")


@pytest.mark.parametrize("own", [False, True], ids=["the page's port", "a port of its own"])
def test_browsers_meet_a_room_over_tcp_where_udp_is_blocked(meeting: Any, own: bool) -> None:
    async def story() -> None:
        async with meeting() as m:
            port = free_port(18_000)
            webrtc = f"tcp_port = {port}\ntcp_offered_ports = [{port}]" if own else ""
            server = await m.serve(webrtc=webrtc)
            block_udp(server.base + 4)
            anne = await m.person(ANNE)
            bruno = await m.person(BRUNO)
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            await anne.sees(BRUNO, LAJOUX, seconds=60)
            await bruno.sees(ANNE, LAJOUX)
            await anne.hears(BRUNO, LAJOUX)
            await bruno.hears(ANNE, LAJOUX)
            await lajoux.hears(ANNE, BRUNO)
            for visitor in (anne, bruno):
                await goes_by(visitor, "tcp")
            assert 'sfu_browsers{way="tcp"} 2.0' in server.get("/metrics")
            assert server.metric("sfu_media_connections") >= 2
            await bruno.press("leave")
            await anne.sees(LAJOUX)
            await until(
                lambda: server.metric("sfu_browsers") == 1, 20, "the browser that left forgotten"
            )

    play(story)


def test_a_browser_that_may_use_udp_does(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            anne = await m.person(ANNE)
            bruno = await m.person(BRUNO)
            await anne.sees(BRUNO)
            await goes_by(anne, "udp")
            assert 'sfu_browsers{way="udp"} 2.0' in server.get("/metrics")
            await bruno.press("leave")

    play(story)


def test_a_browser_comes_by_a_relay_where_nothing_else_gets_through(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            relay = Coturn(m._folder("coturn"), free_port(19_000), SECRET)
            m.cleanup(relay.stop)
            await relay.start()
            url = f"turn:127.0.0.1:{relay.port}?transport=tcp"
            turn = f'[turn]\nurls = ["{url}"]\nsecret = "{SECRET}"'
            server = await m.serve(turn, webrtc="tcp = false")
            block_udp(server.base + 4, but_from=RELAYS_FROM)
            anne = await m.person(ANNE)
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            await anne.sees(LAJOUX, seconds=60)
            await anne.hears(LAJOUX)
            await lajoux.sees(ANNE)
            await lajoux.hears(ANNE)
            await goes_by(anne, "relay")
            await until(
                lambda: 'sfu_browsers{way="relay"} 1.0' in server.get("/metrics"), 10, "its count"
            )
            assert ":m1>" in relay.log  # by the name that ends, of this member
            assert SECRET not in server.log

    play(story)

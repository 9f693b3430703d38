r"""Our server calls itself by H.323 from one network to another, in each mode of H.245.

::

    network A                                     network B
    baresip --SIP--\                              /--SIP-- unit (SIPp, our packets)
    Chromium -------> server A == H.323, RTP ==> server B

Everybody in room 4201 of A sees whom B has, and the other way.  tshark reads all that passed
between the two.  We never offer fastStart; how it is declined, the captures' tests show.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop.chromium import Visitor
from tests.interop.fixtures import ANNE, LAJOUX, MOREZ, Identity
from tests.interop.nat import Behind, _run
from tests.interop.network import apart
from tests.interop.server import Server
from tests.interop.test_h323 import NAMED, WRONG, dial, hang_up, read
from tests.interop.wait import until

pytestmark = pytest.mark.interop

HERE, THERE = "10.99.0.1", "10.99.0.2"
LINE = "sfh323"
PLENTY = 200_000
"""Bytes of a capture that has pictures to judge: who joins sees one within half a second."""
MODES = {"separate": False, "tunnelled": True}


@dataclass
class Elsewhere(Server):
    """A server in another network."""

    where: Behind | None = None

    def answers(self, path: str) -> bool:
        assert self.where is not None
        with self.where.entered():
            return super().answers(path)

    def get(self, path: str) -> str:
        assert self.where is not None
        with self.where.entered():
            return super().get(path)


@pytest.mark.parametrize("far_mode", MODES)
@pytest.mark.parametrize("near_mode", MODES)
def test_rooms_and_a_page_meet_across(
    meeting: Any, tmp_path: Path, near_mode: str, far_mode: str
) -> None:
    async def story(where: Behind) -> None:
        async with meeting() as m:
            far = Elsewhere(
                tmp_path / "far", m.base(), prefix=("ip", "netns", "exec", where.namespace),
                environment=prefers(far_mode), where=where,
            )  # fmt: skip
            m.cleanup(far.stop)
            await far.start()
            near = await m.serve(NAMED, environment=prefers(near_mode))
            capture = tmp_path / "calls.pcap"
            morez = m.unit(MOREZ, host=THERE, server_host=THERE, nat=where)
            morez.server_port = far.sip_port
            await morez.call("unit_call", "4202")
            await morez.play()
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(near.sip("4201"))
            anne = await m.person(ANNE, near.page)
            with captured(capture):
                target = f"h323:4202@{THERE}:{far.base + 5}"
                status, outcome = await asyncio.to_thread(dial, near, target, "4201")
                assert (status, outcome["answered"]) == (201, True), outcome
                await until(
                    lambda: shows(anne, LAJOUX, MOREZ), 30, "Lajoux and Morez on the page", 0.3
                )
                wanted = (ANNE.name, LAJOUX.name)  # whoever speaks
                await until(lambda: morez.picture() in wanted, 30, "A's picture in B", 0.3)
                await until(lambda: morez.heard() == {ANNE.name, LAJOUX.name}, 20, "A's sound", 0.3)
                await until(lambda: capture.stat().st_size > PLENTY, 20, "pictures to judge")
                await asyncio.to_thread(hang_up, near, outcome["call"])
                left = 'sfu_calls{protocol="h323"}'
                await until(lambda: near.metric(left) == far.metric(left) == 0, 10, "its end")
            judge(capture, far, tunnelled=near_mode == far_mode == "tunnelled")

    def play() -> None:
        with another_network() as where:
            asyncio.run(asyncio.wait_for(story(where), 150))

    apart(play)


async def shows(visitor: Visitor, *people: Identity) -> bool:
    """Tell whether a page's tiles are in these people's colours, whatever stands under them."""
    return set((await visitor.seen()).values()) == {who.name for who in people}


def prefers(mode: str) -> dict[str, str]:
    return {"SFU_H323__TUNNELLING": json.dumps(MODES[mode])}


@contextmanager
def another_network() -> Iterator[Behind]:
    """Make a namespace, joined by a cable to the one we are in."""
    name = f"{LINE}-{os.getpid()}"
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", LINE, "type", "veth", "peer", "name", "far", "netns", name)
        for words, device, address in (((), LINE, HERE), (("-n", name), "far", THERE)):
            _run("ip", *words, "address", "add", f"{address}/24", "dev", device)
            _run("ip", *words, "link", "set", device, "mtu", "1500", "up")
        _run("ip", "-n", name, "link", "set", "lo", "up")
        yield Behind(name, THERE, THERE, HERE)
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


@contextmanager
def captured(path: Path) -> Iterator[None]:
    """Write down all that passes the cable."""
    words = ["tcpdump", "-i", LINE, "-U", "--immediate-mode", "-s", "0", "-w", str(path)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()  # it listens
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def judge(capture: Path, far: Server, *, tunnelled: bool) -> None:
    """Assert that tshark finds a whole call in the mode it should be in, and nothing malformed."""
    signalling = f"tcp.port == {far.base + 5}"
    rows = read(capture, "q931", "q931.message_type")
    types = {int(one, 0) for row in rows for one in row.split(",") if one}
    assert types >= {0x05, 0x02, 0x07, 0x5A}, types
    assert len(read(capture, "h245", "frame.number")) >= 4
    inside = read(capture, f"h245 && {signalling}", "frame.number")
    assert bool(inside) is tunnelled
    assert sum(map(int, read(capture, "udp", "udp.length"))) > 100_000  # pictures
    assert read(capture, f"({WRONG}) && tcp", "_ws.expert") == []

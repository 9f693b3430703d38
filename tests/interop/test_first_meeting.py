"""Two room codecs and two browsers in one room see and hear each other (A2).

Every picture has a colour of its own and every sound a frequency of its own; what is asserted is
what the clients themselves decoded.  Lajoux calls by UDP in the clear, Morez by TLS with SDES,
Anne joins over IPv4, Bruno over IPv6.
"""

import asyncio
import shutil
import time
from typing import Any

import pytest

from sfu.app.sockets import all_addresses
from tests.interop import sipp
from tests.interop.fixtures import ANNE, BRUNO, CLAIRE, LAJOUX, MOREZ
from tests.interop.wait import until

pytestmark = pytest.mark.interop


def run(story: Any) -> None:
    """Run one story to its end, five minutes at most."""
    asyncio.run(asyncio.wait_for(story, 300))


def test_everybody_sees_and_hears_everybody(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = await m.room(LAJOUX, silent=True)
            morez = await m.room(MOREZ, transport="tls", account="mediaenc=srtp-mand", silent=True)
            await lajoux.dial(server.sip("4201"))
            await morez.dial(server.sips("4201"))
            await lajoux.sees(MOREZ)
            await morez.sees(LAJOUX)
            anne = await m.person(ANNE)
            bruno = await m.person(BRUNO, server.page_ipv6)
            await anne.sees(LAJOUX, MOREZ, BRUNO)
            await bruno.sees(LAJOUX, MOREZ, ANNE)
            await _goes_by_ipv6(bruno)

            # both codecs are silent: they hear the two browsers, who hear each other
            await lajoux.hears(ANNE, BRUNO)
            await morez.hears(ANNE, BRUNO)
            await anne.hears(BRUNO)
            await bruno.hears(ANNE)

            # the speaker switch reaches the codecs, and nobody hears itself
            await bruno.press("mic")
            await lajoux.sees(ANNE)
            await morez.sees(ANNE)
            await anne.press("mic")
            await lajoux.speak(silent=False)
            await morez.sees(LAJOUX)
            await morez.hears(LAJOUX)
            await lajoux.hears()
            await anne.hears(LAJOUX)
            await bruno.hears(LAJOUX)
            await morez.speak(silent=False)
            await lajoux.speak(silent=True)
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            await morez.hears()

    run(story())


async def _goes_by_ipv6(visitor: Any) -> None:
    """Assert that page and media of somebody go over IPv6.

    Chromium takes no path from ::1: on a host with no other IPv6 address only the page is asked.
    """
    assert await visitor.page.evaluate("location.hostname") == "[::1]"
    if not any(":" in one for one in all_addresses() if one != "::1"):
        return
    rows = {row["id"]: row for row in await visitor.stats()}
    (transport,) = (row for row in rows.values() if row["type"] == "transport")
    pair = rows[transport["selectedCandidatePairId"]]
    assert ":" in rows[pair["remoteCandidateId"]]["address"]


def test_a_late_joiner_gets_every_picture_within_a_second_of_its_join(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            anne = await m.person(ANNE)
            await anne.sees(LAJOUX)
            await lajoux.sees(ANNE)
            claire = await m.visitor(CLAIRE)
            await claire.page.evaluate(FIRST_PICTURES)
            await claire.join()
            await claire.sees(LAJOUX, ANNE)
            seconds = await claire.page.evaluate("window.testFirst.map(at => at / 1000)")
            assert len(seconds) >= 2
            assert max(seconds[:2]) < 1.0, f"pictures after {seconds} s"

    run(story())


FIRST_FRAME = "receiving with resolution"
"""What baresip logs when its decoder gives the first picture."""
FIRST_PICTURES = """() => { window.testFirst = [];
  new MutationObserver(() => {
    for (const video of document.querySelectorAll('[data-member] video')) {
      if (video.watched) continue;
      video.watched = true;
      video.requestVideoFrameCallback(now => window.testFirst.push(now - window.testJoined));
    } }).observe(document.body, {childList: true, subtree: true}); }"""


def test_a_room_codec_that_joins_late_sees_the_speaker_within_a_second(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            anne = await m.person(ANNE)
            await anne.sees(LAJOUX)
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            await until(lambda: "Call established" in morez.log, 10, "our 200", every=0.01)
            seconds = await until(lambda: FIRST_FRAME in morez.log, 10, "a frame", every=0.01)
            assert seconds < 1.0
            await morez.sees(LAJOUX)

    run(story())


@pytest.mark.waits
def test_a_member_that_vanishes_is_gone_forty_seconds_later(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = await m.room(LAJOUX)
            morez = await m.room(MOREZ)
            await lajoux.dial(server.sip("4201"))
            await morez.dial(server.sip("4201"))
            await lajoux.sees(MOREZ)
            anne = await m.person(ANNE)
            await anne.sees(LAJOUX, MOREZ)
            morez.kill()
            begin = time.monotonic()
            await until(lambda: len(anne.last("members")["members"]) == 2, 50, "its going")
            assert 38 <= time.monotonic() - begin <= 43
            assert server.metric('sfu_call_ends_total{protocol="sip",reason="vanished"}') == 1

    run(story())


@pytest.mark.waits
def test_a_held_member_is_asked_by_options_before_it_is_given_up(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve("[limits]\nvanish_s = 6\n")
            folder = server.home / "sipp"
            folder.mkdir()
            shutil.copy(sipp.SCENARIOS / "held.xml", folder)
            (folder / "rooms.csv").write_text("SEQUENTIAL\n4201;\n")
            outcome = await sipp.run(
                folder, f"127.0.0.1:{server.sip_port}", "held", "-m", "1",
                "-i", "127.0.0.1", "-p", "15290", seconds=30,
            )  # fmt: skip
            # it lived well beyond the six seconds: three questions, three answers
            assert outcome.code == 0, outcome.text[-2000:]
            assert server.metric("sfu_members") == 1
            gone = await until(lambda: server.metric("sfu_members") == 0, 10, "its going")
            assert 3 < gone < 8
            assert server.metric('sfu_call_ends_total{protocol="sip",reason="vanished"}') == 1

    run(story())

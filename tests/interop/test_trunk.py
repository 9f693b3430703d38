"""A trunk against a real Kamailio: registration both ways, calls both ways, and its death."""

import asyncio
import json
from typing import Any

import pytest

from tests.interop.conftest import free_port
from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.kamailio import Kamailio
from tests.interop.server import Server
from tests.interop.wait import until

pytestmark = pytest.mark.interop

PASSWORDS = {"visio": "mot-de-la-salle", "lajoux": "mot-de-lajoux", "morez": "mot-de-morez"}


def run(story: Any) -> None:
    """Run one story to its end, five minutes at most."""
    asyncio.run(asyncio.wait_for(story, 300))


def trunk(registrar: str, **more: object) -> str:
    """Write a [[trunk]]."""
    table: dict[str, object] = {
        "name": "pbx", "registrar": registrar, "user": "visio", "password": PASSWORDS["visio"],
        "room": "4201", "expires_s": 120,
    } | more  # fmt: skip
    return "[[trunk]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())


async def pbx(m: Any, tmp_path: Any, **options: Any) -> Kamailio:
    """Start a Kamailio that ends with the meeting."""
    name = options.pop("name", "kamailio")
    port = options.pop("port", 0) or free_port(21_000)
    kamailio = Kamailio(tmp_path / name, port, PASSWORDS, **options)
    m.cleanup(kamailio.stop)
    await kamailio.start()
    return kamailio


def extension(kamailio: Kamailio, user: str) -> dict[str, Any]:
    """Return what makes a baresip an extension of the PBX."""
    return {
        "user": user,
        "registrar": kamailio.port,
        "account": f"auth_user={user};auth_pass={PASSWORDS.get(user, 'mot-' + user)}",
    }


async def registered(server: Server, seconds: float = 15) -> None:
    await until(lambda: server.metric("sfu_trunk_registered") == 1, seconds, "our registration")


def test_a_codec_of_the_pbx_dials_our_number_and_meets(meeting: Any, tmp_path: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            kamailio = await pbx(m, tmp_path)
            server = await m.serve(trunk(kamailio.address))
            await registered(server)
            assert server.metric("sfu_trunk_status") == 200
            assert 100 < server.metric("sfu_trunk_expires_seconds") <= 120
            assert server.metric("sfu_trunk_failures_total") == 0

            lajoux = await m.room(LAJOUX, **extension(kamailio, "lajoux"))
            await until(lambda: "200 OK" in lajoux.log, 10, "Lajoux's registration")
            await lajoux.dial(kamailio.sip("4202"))  # a room's own number, which stands in To
            await until(lambda: "4202" in server.get("/api/v1/rooms"), 10, "Lajoux in 4202")
            await lajoux.hang_up()

            await lajoux.dial(kamailio.sip("visio"))  # our user: the trunk's room
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            await lajoux.sees(MOREZ)
            await morez.sees(LAJOUX)
            await lajoux.hears(MOREZ)
            await morez.hears(LAJOUX)

    run(story())

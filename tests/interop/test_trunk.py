"""A trunk against a real Kamailio: registration both ways, calls both ways, and its death."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.kamailio import Kamailio
from tests.interop.ports import free_port
from tests.interop.server import Server
from tests.interop.wait import until
from tests.nameserver import NameServer

pytestmark = [pytest.mark.interop, pytest.mark.waits]

PASSWORDS = {"visio": "mot-de-la-salle", "lajoux": "mot-de-lajoux", "0712": "mot-de-morez"}
NAME_SERVER = "127.0.0.77"
"""Where ours listens: /etc/resolv.conf knows no port, but any address of this host."""


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
    port = free_port(options.pop("port", 21_000))
    kamailio = Kamailio(tmp_path / name, port, PASSWORDS, **options)
    m.cleanup(kamailio.stop)
    await kamailio.start()
    return kamailio


def extension(kamailio: Kamailio, user: str) -> dict[str, Any]:
    """Return what makes a baresip an extension of the PBX."""
    return {
        "user": user,
        "registrar": kamailio.port,
        "account": f"auth_user={user};auth_pass={PASSWORDS[user]}",
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


def test_we_call_a_codec_of_the_pbx_and_no_number_that_is_not_allowed(
    meeting: Any, tmp_path: Any
) -> None:
    async def story() -> None:
        async with meeting() as m:
            port = free_port(21_100)
            kamailio = await pbx(m, tmp_path, port=port, service_route=f"<sip:127.0.0.1:{port};lr>")
            server = await m.serve(trunk(kamailio.address, dial=["07"]))
            await registered(server)
            morez = await m.room(MOREZ, **extension(kamailio, "0712"))
            await until(lambda: "200 OK" in morez.log, 10, "Morez's registration")
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))

            refused = await call(server, "0812")
            assert refused.returncode != 0
            assert "nobody is known by '0812'" in refused.stdout + refused.stderr
            assert "SEEN INVITE" not in kamailio.log

            done = await call(server, "0712")
            assert done.returncode == 0, done.stdout + done.stderr
            assert "RELAYED INVITE" in kamailio.log
            await morez.sees(LAJOUX)
            await lajoux.sees(MOREZ)
            await morez.hears(LAJOUX)
            await lajoux.hears(MOREZ)
            await morez.hang_up()
            await until(lambda: server.metric("sfu_members") == 1, 10, "Morez gone")
            assert await server.stop() == 0
            await until(lambda: "expires=0" in kamailio.log, 3, "our registration taken back")

    run(story())


def test_a_wrong_password_is_told_and_not_tried_again_and_again(
    meeting: Any, tmp_path: Any
) -> None:
    async def story() -> None:
        async with meeting() as m:
            kamailio = await pbx(m, tmp_path)
            server = await m.serve(trunk(kamailio.address, password="falsch-und-geheim"))
            await until(lambda: "trunk_failed" in server.log, 10, "the refusal")
            (line,) = [row for row in server.records() if row["event"] == "trunk_failed"]
            assert (line["status"], line["registered"]) == (401, False)
            assert 150 <= float(str(line["again_in_s"])) <= 300
            assert server.metric("sfu_trunk_registered") == 0
            assert server.metric("sfu_trunk_status") == 401
            assert server.answers("/readyz")  # rooms can meet
            assert kamailio.log.count("SEEN REGISTER") == 2
            assert "falsch-und-geheim" not in server.log

    run(story())


def test_a_codec_registers_at_us_through_a_proxy_and_is_called_through_it(
    meeting: Any, tmp_path: Any
) -> None:
    async def story() -> None:
        async with meeting() as m:
            kamailio = await pbx(m, tmp_path, passes=True)
            account = '[[account]]\nuser = "morez"\npassword = "mot-de-morez"\n'
            server = await m.serve(account)
            proxy = f'outbound="sip:{kamailio.address}"'
            morez = await m.room(
                MOREZ, user="morez", registrar=server.sip_port,
                account=f"auth_user=morez;auth_pass=mot-de-morez;{proxy}",
            )  # fmt: skip
            await until(lambda: server.metric("sfu_registrations") == 1, 10, "a registration")
            assert "PASSED REGISTER" in kamailio.log
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            done = await call(server, "morez")
            assert done.returncode == 0, done.stdout + done.stderr
            assert "PASSED INVITE" in kamailio.log
            await morez.sees(LAJOUX)
            await lajoux.hears(MOREZ)

    run(story())


@pytest.mark.parametrize(("service", "carrier"), [("SIP+D2U", "udp"), ("SIP+D2T", "tcp")])
def test_where_one_server_of_the_pbx_dies_the_next_takes_over(
    service: str, carrier: str, meeting: Any, tmp_path: Any
) -> None:
    """The name servers say which; over UDP silence tells, over TCP the end of the connection."""

    async def story() -> None:
        async with meeting() as m:
            first = await pbx(m, tmp_path, name="first", domain="pbx.test")
            second = await pbx(
                m, tmp_path, name="second", domain="pbx.test", port=free_port(21_200)
            )
            zone = f"""
                pbx.test. NAPTR 10 0 "s" "{service}" "" _sip._{carrier}.pbx.test.
                _sip._{carrier}.pbx.test. SRV 20 0 {second.port} two.pbx.test.
                _sip._{carrier}.pbx.test. SRV 10 0 {first.port} one.pbx.test.
                one.pbx.test. A 127.0.0.1
                two.pbx.test. A 127.0.0.1
            """
            async with NameServer(zone, NAME_SERVER, 53):
                await play(m, first, second)

    async def play(m: Any, first: Kamailio, second: Kamailio) -> None:
        settings = trunk("pbx.test", probe_s=2.0, dial=["07"])
        server = await m.serve(settings, prefix=by_name_server(tmp_path))
        await registered(server)
        assert standing(server)["place"] == f"{carrier} 127.0.0.1:{first.port}"
        morez = await m.room(MOREZ, **extension(second, "0712"))
        await until(lambda: "200 OK" in morez.log, 10, "Morez's registration")

        first.kill()
        there = f"{carrier} 127.0.0.1:{second.port}"
        took = await until(lambda: standing(server)["place"] == there, 20, "the second place")
        assert took < 15
        assert server.metric("sfu_trunk_registered") == 1
        assert server.metric("sfu_trunk_failures_total") == 1
        (lost,) = [row for row in server.records() if row["event"] == "trunk_lost"]
        why = "no answer" if carrier == "udp" else "connection closed"
        assert lost["reason"] == f"127.0.0.1:{first.port}: {why}"

        lajoux = await m.room(LAJOUX)
        await lajoux.dial(server.sip("4201"))
        done = await call(server, "0712")
        assert done.returncode == 0, done.stdout + done.stderr
        await morez.sees(LAJOUX)
        await lajoux.hears(MOREZ)

    run(story())


async def call(server: Server, number: str) -> subprocess.CompletedProcess[str]:
    """Call a number into 4201 by the command."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "sfu", "call", number, "--room", "4201",
         "--config", str(server.home / "sfu.toml")],
        capture_output=True, text=True, timeout=40,
    )  # fmt: skip


def standing(server: Server) -> dict[str, Any]:
    """Return how the one trunk stands, as the API tells."""
    (one,) = json.loads(server.get("/api/v1/trunks"))
    return dict(one)


def by_name_server(home: Any) -> tuple[str, ...]:
    """Return words before a command that let it ask our name server, and it alone."""
    conf = home / "resolv.conf"
    conf.write_text(f"nameserver {NAME_SERVER}\n")
    mount = f'mount --bind {conf} /etc/resolv.conf && exec "$@"'
    return ("unshare", "-m", "sh", "-c", mount, "sh")

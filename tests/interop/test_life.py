"""The life of a service with calls in it: told to its manager, reloaded, renewed, drained."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
import websockets

from sfu.shell.certificate import ensure_certificate, load_certificate
from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.server import Server
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]


class Listener:
    """Stands where systemd listens (sd_notify(3))."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self._sock.setblocking(False)
        self.said: list[str] = []
        # the kernel keeps ten datagrams for who does not read
        asyncio.get_running_loop().add_reader(self._sock, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.said.append(self._sock.recv(4096).decode())

    def count(self, word: str) -> int:
        return sum(word in line.split("\n") for line in self.said)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()


async def shown(port: int) -> str:
    """Return the fingerprint of the certificate a port shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return hashlib.sha256(raw).digest().hex(":").upper()


async def sfu(server: Server, *words: str) -> tuple[int, str]:
    """Run a verb of the command line beside the server."""
    place = ["--config", str(server.home / "sfu.toml"), "--data", str(server.home / "data")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sfu", *words, *place,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def invite(port: int, room: str) -> str:
    """Call a room in the clear; return the first final answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(("127.0.0.1", port))
        here = "{}:{}".format(*sock.getsockname())
        body = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            "m=audio 40000 RTP/AVP 0\r\n"
        )
        sock.send(
            f"INVITE sip:{room}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKlife\r\n"
            f"From: <sip:late@{here}>;tag=1\r\nTo: <sip:{room}@127.0.0.1>\r\n"
            f"Call-ID: late@{here}\r\n"
            f"CSeq: 1 INVITE\r\nContact: <sip:late@{here}>\r\nMax-Forwards: 70\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        while (answer := sock.recv(4096).decode()).startswith("SIP/2.0 1"):
            pass
        return answer


def test_a_service_is_told_of_reloaded_renewed_and_drained_with_a_call_in_it(
    meeting: Any, tmp_path: Path
) -> None:
    async def story() -> None:
        listener = Listener(tmp_path / "notify")
        tls = tmp_path / "tls"
        first = ensure_certificate(tls, ["visio.example.org"])
        named = f'[tls]\ncertificate = "{first.chain}"\nprivate_key = "{first.key}"\n'
        async with meeting() as m:
            environment = {
                "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1500000",
            }  # fmt: skip
            server = await m.serve(named, environment=environment)
            assert server.process is not None
            await until(lambda: listener.count("READY=1") == 1, 5, "READY=1")
            await until(lambda: listener.count("WATCHDOG=1") >= 4, 5, "signs of life")

            lajoux, morez = await m.room(LAJOUX), await m.room(MOREZ, transport="tls")
            await lajoux.dial(server.sip("4201"))
            await morez.dial(server.sips("4201"))
            await lajoux.sees(MOREZ)
            await _reloaded(server, listener)
            await _renewed(server, tls)
            await lajoux.sees(MOREZ)
            await morez.sees(LAJOUX)
            await _drained(server)
            await lajoux.sees(MOREZ)
            await lajoux.hang_up()
            await morez.hang_up()
            code = await asyncio.to_thread(server.process.wait, 15)
            assert code == 0
            await until(lambda: listener.count("STOPPING=1") == 1, 2, "STOPPING=1")
            listener.close()

    asyncio.run(asyncio.wait_for(story(), 180))


def test_the_doctor_calls_the_server_and_finds_what_is_wrong(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve('[network]\nlisten = ["127.0.0.1"]\n')
            code, said = await sfu(server, "doctor", "--json", "--language", "fr")
            found = json.loads(said)
            levels = {one["check"]: one["level"] for one in found["findings"]}
            assert (levels["loop sip"], levels["loop webrtc"]) == ("ok", "ok"), said
            assert levels["server"] == levels["port sip.udp_port"] == "ok"
            assert found["ok"] is (code == 0)
            await sfu(server, "drain", "--within", "0")
            assert server.process is not None
            assert await asyncio.to_thread(server.process.wait, 15) == 0
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
                squatter.bind(("127.0.0.1", server.sip_port))
                code, said = await sfu(server, "doctor", "--language", "fr")
            assert code == 1, said
            assert f"UDP {server.sip_port} n'est pas libre" in said
            assert f"ss -lnp | grep :{server.sip_port}" in said

    asyncio.run(asyncio.wait_for(story(), 120))


async def _reloaded(server: Server, listener: Listener) -> None:
    """By signal and by command; what is wrong changes nothing."""
    assert server.process is not None
    file = server.home / "sfu.toml"
    good = file.read_text()
    assert "404" in await asyncio.to_thread(invite, server.sip_port, "7777")
    file.write_text(good + '[[room]]\nnumber = "7777"\nname = "Nouvelle"\n')
    ready = listener.count("READY=1")
    os.kill(server.process.pid, signal.SIGHUP)
    await until(lambda: listener.count("READY=1") == ready + 1, 5, "READY=1 after a reload")
    assert listener.count("RELOADING=1") == 1
    assert "7777" in server.get("/api/v1/rooms")

    file.write_text(good.replace('level = "debug"', 'level = "info"') + "[media]\ngso = false\n")
    code, said = await sfu(server, "reload")
    assert code == 0, said
    assert "counts now: log.level, room" in said
    assert "at the next start only: media.gso" in said
    assert "7777" not in server.get("/api/v1/rooms")

    file.write_text("[http]\ntls_prot = 1\n")
    os.kill(server.process.pid, signal.SIGHUP)
    await until(lambda: "reload_refused" in server.log, 5, "the refusal in the log")
    assert "http.tls_prot: unknown key" in server.log
    file.write_text(good)
    assert server.metric("sfu_reloads_total") == 3


async def _renewed(server: Server, tls: Path) -> None:
    """Files change: page and SIP show another certificate, and connections there are stay."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    url = server.page.replace("https", "wss") + "/ws"
    async with websockets.connect(url, ssl=trust) as page:
        before = await shown(server.base + 2)
        assert before == await shown(server.base + 1)
        made = ensure_certificate(tls / "next", ["visio.example.org"])
        os.replace(made.chain, tls / "certificate.pem")
        os.replace(made.key, tls / "private-key.pem")
        fresh = load_certificate(tls / "certificate.pem", tls / "private-key.pem").fingerprint
        assert fresh != before

        async def seen() -> bool:
            return await shown(server.base + 2) == fresh

        await until(seen, 25, "the renewed certificate on the page")
        assert await shown(server.base + 1) == fresh
        await page.send('{"type":"ping"}')
        await asyncio.wait_for(page.recv(), 5)
        ends = load_certificate(tls / "certificate.pem", tls / "private-key.pem").ends_at
        assert server.metric("sfu_certificate_expiry_timestamp_seconds") == ends


async def _drained(server: Server) -> None:
    """Who comes is told to come later, by SIP and by page; who is inside stays."""
    code, said = await sfu(server, "drain", "--within", "5")
    assert (code, said) == (0, "takes no more calls; there still: 2\n")
    refused = await asyncio.to_thread(invite, server.sip_port, "4201")
    assert refused.startswith("SIP/2.0 503 ")
    assert "Retry-After: 120" in refused
    url = server.local.replace("http", "ws") + "/ws"
    async with websockets.connect(url) as page:
        await page.send('{"type":"join","room":"4201","name":"Late"}')
        assert '"server_stopping"' in str(await asyncio.wait_for(page.recv(), 5))
    assert not server.answers("/readyz")
    assert server.metric("sfu_draining") == 1
    code, said = await sfu(server, "call", "sip:x@127.0.0.1", "--room", "4201")
    assert code == 2
    code, _ = await sfu(server, "drain", "--cancel")
    assert code == 0
    assert server.answers("/readyz")
    await sfu(server, "drain", "--within", "5")

"""A trusted certificate on the first day: scripts/certificate, certbot, and an authority (pebble).

The authority fetches its challenge from the server's own port; the server shows what certbot lays
down, then what it renews, and whoever connects believes it by the authority's root.
"""

import asyncio
import json
import os
import ssl
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from sfu.shell.certificate import ensure_certificate
from tests.interop.ports import free_port
from tests.interop.process import die_with_parent
from tests.interop.wait import until
from tests.nameserver import NameServer

pytestmark = [
    pytest.mark.interop,
    pytest.mark.waits,
    pytest.mark.skipif(os.geteuid() != 0, reason="scripts/certificate is for root"),
]

NAME = "visio.example.test"
SCRIPT = Path(__file__).parents[2] / "scripts" / "certificate"


class Authority:
    """Pebble: an ACME authority for tests (RFC 8555)."""

    def __init__(self, home: Path, challenge_port: int, name_server: int) -> None:
        self.port, self.management = free_port(31_000), free_port(31_100)
        self._home = home
        made = ensure_certificate(home / "tls", ["127.0.0.1"])
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(made.chain),
            "privateKey": str(made.key),
            "httpPort": challenge_port,
            "tlsPort": 5001,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (home / "pebble.json").write_text(json.dumps({"pebble": settings}))
        with open(home / "pebble.log", "wb") as log:
            self.process = subprocess.Popen(
                ["pebble", "-config", str(home / "pebble.json"),
                 "-dnsserver", f"127.0.0.1:{name_server}"],
                stdout=log, stderr=log, preexec_fn=die_with_parent,
                env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
            )  # fmt: skip

    def root(self) -> str:
        """Return the root everybody would trust, "" while it is not up."""
        context = ssl.create_default_context(cafile=str(self._home / "tls" / "certificate.pem"))
        try:
            url = f"https://127.0.0.1:{self.management}/roots/0"
            with urllib.request.urlopen(url, timeout=3, context=context) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


async def serial(port: int, trusted: str) -> str:
    """Return the serial number of what a port shows under our name; "" where nobody trusts it."""
    context = ssl.create_default_context(cadata=trusted)
    try:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=NAME
        )
    except ssl.SSLCertVerificationError:
        return ""
    found = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    return str(found)


async def ran(*words: str, environment: dict[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


def test_a_name_has_a_trusted_certificate_by_one_command_and_it_is_renewed(
    meeting: Any, tmp_path: Path
) -> None:
    async def story() -> None:
        etc, webroot, lets = tmp_path / "etc", tmp_path / "webroot", tmp_path / "letsencrypt"
        (etc / "tls").mkdir(parents=True)
        made = ensure_certificate(tmp_path / "made", ["localhost"])
        (etc / "tls" / "chain.pem").write_bytes(made.chain.read_bytes())
        (etc / "tls" / "key.pem").write_bytes(made.key.read_bytes())
        port = free_port(32_000)
        environment = {
            "SFU_TLS__ACME_WEBROOT": str(webroot),
            "SFU_TLS__ACME_PORT": str(port),
            "SFU_TLS__CERTIFICATE": str(etc / "tls" / "chain.pem"),
            "SFU_TLS__PRIVATE_KEY": str(etc / "tls" / "key.pem"),
        }
        zone = f"{NAME}. A 127.0.0.1"
        async with meeting() as m, NameServer(zone) as names:
            server = await m.serve(environment=environment)
            authority = Authority(tmp_path, port, names.port)
            try:
                await until(lambda: bool(authority.root()), 15, "the authority")
                trusted = authority.root()
                assert await serial(server.base + 2, trusted) == ""
                url = f"https://127.0.0.1:{authority.port}/dir"
                places = f"--work-dir {tmp_path}/work --logs-dir {tmp_path}/logs"
                certbot = f"--server {url} --no-verify-ssl {places}"
                said = await ran(
                    str(SCRIPT), NAME,
                    environment={
                        "SFU_ETC": str(etc), "SFU_WEBROOT": str(webroot), "SFU_OWNER": "root",
                        "SFU_LETSENCRYPT": str(lets), "CERTBOT_OPTIONS": certbot,
                        "SFU_STATE": str(tmp_path),
                    },
                )  # fmt: skip
                assert "is trusted" in said
                first = await _shown(server, trusted, "")
                written = (etc / "environment").read_text()
                assert f'SFU_TLS__ACME_WEBROOT="{webroot}"' in written
                await ran(
                    "certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew",
                    "--config-dir", str(lets), *certbot.split(),
                )  # fmt: skip
                assert await _shown(server, trusted, first) != first
                assert server.records()[-1]["event"] != "certificate_refused"
            finally:
                authority.close()

    asyncio.run(asyncio.wait_for(story(), 150))


async def _shown(server: Any, trusted: str, before: str) -> str:
    """Wait until page and SIP show another trusted certificate than before; return its serial."""

    async def both() -> bool:
        shown = {await serial(server.base + n, trusted) for n in (1, 2)}
        return len(shown) == 1 and shown != {before} and shown != {""}

    await until(both, 25, "a trusted certificate on page and SIP")
    return await serial(server.base + 2, trusted)

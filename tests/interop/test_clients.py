"""Which client, by which transport, with which keys (the matrix of docs/interop.md).

Lajoux stays in the room in clear, by UDP; the others come one after the other, are seen and heard
by it, and see and hear it.
"""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, BRUNO, CLAIRE, LAJOUX, MOREZ

pytestmark = [pytest.mark.interop, pytest.mark.waits]

OTHERS = (MOREZ, ANNE, BRUNO, CLAIRE)
"""One after the other: nobody's picture or sound can be its forerunner's."""
SINGLE_NALS = set(range(1, 24))
TRANSPORTS = ("udp", "tcp", "tls")
BARESIP = {
    "plain": "",
    "SDES on RTP/AVP": "mediaenc=srtp",
    "SDES on RTP/SAVP": "mediaenc=srtp-mand",
    "DTLS": "mediaenc=dtls_srtp",
}
PJSUA = (
    ("udp", "plain", "none"),
    ("udp", "SDES on RTP/AVP", "sdes-optional"),
    ("tcp", "plain", "none"),
    ("tls", "SDES on RTP/SAVP", "sdes"),
)
"""Its wheel is built without DTLS, and without video."""


def run(story: Any) -> None:
    """Run one story to its end, 100 s at most."""
    asyncio.run(asyncio.wait_for(story, 100))


def _keys(server: Any) -> list[str]:
    """Return how each line that got keys got them, in order."""
    told = {"dtls_connected": "DTLS", "sdes_agreed": "SDES"}
    return [told[str(row["event"])] for row in server.records() if row.get("event") in told]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_baresip_in_clear_with_sdes_and_with_dtls(meeting: Any, transport: str) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            to = server.sips("4201") if transport == "tls" else server.sip("4201")
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            for who, (encryption, account) in zip(OTHERS, BARESIP.items(), strict=True):
                before = len(_keys(server))
                other = await m.room(who, transport=transport, account=account)
                await other.dial(to)
                await other.sees(LAJOUX)
                await lajoux.sees(who)
                await other.hears(LAJOUX)
                await lajoux.hears(who)
                # RTP and RTCP of two lines: four handshakes, or two lines of SDES
                wanted = {"DTLS": ["DTLS"] * 4, "plain": []}.get(encryption, ["SDES"] * 2)
                assert _keys(server)[before:] == wanted
                await other.stop()

    run(story())


def test_pjsua_by_every_transport_in_clear_and_with_sdes(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            for who, (transport, encryption, keys) in zip(OTHERS, PJSUA, strict=True):
                before = len(_keys(server))
                phone = m.phone(who)
                port = server.sip_port + (transport == "tls")
                await phone.call(f"sip:4201@127.0.0.1:{port}", transport, keys)
                await phone.hears(LAJOUX)
                await lajoux.hears(who)
                assert bool(_keys(server)[before:]) == (encryption != "plain")
                await phone.stop()

    run(story())


def test_gstreamer_sends_and_receives_single_nal_units_alone(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            lajoux = m.gstreamer(LAJOUX)
            await lajoux.call("unit_call", "4201")
            await lajoux.play()
            await morez.sees(LAJOUX)
            await morez.hears(LAJOUX)
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            assert lajoux.nal_types() <= SINGLE_NALS
            assert lajoux.sent_nals <= SINGLE_NALS
            assert lajoux.fails() == ""
            lajoux.cue()
            await lajoux.ends()

    run(story())


def test_gstreamer_agrees_on_keys_by_dtls(meeting: Any) -> None:
    """Its DTLS-SRTP elements are a second stack: libsrtp decrypts what our engine encrypts."""

    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            morez = await m.room(MOREZ)
            await morez.dial(server.sip("4201"))
            lajoux = m.gstreamer(LAJOUX)
            lajoux.dtls = True
            await lajoux.call("unit_call", "4201", **lajoux.keys())
            await lajoux.play()
            await morez.sees(LAJOUX)
            await morez.hears(LAJOUX)
            await lajoux.sees(MOREZ)
            await lajoux.hears(MOREZ)
            assert "a=setup:passive" in lajoux.messages
            assert "UDP/TLS/RTP/SAVP 9" in lajoux.messages
            assert not lajoux.nal_types() <= SINGLE_NALS  # what came is no RTP in the clear
            lajoux.cue()
            await lajoux.ends()

    run(story())

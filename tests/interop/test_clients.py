"""Which client, over which transport, with which encryption (the matrix of docs/interop.md)."""

import asyncio
from typing import Any

import pytest

from tests.interop.fixtures import LAJOUX, MOREZ

pytestmark = pytest.mark.interop

ENCRYPTIONS = {
    "plain": "",
    "srtp": "mediaenc=srtp",
    "srtp-mand": "mediaenc=srtp-mand",
    "dtls": "mediaenc=dtls_srtp",
}


def run(story: Any) -> None:
    asyncio.run(asyncio.wait_for(story, 100))


@pytest.mark.parametrize("encryption", ENCRYPTIONS)
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_baresip(meeting: Any, transport: str, encryption: str) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve()
            lajoux = await m.room(LAJOUX)
            morez = await m.room(MOREZ, transport=transport, account=ENCRYPTIONS[encryption])
            await lajoux.dial(server.sip("4201"))
            await morez.dial(server.sips("4201") if transport == "tls" else server.sip("4201"))
            await morez.sees(LAJOUX)
            await lajoux.sees(MOREZ)
            await morez.hears(LAJOUX)
            await lajoux.hears(MOREZ)

    run(story())

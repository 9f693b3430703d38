"""Registrations outlive the server: a unit that does not know of its end is called all the same."""

import asyncio
import contextlib
import socket
from ipaddress import ip_network

import pytest
from structlog.testing import capture_logs

from sfu.model import Address, CallId
from sfu.shell.bindings import Bindings
from sfu.shell.sip import Listening, SipShell
from sfu.shell.store import Store
from sfu.shell.tables import bindings
from sfu.signalling.call import CallEnded, Dial
from sfu.signalling.sip.address import parse_name_addr
from sfu.signalling.sip.binding import Binding, Drop, Keep
from sfu.signalling.sip.flow import Carrier, Flow
from sfu.signalling.sip.registrar import Registered
from sfu.signalling.sip.settings import SipSettings

pytestmark = pytest.mark.machine

UNIT = Address("192.0.2.21", 5070)
REGISTER = (
    "REGISTER sip:sfu SIP/2.0\r\nVia: SIP/2.0/{carrier} 127.0.0.1:{port};rport;branch=z9hG4bK1\r\n"
    "From: <sip:morez@sfu>;tag=a\r\nTo: <sip:morez@sfu>\r\nCall-ID: c1\r\nCSeq: 7 REGISTER\r\n"
    "Contact: <sip:morez@127.0.0.1:{port}>\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n"
)


def binding(key="sip:morez@192.0.2.21:5070", **more):
    facts = {
        "account": "morez", "key": key, "expires_at": 1300.0, "call_id": "c1", "cseq": 2**31 - 1,
        "address": parse_name_addr("<sip:morez@192.0.2.21:5070>;q=0.5;expires=300"),
        "flow": Flow(3, Carrier.UDP, Address("192.0.2.5", 5060), UNIT), "model": "Group/1",
        "display_name": "Salle", "home": "192.0.2.5:5060", "temporary": ("t1", "t2"),
        "path": (parse_name_addr("<sip:edge.example;lr>"), parse_name_addr("<sip:p.example;lr>")),
    }  # fmt: skip
    return Binding(**(facts | more))


@contextlib.asynccontextmanager
async def opened(url, offset=1_800_000_000.0):
    store = await Store.open(url)
    try:
        yield Bindings(store, lambda: offset), store
    finally:
        await store.close()


def test_a_binding_is_read_back_as_it_was_and_ends_when_it_would_have(url):
    async def story():
        async with opened(url) as (kept, _):
            kept.carry_out(Keep(binding()))
            kept.carry_out(Keep(binding("other", cseq=1)))
            kept.carry_out(Keep(binding(model="Group/2")))
            kept.carry_out(Drop("morez", "other"))
        # the machine was started anew: its clock began at zero 200 s later
        async with opened(url, 1_800_001_200.0) as (kept, _):
            return await kept.kept()

    [found] = asyncio.run(story())
    assert found.expires_at == 100.0
    assert found.flow == Flow(-1, Carrier.UDP, Address("192.0.2.5", 5060), UNIT)
    assert not found.flow_open
    same = (
        "account", "key", "address", "call_id", "cseq", "display_name", "home", "temporary", "path"
    )  # fmt: skip
    assert [getattr(found, name) for name in same] == [getattr(binding(), name) for name in same]
    assert found.model == "Group/2"


def test_raw_bytes_of_an_old_unit_are_kept_as_letters(url):
    async def story():
        async with opened(url) as (kept, _):
            kept.carry_out(Keep(binding(display_name="R\udce9union", model="a\0b\udc80")))
            return await kept.kept()

    [found] = asyncio.run(story())
    assert (found.display_name, found.model) == ("Réunion", "a?b\x80")


def test_a_row_that_cannot_be_read_is_forgotten_alone(url):
    async def story():
        async with opened(url) as (kept, store):
            kept.carry_out(Keep(binding()))
            kept.carry_out(Keep(binding("broken")))
            wrong = bindings.update().where(bindings.c.key == "broken")
            store.put(wrong, {"contact": "no address"})
            with capture_logs() as logs:
                found = await kept.kept()
            return found, logs, await kept.kept()

    found, logs, again = asyncio.run(story())
    assert [one.key for one in found] == [one.key for one in again] == [binding().key]
    assert [line["event"] for line in logs] == ["binding_forgotten"]


class Served:
    """A SIP shell that keeps its bindings, and what it told."""

    def __init__(self, store: Store, port: int = 0) -> None:
        settings = SipSettings(networks=(ip_network("127.0.0.0/8"),), ring_s=2)
        self.facts: list[object] = []
        self.kept = Bindings(store)
        self.shell = SipShell(
            settings, Listening(("127.0.0.1",), port, None), self.facts.append,
            on_registration=self.facts.append, on_binding=self.kept.carry_out,
        )  # fmt: skip

    async def start(self) -> None:
        known = await self.kept.kept()
        await self.shell.start()
        for one in known:
            self.shell.remember(one)

    @property
    def port(self) -> int:
        return self.shell.addresses[0][1].port


async def until(ready):
    for _ in range(200):
        if ready():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def registers_with_a_server_that_ends(url, carrier, unit, port):
    """Register, then let the server end without a word to the unit."""
    store = await Store.open(url)
    served = Served(store)
    await served.start()
    text = REGISTER.format(carrier=carrier.upper(), port=port).encode()
    loop = asyncio.get_running_loop()
    if carrier is Carrier.UDP:
        await loop.sock_sendto(unit, text, ("127.0.0.1", served.port))
    else:
        await loop.sock_connect(unit, ("127.0.0.1", served.port))
        await loop.sock_sendall(unit, text)
    assert b" 200 " in await asyncio.wait_for(loop.sock_recv(unit, 4096), 5)
    await served.shell.close()
    await store.close()
    return served.port


def test_a_unit_that_registered_over_udp_is_called_after_a_restart(url):
    async def story():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unit:
            unit.bind(("127.0.0.1", 0))
            unit.setblocking(False)
            # behind NAT: the Contact is an address nobody reaches from here
            port = await registers_with_a_server_that_ends(url, Carrier.UDP, unit, 9)
            store = await Store.open(url)
            served = Served(store, port)
            await served.start()
            [fact] = served.facts
            assert isinstance(fact, Registered)
            assert fact.flow.remote == Address(*unit.getsockname())
            served.shell.order(Dial(CallId(9), "morez", b"v=0\r\n", "", "4201"))
            loop = asyncio.get_running_loop()
            invite = await asyncio.wait_for(loop.sock_recv(unit, 4096), 5)
            await served.shell.close()
            await store.close()
            return invite

    assert asyncio.run(story()).startswith(b"INVITE sip:morez@127.0.0.1:9 ")


def test_a_unit_that_registered_over_tcp_is_called_at_its_contact_after_a_restart(url):
    async def story():
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as unit:
            listening.setblocking(False)
            unit.setblocking(False)
            contact = listening.getsockname()[1]
            port = await registers_with_a_server_that_ends(url, Carrier.TCP, unit, contact)
            store = await Store.open(url)
            served = Served(store, port)
            await served.start()
            served.shell.order(Dial(CallId(9), "morez", b"v=0\r\n", "", "4201"))
            loop = asyncio.get_running_loop()
            called, _ = await asyncio.wait_for(loop.sock_accept(listening), 5)
            with called:
                called.setblocking(False)
                invite = await asyncio.wait_for(loop.sock_recv(called, 4096), 5)
            await served.shell.close()
            await store.close()
            return invite

    assert asyncio.run(story()).startswith(b"INVITE sip:morez@127.0.0.1:")


def test_a_unit_that_is_gone_with_its_connection_is_told_as_such(url):
    async def story():
        with socket.socket() as unit:
            unit.setblocking(False)
            port = await registers_with_a_server_that_ends(url, Carrier.TCP, unit, 9)
            store = await Store.open(url)
            served = Served(store, port)
            await served.start()
            served.facts.clear()
            served.shell.order(Dial(CallId(9), "morez", b"v=0\r\n", "", "4201"))
            await until(lambda: served.facts)
            await served.shell.close()
            await store.close()
            return served.facts

    [ended] = asyncio.run(story())
    assert isinstance(ended, CallEnded)
    assert ended.status == 503

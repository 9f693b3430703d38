"""H.323's connections on loopback: who may open how many, who is read how fast, how one ends."""

import asyncio
import contextlib

import pytest

from sfu.model import Address, CallId
from sfu.shell import h323door
from sfu.shell.gate import Gate
from sfu.shell.h323door import H323Door
from sfu.shell.udp import Advertised
from sfu.signalling.h323.flow import Closed, Connected, FlowId, Opened, Received
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.limit import Rates

HERE = "127.0.0.1"


class Desk:
    """A door and what it told."""

    def __init__(self, public: str = "") -> None:
        self.gate = Gate(Rates(), lambda glimpse: False, lambda message: None)
        self.events: asyncio.Queue[object] = asyncio.Queue()
        ports = range(23_100, 23_110)
        self.door = H323Door(self.gate, Advertised(public), ports, self.events.put_nowait)
        self.address = Address("", 0)

    async def hears(self, kind):
        event = await asyncio.wait_for(self.events.get(), 5)
        assert isinstance(event, kind), event
        return event

    def open(self):
        return asyncio.open_connection(self.address.host, self.address.port)


@contextlib.asynccontextmanager
async def desk(public: str = ""):
    made = Desk(public)
    made.address = await made.door.listen(HERE, 0)
    try:
        yield made
    finally:
        made.door.stop()
        made.door.abort()
        await made.door.drained(2)
        assert len(made.door) == 0


def test_bytes_pass_both_ways_and_the_last_words_arrive():
    async def story():
        async with desk() as ours, desk() as theirs:
            ours.door.connect(FlowId(1), theirs.address)
            assert (await ours.hears(Connected)).local.host == HERE
            opened = await theirs.hears(Opened)
            assert opened.local == theirs.address
            theirs.door.send(opened.flow, b"goodbye")
            theirs.door.close_flow(opened.flow)
            ours.door.send(FlowId(1), b"what crosses it")
            assert (await ours.hears(Received)).data == b"goodbye"
            await ours.hears(Closed)
            await theirs.hears(Closed)
            ours.door.send(FlowId(1), b"to nobody")

    asyncio.run(story())


def test_nobody_there_is_told():
    async def story():
        async with desk() as ours:
            ours.door.connect(FlowId(1), Address(HERE, 1))
            assert (await ours.hears(Closed)).flow == 1

    asyncio.run(story())


def test_an_h245_port_is_for_the_calls_own_peer():
    async def story():
        async with desk("192.0.2.5") as ours:
            told = ours.door.listen_for(CallId(7), HERE, HERE)
            assert told == Address("192.0.2.5", 23_100), "others are told the public address"
            _, writer = await asyncio.open_connection(HERE, 23_100)
            assert (await ours.hears(Opened)).call == 7
            writer.close()
            await ours.hears(Closed)
            assert ours.door.listen_for(CallId(8), HERE, "192.0.2.9") is not None
            with contextlib.suppress(ConnectionError):  # reset before a byte is read, or sooner
                reader, writer = await asyncio.open_connection(HERE, 23_101)
                writer.close()
                assert await asyncio.wait_for(reader.read(), 3) == b""
            assert ours.events.empty()
            ours.door.unlisten(CallId(7))
            with pytest.raises(OSError):
                await asyncio.open_connection(HERE, 23_100)

    asyncio.run(story())


def test_an_h245_port_may_be_for_whoever_stands_behind_the_peer():
    async def story():
        async with desk() as ours:
            told = ours.door.listen_for(CallId(7), HERE, "192.0.2.9", anyone=True)
            assert told == Address(HERE, 23_100)
            _, writer = await asyncio.open_connection(HERE, 23_100)
            assert (await ours.hears(Opened)).call == 7
            writer.close()
            await ours.hears(Closed)

    asyncio.run(story())


def test_an_address_has_its_share_of_connections(monkeypatch):
    monkeypatch.setattr(h323door, "MAX_PER_HOST", 3)

    async def story():
        async with desk() as ours:
            links = [await ours.open() for _ in range(3)]
            reader, writer = await ours.open()
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 3) == b""
            assert ours.gate.refused[Reason.CONNECTIONS] == 1
            for _, one in (*links, (reader, writer)):
                one.close()

    asyncio.run(story())


def test_who_sends_too_much_is_read_no_faster(monkeypatch):
    monkeypatch.setattr(h323door, "AT_ONCE_BYTES", 4_000)

    async def story():
        async with desk() as ours:
            _, writer = await ours.open()
            await ours.hears(Opened)
            writer.write(bytes(8_000))
            first = await ours.hears(Received)
            assert len(first.data) <= h323door.READ_BYTES
            async with asyncio.timeout(3):
                while not ours.gate.refused[Reason.MESSAGES]:
                    await ours.hears(Received)
            writer.close()

    asyncio.run(story())


def test_who_goes_on_talking_after_the_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(h323door, "LINGER_S", 60.0)

    async def story():
        async with desk() as ours:
            _, writer = await ours.open()
            opened = await ours.hears(Opened)
            ours.door.close_flow(opened.flow)
            with contextlib.suppress(ConnectionError):
                for _ in range(40):
                    writer.write(bytes(8_192))
                    await writer.drain()
            await ours.hears(Closed)  # at once, not when it has lingered
            writer.close()

    asyncio.run(story())

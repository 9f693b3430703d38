"""Two of ours on loopback, one registered at the other's gatekeeper: calls by number, both ways."""

import asyncio
import contextlib
from itertools import count

import pytest

from sfu.model import Address, CallId
from sfu.shell.gate import Gate
from sfu.shell.gatekeeper import GatekeeperShell, Zone
from sfu.shell.h323 import H323Shell, Place
from sfu.shell.registrant import Foreign
from sfu.signalling.call import (
    Accept,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallOffered,
    Dial,
    End,
    HangUp,
)
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.zonefact import Questions
from sfu.signalling.sip.limit import Rates
from tests.unitstack import offer

HERE = "127.0.0.1"
OFFER = offer(HERE, 20_000)
SECRET = "a long one"


class House:
    """A server's H.323, with its gatekeeper."""

    def __init__(self, first, prefixes=()):
        self.gate = Gate(Rates(), lambda glimpse: False, lambda message: None)
        ids = count(first)
        place = Place((HERE,), 0, range(23_100, 23_140), prefixes=prefixes)
        self.shell = H323Shell("sfu", place, self.gate, self._told, lambda: CallId(next(ids)))
        self.events: asyncio.Queue[object] = asyncio.Queue()
        self.facts: list[object] = []

    async def start(self) -> None:
        await self.shell.start()
        questions = Questions(
            {"lajoux": "lajoux"}.get,
            {"lajoux": SECRET}.get,
            lambda host: True,
            self.gate.may_try,
            lambda number: number == "4201",
            lambda host, account: None,
        )
        zone = Zone(hosts=(HERE,), port=0, signalling_port=self.port)
        self.gatekeeper = GatekeeperShell(zone, self.gate, questions, self.facts.append)
        await self.gatekeeper.start()

    @property
    def port(self):
        return self.shell.addresses[0].port

    def _told(self, event):
        if isinstance(event, CallOffered):
            self.shell.order(Accept(event.call, OFFER))
        self.events.put_nowait(event)

    async def hears(self, kind):
        event = await asyncio.wait_for(self.events.get(), 8)
        while not isinstance(event, kind):
            event = await asyncio.wait_for(self.events.get(), 8)
        return event

    def dial(self, uri):
        self.shell.order(Dial(CallId(9), uri, OFFER, "Salle", "5000"))


@contextlib.asynccontextmanager
async def joined(password=SECRET):
    member, theirs = House(100, ("42",)), House(200)
    for one in (member, theirs):
        await one.start()
    us = Endpoint("mcu", True, "sfu", "0", ("42",))
    where = theirs.gatekeeper.addresses[0]
    name = (Alias("h323-ID", "lajoux"), Alias("dialledDigits", "5000"))
    foreign = Foreign(
        HERE, where.port, name, us, password, hosts=(HERE,), signalling_port=member.port
    )
    registrant = member.shell.join(foreign, lambda host: False)
    try:
        yield member, theirs, registrant
    finally:
        for one in (member, theirs):
            await one.shell.close()
            one.gatekeeper.close()


async def registered(registrant):
    async with asyncio.timeout(5):
        while not registrant.registered:
            await asyncio.sleep(0.01)


def test_a_number_is_called_by_the_gatekeeper_and_the_call_is_given_back():
    async def story():
        async with joined() as (member, theirs, registrant):
            await registered(registrant)
            assert member.gate.listed(HERE)
            member.dial("h323:4201")
            offered = await theirs.hears(CallOffered)
            assert offered.target == "4201"
            await member.hears(CallAnswered)
            await theirs.hears(CallConfirmed)
            (known,) = theirs.gatekeeper._core.zone
            assert len(known.calls) == 1
            member.shell.order(HangUp(CallId(9)))
            await theirs.hears(CallEnded)
            async with asyncio.timeout(5):
                while known.calls:
                    await asyncio.sleep(0.01)

    asyncio.run(story())


def test_we_are_called_by_prefix_once_the_gatekeeper_allows_it():
    async def story():
        async with joined() as (member, theirs, registrant):
            await registered(registrant)
            assert theirs.gatekeeper.prefix("4277") == Address(HERE, member.port)
            theirs.dial(f"h323:4277@{theirs.gatekeeper.prefix('4277')}")
            offered = await member.hears(CallOffered)
            assert (offered.target, offered.also) == ("4277", ("77",))
            await member.hears(CallConfirmed)
            assert theirs.gatekeeper.counts["arq", "confirmed"] == 1
            theirs.shell.order(HangUp(CallId(9)))
            await member.hears(CallEnded)
            async with asyncio.timeout(5):
                while not theirs.gatekeeper.counts["drq", "confirmed"]:
                    await asyncio.sleep(0.01)

    asyncio.run(story())


def test_a_number_the_gatekeeper_does_not_know_is_told():
    async def story():
        async with joined() as (member, _, registrant):
            await registered(registrant)
            member.dial("h323:9999")
            ended = await member.hears(CallEnded)
            assert (ended.cause, ended.text) == (End.UNREACHABLE, "calledPartyNotRegistered")
            assert not member.shell.owns(CallId(9))

    asyncio.run(story())


@pytest.mark.parametrize("password", ["wrong", ""])
def test_who_may_not_register_says_so_and_still_takes_calls(password):
    async def story():
        async with joined(password) as (member, theirs, registrant):
            async with asyncio.timeout(5):
                while not registrant.failures:
                    await asyncio.sleep(0.01)
            assert not registrant.registered
            member.dial("h323:4201")
            assert (await member.hears(CallEnded)).text == "not registered"
            theirs.dial(f"h323:4201@{HERE}:{member.port}")
            await member.hears(CallConfirmed)

    asyncio.run(story())


def test_we_leave_when_we_close():
    async def story():
        async with joined() as (member, theirs, registrant):
            await registered(registrant)
            await member.shell.close()
            async with asyncio.timeout(5):
                while len(theirs.gatekeeper):
                    await asyncio.sleep(0.01)

    asyncio.run(story())

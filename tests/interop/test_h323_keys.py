"""A unit comes by H.323 through the attendant or past a PIN, by both forms of user input.

The unit is our own shell in the test's process; its keys are written as others write them.
"""

import asyncio
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from sfu.model import CallId
from sfu.shell.gate import Gate
from sfu.shell.h323 import H323Shell, Place
from sfu.signalling.call import CallAnswered, CallEnded, Dial
from sfu.signalling.h323.per import Pdu, encode
from sfu.signalling.sip.limit import Rates
from tests.interop.server import Server
from tests.interop.wait import until
from tests.unitstack import offer

pytestmark = [pytest.mark.interop, pytest.mark.waits]

PIN_ROOM = '[[room]]\nnumber = "4201"\npin = "2468"\n'
INSIDE = 'sfu_members{protocol="h323"}'
FORMS = ("alphanumeric", "signal")


def run(story: Any) -> None:
    """Run one story to its end, a minute at most."""
    asyncio.run(asyncio.wait_for(story, 60))


class Unit:
    """One call of a unit."""

    def __init__(self, tunnelling: bool) -> None:
        gate = Gate(Rates(), lambda glimpse: False, lambda message: None)
        ids = count(1)
        place = Place(("127.0.0.1",), 0, range(23_200, 23_220), tunnelling=tunnelling)
        self.events: asyncio.Queue[object] = asyncio.Queue()
        self.shell = H323Shell(
            "unit", place, gate, self.events.put_nowait, lambda: CallId(next(ids))
        )

    async def call(self, server: Server, number: str) -> None:
        uri = f"h323:127.0.0.1:{server.base + 5}" + (f"##{number}" if number else "")
        self.shell.order(Dial(CallId(9), uri, offer("127.0.0.1", 39_000), "Salle", "5000"))
        await self.hears(CallAnswered)

    async def hears(self, kind: type) -> Any:
        while not isinstance(event := await asyncio.wait_for(self.events.get(), 15), kind):
            pass
        return event

    async def press(self, keys: str, form: str) -> None:
        """Press keys as this form of user input says them."""
        for key in keys:
            said: Any = (form, key)
            if form == "signal":
                said = (form, {"signalType": key, "duration": 160})
            octets = encode(Pdu.H245, ("indication", ("userInput", said)))
            core = self.shell._core
            core._calls[CallId(9)].h245._carry(octets)
            core._gather()
            self.shell._drain()
            await asyncio.sleep(0.1)


@asynccontextmanager
async def unit(tunnelling: bool = False) -> Any:
    one = Unit(tunnelling)
    await one.shell.start()
    try:
        yield one
    finally:
        await one.shell.close()


@pytest.mark.parametrize("tunnelling", [False, True], ids=["separate", "tunnelled"])
@pytest.mark.parametrize("form", FORMS)
def test_the_attendant_asks_for_room_and_pin(meeting: Any, form: str, tunnelling: bool) -> None:
    async def story() -> None:
        async with meeting() as m, unit(tunnelling) as one:
            mode = {"SFU_H323__TUNNELLING": "true"} if tunnelling else {}
            server = await m.serve(PIN_ROOM, environment=mode)
            await one.call(server, "")
            assert server.metric(INSIDE) == 0
            await one.press("4201#2468#", form)
            await until(lambda: server.metric(INSIDE) == 1, 15, "its coming in")

    run(story())


@pytest.mark.parametrize("form", FORMS)
def test_a_room_asks_for_its_pin_and_three_wrong_ones_end_the_call(meeting: Any, form: str) -> None:
    async def story() -> None:
        async with meeting() as m, unit() as one:
            server = await m.serve(PIN_ROOM)
            await one.call(server, "4201")
            await one.press("1111#2222#3333#", form)
            await one.hears(CallEnded)
            assert server.metric(INSIDE) == 0

    run(story())


def test_the_pin_may_stand_in_the_number(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m, unit() as one:
            server = await m.serve(PIN_ROOM)
            await one.call(server, "4201##2468")
            await until(lambda: server.metric(INSIDE) == 1, 15, "its coming in")

    run(story())

"""A flood takes a slice of each turn of the loop; calls go first; too many are refused."""

import asyncio
import itertools

from sfu.model import Address
from sfu.shell.inbox import MOST, SLICE_S, Inbox
from sfu.signalling.sip.flow import Carrier, Flow, Received

HERE = Address("192.0.2.1", 5060)
FLOW = Flow(0, Carrier.UDP, HERE, HERE)


class Work:
    """Each message takes a millisecond of a clock that only it moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[bytes] = []
        self.inbox = Inbox(self._work, lambda: self.now)

    def _work(self, message) -> None:
        self.now += 0.001
        self.done.append(message.data)

    def offer(self, *names: bytes, first: bool = False) -> list[bool]:
        return [self.inbox.offer(Received(FLOW, name), first=first) for name in names]


def test_a_message_alone_is_handled_at_once():
    async def story():
        work = Work()
        assert work.offer(b"a") == [True]
        assert work.done == [b"a"]

    asyncio.run(story())


def test_a_burst_is_handled_a_slice_a_turn_so_that_others_have_theirs():
    async def story():
        work = Work()
        names = [b"%d" % number for number in range(20)]
        work.offer(*names)
        each = round(SLICE_S / 0.001)
        turns = []
        while len(work.done) < 20:
            turns.append(len(work.done))
            await asyncio.sleep(0)
        assert turns[0] == each
        assert max(b - a for a, b in itertools.pairwise(turns)) <= each
        assert work.done == names

    asyncio.run(story())


def test_a_slice_is_new_in_the_next_turn():
    async def story():
        work = Work()
        for number in range(5):
            work.offer(b"%d" % number)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert len(work.done) == 5

    asyncio.run(story())


def test_what_belongs_to_calls_goes_first():
    async def story():
        work = Work()
        work.offer(*[b"x"] * 10)
        work.offer(b"bye", first=True)
        await asyncio.sleep(0)
        assert work.done.index(b"bye") == round(SLICE_S / 0.001)

    asyncio.run(story())


def test_too_many_are_refused_and_strangers_yield_to_calls():
    async def story():
        work = Work()
        taken = work.offer(*[b"x"] * (MOST + 100))
        assert taken.count(True) == MOST + round(SLICE_S / 0.001)
        assert work.offer(b"bye", first=True) == [True]
        assert work.offer(b"y") == [False]
        work.inbox.close()

    asyncio.run(story())


def test_a_message_that_fails_costs_its_time_and_stops_nobody():
    async def story():
        work = Work()

        def fail(message) -> None:
            work.now += SLICE_S
            raise RuntimeError

        work.inbox = Inbox(fail, lambda: work.now)
        try:
            work.offer(b"a")
        except RuntimeError:
            work.offer(b"b")
        assert work.inbox._later

    asyncio.run(story())

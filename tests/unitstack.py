"""Two H.323 cores in virtual time, each other's peer: what one sends, the other receives."""

from itertools import count
from typing import TypeVar

from sfu.model import Address, CallId
from sfu.signalling.call import Accept, CallEvent, CallOffered, CallOrder
from sfu.signalling.h323.flow import (
    Close,
    Closed,
    Connect,
    Connected,
    FlowId,
    Listen,
    Listening,
    Opened,
    Received,
    Send,
    Unlisten,
)
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.useragent import H323UserAgent
from sfu.signalling.sdp.local import LocalLine, LocalMedia, Policy
from sfu.signalling.sdp.offer import compose_offer


def offer(host: str, port: int, policy: Policy | None = None) -> bytes:
    sound, picture = LocalLine(port, port + 1), LocalLine(port + 2, port + 3)
    media = LocalMedia(host, 1, sound, picture)
    return bytes(compose_offer(media, policy or Policy()))


Event = TypeVar("Event")


class Stack:
    """One core and what it told; `host` is its address."""

    def __init__(self, host: str, seed: int, *, tunnelling: bool = False) -> None:
        self.host = host
        self.calls = count(1)
        self.counter = count(seed)
        identity = Identity(host, Endpoint("mcu", True, "sfu", "0"), tunnelling)
        self.core = H323UserAgent(identity, self._entropy, lambda: CallId(next(self.calls)))
        self.events: list[CallEvent] = []
        self.flows = count(2, 2)
        self.listens: dict[Address, CallId] = {}
        self.ports = count(22_000)
        self.answers = True
        """Takes every call at once."""

    def _entropy(self, length: int) -> bytes:
        value = next(self.counter) * 2_654_435_761
        return (value & (1 << 8 * length) - 1).to_bytes(length)

    def told(self, kind: type[Event]) -> list[Event]:
        return [one for one in self.events if isinstance(one, kind)]


class Wire:
    """Carries everything between two stacks, at once."""

    def __init__(self, one: Stack, other: Stack) -> None:
        self.now = 0.0
        self.deaf = False
        """Nothing gets through any more."""
        self.stacks = {one.host: one, other.host: other}
        self.pairs: dict[tuple[str, FlowId], tuple[str, FlowId]] = {}
        self.said: list[tuple[str, FlowId, bytes]] = []

    def order(self, stack: Stack, order: CallOrder) -> None:
        stack.core.handle(order, self.now)
        self.run()

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = [s.core.deadline for s in self.stacks.values() if s.core.deadline is not None]
            step = min([end, *due])
            self.now = max(step, self.now)
            for stack in self.stacks.values():
                stack.core.tick(self.now)
            self.run()
            if self.now >= end:
                return
            self.now += 0.001

    def run(self) -> None:
        moved = True
        while moved:
            moved = False
            for stack in self.stacks.values():
                for output in list(stack.core.poll()):
                    moved = True
                    self._carry(stack, output)

    def _carry(self, stack: Stack, output: object) -> None:
        here = stack.host
        if self.deaf and isinstance(output, (Connect, Send, Close)):
            return
        match output:
            case Connect(flow, remote):
                there = self.stacks[remote.host]
                call = there.listens.get(remote)
                if remote.port != 1720 and call is None:
                    stack.core.handle(Closed(flow), self.now)
                    return
                far = FlowId(next(there.flows))
                self.pairs[here, flow], self.pairs[there.host, far] = (
                    (there.host, far),
                    (here, flow),
                )
                there.core.handle(Opened(far, Address(here, 40_000), remote, call), self.now)
                stack.core.handle(Connected(flow, Address(here, 40_000)), self.now)
            case Send(flow, data):
                self.said.append((here, flow, data))
                if pair := self.pairs.get((here, flow)):
                    self.stacks[pair[0]].core.handle(Received(pair[1], data), self.now)
            case Close(flow):
                if pair := self.pairs.pop((here, flow), None):
                    self.pairs.pop(pair, None)
                    self.stacks[pair[0]].core.handle(Closed(pair[1]), self.now)
            case Listen(call, host):
                address = Address(host or here, next(stack.ports))
                stack.listens[address] = call
                stack.core.handle(Listening(call, address), self.now)
            case Unlisten(call):
                stack.listens = {a: c for a, c in stack.listens.items() if c != call}
            case _ if isinstance(output, CallEvent):
                stack.events.append(output)
                if isinstance(output, CallOffered) and stack.answers:
                    self._answer(stack, output)

    def _answer(self, stack: Stack, offered: CallOffered) -> None:
        stack.core.handle(Accept(offered.call, offer(stack.host, 20_000)), self.now)

"""A captured call as a script: one side's words are said to our core, which plays the other."""

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from sfu.model import Address, CallId
from sfu.signalling.call import Accept, CallEvent, CallOffered, Dial
from sfu.signalling.h323 import h225, h245, h245_per, q931, tpkt
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
)
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.useragent import H323UserAgent
from tests.capture import TCP, Piece, read
from tests.unitstack import offer

US = Address("192.0.2.1", 1720)
THEM = Address("192.0.2.2", 40_000)


@dataclass(frozen=True)
class Words:
    """What the peer says at one moment, on which of its connections."""

    frame: int
    at: float
    h245: bool
    payload: bytes
    closed: bool = False


def calls(path: Path) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Return (caller, called) of each signalling connection that begins with Setup."""
    framers: dict[object, tpkt.Framer] = {}
    found = []
    for piece in read(path):
        key = (piece.source, piece.destination)
        if piece.protocol != TCP or key in found:
            continue
        for payload in framers.setdefault(key, tpkt.Framer()).feed(piece.data):
            if payload[0] == q931.PROTOCOL and payload[4] == q931.Type.SETUP:
                found.append(key)
    return found


def words(path: Path, caller: tuple[str, int], called: tuple[str, int], *, of_caller: bool):
    """Return what one side of a call says, call signalling and H.245 in their order."""
    speaker, hearer = (caller, called) if of_caller else (called, caller)
    pieces = [piece for piece in read(path) if piece.protocol == TCP]
    ports = _h245_ports(pieces, caller, called)
    framers: dict[object, tpkt.Framer] = {}
    said = []
    for piece in pieces:
        key = (piece.source, piece.destination)
        signalling = key == (speaker, hearer)
        beside = {piece.source[1], piece.destination[1]} & ports
        if not signalling and not (beside and _between(piece, speaker, hearer)):
            continue
        for payload in framers.setdefault(key, tpkt.Framer()).feed(piece.data):
            said.append(Words(piece.frame, piece.at, not signalling, payload))
        if piece.closed:
            said.append(Words(piece.frame, piece.at, not signalling, b"", closed=True))
    return said


def _between(piece: Piece, speaker: tuple[str, int], hearer: tuple[str, int]) -> bool:
    return piece.source[0] == speaker[0] and piece.destination[0] == hearer[0]


def _h245_ports(pieces, caller, called) -> set[int]:
    ports = set()
    framers: dict[object, tpkt.Framer] = {}
    for piece in pieces:
        key = (piece.source, piece.destination)
        if key not in ((caller, called), (called, caller)):
            continue
        for payload in framers.setdefault(key, tpkt.Framer()).feed(piece.data):
            octets = q931.parse(payload).user_user
            body = h225.read(octets).body if octets else None
            address = getattr(body, "h245_address", None)
            if address is not None:
                ports.add(address.port)
    return ports


class Script:
    """Plays one side of a captured call against our core."""

    def __init__(self) -> None:
        """Make a core with a clock of its own."""
        counter = count(7)
        self.core = H323UserAgent(
            Identity("sfu", Endpoint("mcu", True, "sfu", "0")),
            lambda length: (next(counter) * 40503 % 256**length).to_bytes(length),
            lambda: CallId(1),
        )
        self.events: list[CallEvent] = []
        self.said: list[h245.H245 | h225.Information] = []
        self.signalling = FlowId(0)
        self.h245: FlowId | None = None
        self.ours: dict[int, int] = {}
        """Sessions -> our channel numbers."""
        self.framers: dict[FlowId, tpkt.Framer] = {}
        self.now = 0.0
        self.over = False
        self.beside = False
        self.listening = False

    def answer(self, said: list[Words]) -> "Script":
        """Be called."""
        self.core.handle(Opened(self.signalling, THEM, US), 0.0)
        self._run()
        self._play(said)
        return self

    def call(self, said: list[Words]) -> "Script":
        """Call."""
        self.core.handle(Dial(CallId(1), "h323:192.0.2.2", offer(US.host, 30_000), "", ""), 0.0)
        self._run()
        self._play(said)
        return self

    def _play(self, said: list[Words]) -> None:
        start = said[0].at
        for one in said:
            self.now = one.at - start
            if self.core.deadline is not None and self.now >= self.core.deadline:
                self.core.tick(self.now)
                self._run()
            flow = self.h245 if one.h245 else self.signalling
            if one.h245 and flow is None:
                assert self.listening, f"frame {one.frame}: H.245 that nobody expects"
                flow = self.h245 = FlowId(2)
                self.core.handle(Opened(flow, THEM, US, CallId(1)), self.now)
                self._run()
            assert flow is not None
            if one.closed:
                self.core.handle(Closed(flow), self.now)
            else:
                payload = self._renumbered(one)
                self.core.handle(Received(flow, tpkt.write(payload)), self.now)
            self._run()

    def _renumbered(self, one: Words) -> bytes:
        """Have its answers name our channels, not those of who answered it then."""
        if one.h245:
            return self._h245(one.payload)
        message = q931.parse(one.payload)
        assert message.user_user is not None
        information = h225.read(message.user_user)
        if not information.control:
            return one.payload
        control = tuple(self._h245(octets) for octets in information.control)
        body = h225.write(replace(information, control=control))
        elements = tuple(
            q931.user_user(body) if kind == q931.Element.USER_USER else (kind, octets)
            for kind, octets in message.elements
        )
        return q931.write(replace(message, elements=elements))

    def _h245(self, octets: bytes) -> bytes:
        message = h245_per.read(octets)
        match message:
            case h245.OpenAck() if message.session in self.ours:
                return h245_per.write(replace(message, number=self.ours[message.session]))
            case h245.DeterminationAck():
                return h245_per.write(replace(message, master=True))
        return octets

    def _run(self) -> None:
        while outputs := list(self.core.poll()):
            for output in outputs:
                self._take(output)

    def _take(self, output: object) -> None:
        match output:
            case Connect(flow, _):
                if not self.signalling:
                    self.signalling = flow
                else:
                    self.h245 = flow
                self.core.handle(Connected(flow, US), self.now)
            case Listen(call, _):
                self.listening = True
                self.core.handle(Listening(call, Address(US.host, 22_000)), self.now)
            case Send(flow, data):
                for payload in self.framers.setdefault(flow, tpkt.Framer()).feed(data):
                    self._hear(payload)
            case Close():
                self.over = True
            case CallOffered():
                self.events.append(output)
                self.core.handle(Accept(output.call, offer(US.host, 30_000)), self.now)
            case _ if isinstance(output, CallEvent):
                self.events.append(output)

    def _hear(self, payload: bytes) -> None:
        messages: list[h245.H245] = []
        if payload[0] == q931.PROTOCOL:
            octets = q931.parse(payload).user_user
            assert octets is not None
            information = h225.read(octets)
            self.said.append(information)
            messages += [h245_per.read(one) for one in information.control]
        else:
            messages.append(h245_per.read(payload))
        self.said += messages
        for message in messages:
            if isinstance(message, h245.OpenChannel):
                self.ours[message.session] = message.number

"""Plays captured H.323 calls, garbled, to the framer, the readers and the core.

    python tests/fuzz/fuzz_h323.py SECONDS [SEED]

Prints how many inputs were run.  The core must raise nothing, the readers nothing but `PeerError`,
and no piece may take longer than `SLOW_S` of the processor; anything else ends it with status 1 and
leaves the last piece in `crash.h323`.
"""

import random
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from sfu.errors import PeerError
from sfu.model import Address, CallId
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    AskPicture,
    CallOffered,
    Dial,
    HangUp,
    MediaOffered,
    OfferMedia,
    Probe,
    Reject,
    Ring,
    Transfer,
)
from sfu.signalling.h323 import h225, h245_per, per, q931, tpkt
from sfu.signalling.h323.flow import (
    Closed,
    Connect,
    Connected,
    FlowId,
    Listen,
    Listening,
    Opened,
    Received,
)
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.useragent import H323UserAgent, read_uri
from tests.h323_script import THEM, US, Words, calls, words
from tests.unitstack import offer

VECTORS = Path(__file__).resolve().parents[1] / "vectors/h323"
OURS = (offer(US.host, 30_000), offer(US.host, 30_000).replace(b"a=sendrecv", b"a=inactive"))
SLOW_S = 2.0
PIECES = (b"\x03\x00\x00\x04", b"\x00", b"\xff", b"\x08\x02", b"\x7e\xff\xff\x05", b"\x80" * 8)
URIS = ("h323:4201@192.0.2.2", "h323:[2001:db8::1]:1720", "h323:x@y:99999", "h323:", "192.0.2.2##")


class Story:
    """One call, each piece of which may be garbled."""

    def __init__(self, dice: random.Random, said: list[Words]) -> None:
        """Begin on an empty stage."""
        self.dice = dice
        self.said = said
        ids = count(1)
        us = Identity("sfu", Endpoint("mcu", True, "sfu", "0"), dice.random() < 0.3)
        self.core = H323UserAgent(us, dice.randbytes, lambda: CallId(next(ids)))
        self.flows = [FlowId(0)]
        self.inputs = 0
        self.now = 0.0
        self.last = b""
        self.opened = count(2, 2)

    def play(self) -> None:
        """Say all, right or wrong."""
        if self.dice.random() < 0.5:
            self._do(Opened(FlowId(0), THEM, US))
        else:
            self._do(Dial(CallId(99), self.dice.choice(URIS), OURS[0], "é\r\n", "4201"))
        for one in self.said:
            if self.dice.random() < 0.05:
                continue
            self._say(one.payload, h245=one.h245)
            if self.dice.random() < 0.15:
                self._order()
            if self.dice.random() < 0.1:
                self._wait()
        for _ in range(5):
            self.now += 100
            self.core.tick(self.now)
            self._drain()
        for call in (1, 99):  # what nobody here has answered waits for that
            self._do(Reject(CallId(call), 486, "busy"))
        left = [(one.state, one.deadline) for one in self.core._calls.values()]
        assert not left, f"a call outlived its silent peer: {left}"

    def _say(self, payload: bytes, *, h245: bool) -> None:
        if self.dice.random() < 0.6:
            payload = mutate(self.dice, payload)
        look_at(payload)
        data = tpkt.write(payload)
        if self.dice.random() < 0.1:
            data = mutate(self.dice, data)
        flow = self.flows[-1] if h245 else self.flows[0]
        if self.dice.random() < 0.05:
            flow = self.dice.choice(self.flows)
        self.last = data
        self.inputs += 1
        cut = self.dice.randrange(len(data) + 1)
        began = time.thread_time()
        self._do(Received(flow, data[:cut]))
        self._do(Received(flow, data[cut:]))
        assert time.thread_time() - began < SLOW_S, "it took too long"

    def _wait(self) -> None:
        self.now += self.dice.choice((0.01, 1.0, 5.0, 11.0, 31.0))
        self.core.tick(self.now)
        self._drain()

    def _order(self) -> None:
        call = CallId(self.dice.choice((1, 99)))
        body = self.dice.choice(OURS)
        orders = (
            Ring(call), Accept(call, body), Reject(call, self.dice.choice((404, 486, 700)), "x"),
            AnswerMedia(call, body), OfferMedia(call, body), AskPicture(call), Probe(call),
            Transfer(call, "sip:x@y"), HangUp(call), Closed(self.dice.choice(self.flows)),
        )  # fmt: skip
        self._do(self.dice.choice(orders))

    def _do(self, event: object) -> None:
        self.core.handle(event, self.now)  # type: ignore[arg-type]
        self._drain()

    def _drain(self) -> None:
        for output in list(self.core.poll()):
            match output:
                case Connect(flow, _):
                    self.flows = [*self.flows, flow] if self.flows != [0] else [flow]
                    fails = self.dice.random() < 0.1
                    self._do(Closed(flow) if fails else Connected(flow, US))
                case Listen(call, _):
                    address = Address(US.host, 22_000) if self.dice.random() < 0.9 else None
                    self._do(Listening(call, address))
                    if address is not None:
                        self.flows.append(FlowId(next(self.opened)))
                        self._do(Opened(self.flows[-1], THEM, US, call))
                case CallOffered(call=call) if self.dice.random() < 0.9:
                    self._do(Accept(call, OURS[0]))
                case MediaOffered(call=call) if self.dice.random() < 0.8:
                    self._do(AnswerMedia(call, self.dice.choice(OURS)))


def look_at(payload: bytes) -> None:
    """Read it as everything it might be; only PeerError may come."""
    readers: tuple[Callable[[bytes], object], ...] = (
        q931.parse,
        h225.read,
        h245_per.read,
        lambda octets: per.decode(per.Pdu.RAS, octets),
        lambda octets: read_uri(octets.decode("latin-1")),
    )
    for read in readers:
        try:
            read(payload)
        except PeerError:
            continue


def mutate(dice: random.Random, data: bytes) -> bytes:
    """Cut, double, swap and overwrite a few places, or turn single bits."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(out) + 1)
        if dice.random() < 0.5 and at < len(out):
            out[at] ^= 1 << dice.randrange(8)
            continue
        length = dice.choice((0, 1, 1, 4, 20))
        new = dice.choice((dice.choice(PIECES), dice.randbytes(2), bytes(out[at : at + 30]), b""))
        out[at : at + length] = new
    return bytes(out)


def corpus() -> list[list[Words]]:
    """Return what either side of each captured call says."""
    return [
        words(path, caller, called, of_caller=side)
        for path in sorted(VECTORS.glob("*.pcap"))
        for caller, called in calls(path)
        for side in (True, False)
    ]


def main() -> int:
    """Run until the time is over; return the exit status."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    dice = random.Random(seed)
    known = corpus()
    end, runs, stories = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        story = Story(dice, dice.choice(known))
        try:
            story.play()
        except Exception as fault:
            Path("crash.h323").write_bytes(story.last)
            print(f"fuzz_h323: story {stories} of seed {seed}: {fault!r}; kept in crash.h323")
            raise
        runs, stories = runs + story.inputs, stories + 1
    print(f"fuzz_h323: {runs} inputs in {stories} stories, {seconds:g} s, seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

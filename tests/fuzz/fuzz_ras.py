"""Plays captured and own RAS, garbled, to our gatekeeper and to our registration elsewhere.

    python tests/fuzz/fuzz_ras.py SECONDS [SEED]

Prints how many inputs were run.  Neither core may raise, answer another host than the one that
spoke, or take longer than `SLOW_S`; anything else ends it with status 1 and leaves the last input
in `crash.ras`.
"""

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from sfu.model import Address, CallId
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.asking import Ask, Over
from sfu.signalling.h323.gatekeeper import Gatekeeper
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.registrant import Membership, Registrant
from sfu.signalling.h323.token import MessageHash, prove
from sfu.signalling.h323.zone import MAX_CALLS, MAX_ENDPOINTS
from sfu.signalling.h323.zonefact import Datagram, Heard, Questions
from tests.capture import UDP, read
from tests.fuzz.fuzz_h323 import mutate
from tests.interop.test_h323_pdus import OURS

VECTORS = Path(__file__).resolve().parents[1] / "vectors/h323"
SLOW_S = 1.0
NOON = 1_800_000_000.0
US = Address("192.0.2.1", 1719)
NAME = Alias("h323-ID", "lajoux")
HOSTS = ("192.0.2.21", "192.0.2.22", "198.51.100.9")


def corpus() -> list[bytes]:
    """Return messages of the captures and of ours, with and without proofs."""
    found = [one.data for path in sorted(VECTORS.glob("*gk*.pcap")) for one in read(path)
             if one.protocol == UDP and 1719 in (one.source[1], one.destination[1])]  # fmt: skip
    proofs = (MessageHash("lajoux", "sfu", int(NOON), 1), prove(NAME, "secret", int(NOON)))
    return found + [write(one) for one in OURS] + [write(one, proofs, "secret") for one in OURS]


class Story:
    """A gatekeeper and a registration, which somebody talks to."""

    def __init__(self, dice: random.Random) -> None:
        """Begin with nobody registered."""
        self.dice, self.now, self.inputs = dice, 0.0, 0
        self.last = b""
        house = Questions(
            {"lajoux": "lajoux"}.get,
            {"lajoux": "secret"}.get,
            lambda host: host.startswith("192.0.2."),
            lambda host, account: dice.random() < 0.9,
            lambda number: number.startswith("4"),
            lambda host, account: dice.choice((None, 4_000_000, 0)),
        )
        self.gatekeeper = Gatekeeper("testgk", house, dice.randbytes)
        here = Address("192.0.2.1", 40_000)
        us = Endpoint("mcu", True, "sfu", "0", ("42",))
        there = Address(HOSTS[0], 1719)
        member = Membership(there, here, here, (NAME,), us, dice.choice(("", "secret")))
        self.member = Registrant(member, dice.randbytes, lambda now: NOON + now)
        self.member.start(0.0)

    def play(self, known: list[bytes], steps: int) -> None:
        """Say so much."""
        for _ in range(steps):
            data = self.dice.choice(known)
            if self.dice.random() < 0.6:
                data = mutate(self.dice, data)
            self.say(data)
            if self.dice.random() < 0.2:
                self.now += self.dice.choice((0.1, 3.0, 40.0, 200.0))
                self.gatekeeper.tick(self.now)
                self.member.tick(self.now)
                self.drain(None)

    def say(self, data: bytes) -> None:
        """Say it to both, from somewhere."""
        self.last, self.inputs = data, self.inputs + 1
        remote = Address(self.dice.choice(HOSTS), self.dice.choice((1719, 40_000)))
        event = Heard(remote, US, data, NOON + self.now, self.dice.random() < 0.1)
        began = time.thread_time()
        self.gatekeeper.handle(event, self.now)
        self.drain(remote.host)
        self.member.handle(event, self.now)
        if self.dice.random() < 0.1:
            call = CallId(self.dice.randrange(5))
            asked = Ask(call, bytes(16), bytes(16), 7, self.dice.random() < 0.5, (NAME,))
            self.member.handle(self.dice.choice((asked, Over(call))), self.now)
        self.converse()
        assert time.thread_time() - began < SLOW_S, "it took too long"

    def converse(self) -> None:
        """Have the two talk to each other, now and then garbled."""
        for said in [one.data for one in self.member.poll() if isinstance(one, Datagram)]:
            self.last, self.inputs = self.maybe(said), self.inputs + 1
            ours = Address("192.0.2.1", 40_000)
            self.gatekeeper.handle(Heard(ours, US, self.last, NOON + self.now), self.now)
            for answer in [one.data for one in self.gatekeeper.poll() if isinstance(one, Datagram)]:
                self.last = self.maybe(answer)
                from_it = Heard(Address(HOSTS[0], 1719), US, self.last, NOON + self.now)
                self.member.handle(from_it, self.now)

    def maybe(self, data: bytes) -> bytes:
        """Garble a message, mostly not."""
        return mutate(self.dice, data) if self.dice.random() < 0.2 else data

    def drain(self, host: str | None) -> None:
        """Look at what the gatekeeper says."""
        for one in self.gatekeeper.poll():
            if isinstance(one, Datagram):
                assert one.remote.host == host, "an answer to a third party"
        assert len(self.gatekeeper.zone) <= MAX_ENDPOINTS
        assert all(len(one.calls) <= MAX_CALLS for one in self.gatekeeper.zone)


def main() -> int:
    """Run until the time is over; return the exit status."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    dice, known = random.Random(seed), corpus()
    end, runs, stories = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        story = Story(dice)
        try:
            story.play(known, 100)
        except Exception as fault:
            Path("crash.ras").write_bytes(story.last)
            print(f"fuzz_ras: story {stories} of seed {seed}: {fault!r}; kept in crash.ras")
            raise
        runs, stories = runs + story.inputs, stories + 1
    print(f"fuzz_ras: {runs} inputs in {stories} stories, {seconds:g} s, seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

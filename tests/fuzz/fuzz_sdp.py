"""Mutates recorded and composed offers and feeds them to every reader of descriptions.

    python tests/fuzz/fuzz_sdp.py SECONDS [SEED]

Prints how many inputs were run.  Anything raised but `PeerError` ends it with status 1 and leaves
the input in `crash.sdp`; so does an input that takes longer than a second.
"""

import random
import sys
import time
from pathlib import Path

from sfu.errors import PeerError
from sfu.model import Address, Ssrc
from sfu.signalling.sdp.answer import compose_answer
from sfu.signalling.sdp.h263 import OLD_PICTURES, h263_limits_of
from sfu.signalling.sdp.local import LocalLine, LocalMedia, Policy
from sfu.signalling.sdp.offer import compose_offer, compose_reoffer, read_answer
from sfu.signalling.sdp.peer import read_offer
from sfu.signalling.sdp.session import MAX_BYTES, parse, revise, same_lines
from sfu.signalling.webrtc.negotiate import (
    BrowserLocal,
    BrowserPolicy,
    StreamIds,
    answer_browser,
)
from sfu.signalling.webrtc.offer import read_browser_offer

SEEDS = Path(__file__).resolve().parent.parent
CRYPTO = ("1 AES_CM_128_HMAC_SHA1_80 inline:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e",)
LOCAL = LocalMedia(
    "192.0.2.5", 7, LocalLine(20000, 20001, CRYPTO), LocalLine(20002, 20003, CRYPTO), "sha-256 AA"
)
POLICIES = (
    Policy(),
    Policy(single_nal_receivers=True, old_pictures=OLD_PICTURES, rtcp_mux=True, max_fs=920),
)
SLOWEST_S = 1.0
LARGEST = 262_144


def main() -> int:
    """Run until the time is over; return the exit status."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    dice = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted(SEEDS.glob("**/offers/*.sdp"))]
    words = sorted({line for data in seeds for line in data.split(b"\r\n")})
    end, runs = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = mutate(dice, dice.choice(seeds), words)
        began = time.thread_time()  # ours, whatever else the machine does
        try:
            run(data)
        except Exception as fault:
            return failed(data, runs, seed, repr(fault))
        if time.thread_time() - began > SLOWEST_S:
            return failed(data, runs, seed, "too slow")
        runs += 1
    print(f"fuzz_sdp: {runs} inputs in {seconds:g} s, seed {seed}")
    return 0


def failed(data: bytes, runs: int, seed: int, why: str) -> int:
    """Keep the input and tell of it."""
    Path("crash.sdp").write_bytes(data)
    print(f"fuzz_sdp: input {runs} of seed {seed}: {why}; kept in crash.sdp")
    return 1


def run(data: bytes) -> None:
    """Feed one input to every reader; only PeerError may come out of them."""
    try:
        session = parse(data)
    except PeerError:
        return
    written = bytes(session)
    if len(written) <= MAX_BYTES:  # line ends written in full may go beyond what is read
        assert parse(written) == session
    room(data)
    browser(data)


def room(data: bytes) -> None:
    """Read it as offer and as answer of a room codec."""
    session = parse(data)
    peer = read_offer(session)
    for line in peer.lines:
        for form in line.formats:
            h263_limits_of(form)
    for policy in POLICIES:
        answer, _ = compose_answer(session, peer, LOCAL, policy)
        assert len(answer.media) == len(session.media)
        parse(bytes(answer))
        parse(bytes(compose_reoffer(session, peer, LOCAL, policy)))
        offer = compose_offer(LOCAL, policy)
        read_answer(offer, session)
        assert same_lines(revise(answer, answer), answer)


def browser(data: bytes) -> None:
    """Read it as a browser's offer, and again as its next."""
    session = parse(data)
    try:
        offer = read_browser_offer(session)
        offer = read_browser_offer(session, offer.parts)
    except PeerError:
        return
    streams = {line.mid: StreamIds(Ssrc(1), Ssrc(2)) for line in offer.lines}
    ours = BrowserLocal(1, "abcd", "x" * 22, "sha-256 AA", (Address("192.0.2.5", 1),), "c", streams)
    answer, _ = answer_browser(session, offer, ours, BrowserPolicy(simulcast=True))
    assert len(parse(bytes(answer)).media) == len(session.media)


def mutate(dice: random.Random, data: bytes, words: list[bytes]) -> bytes:
    """Return the input with a few lines or bytes changed."""
    for _ in range(dice.randint(1, 6)):
        data = dice.choice(MUTATIONS)(dice, data, words)
    return data[:LARGEST]


def _flip(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.randbytes(dice.randint(0, 3)) + data[at + dice.randint(0, 3) :]


def _cut(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + data[at + dice.randint(0, 400) :]


def _insert_line(dice: random.Random, data: bytes, words: list[bytes]) -> bytes:
    lines = data.split(b"\r\n")
    lines.insert(dice.randrange(len(lines) + 1), dice.choice(words))
    return b"\r\n".join(lines)


def _swap_lines(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    lines = data.split(b"\r\n")
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def _repeat(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    lines = data.split(b"\r\n")
    at = dice.randrange(len(lines))
    span = lines[at : at + dice.randint(1, 8)]
    return b"\r\n".join(lines[:at] + span * dice.choice((2, 3, 200)) + lines[at:])


def _number(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at = dice.randrange(len(data) + 1)
    while at < len(data) and not data[at : at + 1].isdigit():
        at += 1
    value = dice.choice((b"0", b"-1", b"127", b"65536", b"4294967296", b"9" * 30, b"\xb2", b""))
    return data[:at] + value + data[at + 1 :]


MUTATIONS = (_flip, _cut, _insert_line, _swap_lines, _repeat, _number)

if __name__ == "__main__":
    sys.exit(main())

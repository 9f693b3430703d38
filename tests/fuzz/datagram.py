"""Mutates datagrams and feeds them to a reader; what the targets for STUN and RTCP share."""

import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sfu.errors import PeerError

LARGEST = 2048
SLOWEST_S = 1.0


def main(name: str, seeds: Sequence[bytes], read: Callable[[bytes], object]) -> int:
    """Run for the seconds of the command line; only PeerError may come out of `read`."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    dice = random.Random(seed)
    end, runs = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = mutate(dice, dice.choice(seeds), seeds)
        began = time.thread_time()  # ours, whatever else the machine does
        try:
            read(data)
        except PeerError:
            pass
        except Exception as fault:
            return failed(name, data, f"input {runs} of seed {seed}: {fault!r}")
        if time.thread_time() - began > SLOWEST_S:
            return failed(name, data, f"input {runs} of seed {seed}: too slow")
        runs += 1
    print(f"{name}: {runs} inputs in {seconds:g} s, seed {seed}")
    return 0


def failed(name: str, data: bytes, why: str) -> int:
    """Keep the input and tell of it."""
    kept = Path(f"crash_{name}.bin")
    kept.write_bytes(data)
    print(f"{name}: {why}; kept in {kept}")
    return 1


def mutate(dice: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """Change a few bytes, cut, repeat, splice; sometimes set a length right again."""
    for _ in range(dice.randint(1, 5)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                data = data[:at] + dice.randbytes(1) + data[at + 1 :]
            case 1:
                data = data[:at] + dice.choice((b"\0", b"\xff", b"\x7f\xff")) + data[at + 1 :]
            case 2:
                data = data[:at] + data[at + 4 * dice.randint(0, 5) :]
            case 3:
                data = data[:at] + data[at : at + 4 * dice.randint(1, 9)] + data[at:]
            case _:
                data = data[:at] + dice.choice(seeds)[at:]
    return data[:LARGEST]

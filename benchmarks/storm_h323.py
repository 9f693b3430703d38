"""Attacks on H.323's port, as `storm` makes them on SIP's."""

import contextlib
import random
import time

from benchmarks.attacker import SCANNER, TARGET, connect, dripped, held, paced, poured

AT = 5
"""H.323's port, behind that of SIP."""
ROOM = b"4499"


def h323_setups(port: int, seconds: float, rate: float) -> int:
    """Call a room over and over, each time by a connection of its own, and go on with none."""
    sent, kept = 0, []
    for number in paced(min(rate, 500), seconds):
        with contextlib.suppress(OSError):
            sock = connect(port + AT)
            sock.sendall(setup(number))
            kept.append(sock)
            sent += 1
    for sock in kept:
        sock.close()
    return sent


def h323_connections(port: int, seconds: float, rate: float) -> int:
    """Open connections from sixteen addresses, say nothing, keep them all."""
    return held([port + AT], [f"127.0.4.{n}" for n in range(1, 17)], seconds, rate)


def h323_slow(port: int, seconds: float, rate: float) -> int:
    """Drip a Setup a byte at a time over as many connections as we get."""
    return dripped(setup(0), port + AT, seconds, rate)


def h323_bodies(port: int, seconds: float, rate: float) -> int:
    """Send packets as large as TPKT knows, as far as they are read."""
    return poured(b"\3\0\xff\xff", port + AT, seconds)


def h323_garbage(port: int, seconds: float, rate: float) -> int:
    """Send well-framed bytes that mean nothing: Q.931's head, then dice."""
    dice, until, sent = random.Random(1720), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        with contextlib.suppress(OSError), connect(port + AT) as sock:
            while time.monotonic() < until:
                body = b"\x08\x02\0\1\x05\x7e\1\x2c\5" + dice.randbytes(299)
                sock.sendall(b"\3\0" + (len(body) + 4).to_bytes(2) + body)
                sent += 1
        time.sleep(0.01)
    return sent


def setup(number: int) -> bytes:
    """Write the Setup of a call that no other is a copy of."""
    from sfu.model import Address
    from sfu.signalling.h323 import h225, q931, tpkt

    call = number.to_bytes(16)
    body = h225.Setup(
        call, call, source_address=Address(SCANNER, 1720),
        destination_address=Address(TARGET, 1720),
    )  # fmt: skip
    elements = (
        (int(q931.Element.CALLED_NUMBER), b"\x81" + ROOM),
        q931.user_user(h225.write(h225.Information(body))),
    )
    message = q931.Message(q931.Type.SETUP, number % 32767 + 1, False, elements)
    return tpkt.write(q931.write(message))

"""Attacks as scanners make them, one a process, for `attack` and tests/interop.

SIP's stand here, those on the page's and H.323's ports in `storm_page` and `storm_h323`.

    python -m benchmarks.storm send KIND PORT SECONDS [RATE]     prints how much was sent

They go to loopback only, from addresses of 127.0.0.0/8 that no setting lists; ports below 10000
are refused, so that no server in service is hit by mistake.
"""

import contextlib
import hashlib
import itertools
import random
import re
import sys
import time
from collections.abc import Callable

from benchmarks.attacker import (
    HUGE,
    SCANNER,
    TARGET,
    connect,
    dripped,
    flood,
    held,
    paced,
    poured,
    sender,
)
from benchmarks.storm_h323 import (
    h323_bodies,
    h323_connections,
    h323_garbage,
    h323_setups,
    h323_slow,
)
from benchmarks.storm_page import (
    page,
    page_bodies,
    page_connections,
    page_passwords,
    page_requests,
    page_sockets,
    stun,
)

ACCOUNT = "attacked"
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.66\r\ns=-\r\nc=IN IP4 127.0.0.66\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)
_serial = itertools.count(int(time.time() * 1000) % 10**9 * 1000)


def request(
    method: str,
    user: str,
    port: int,
    *,
    body: bytes = b"",
    extra: str = "",
    length: int | None = None,
    source: str = SCANNER,
) -> bytes:
    """Write a request that no other is a copy of."""
    number = next(_serial)
    head = (
        f"{method} sip:{user}@{TARGET}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {source}:5060;rport;branch=z9hG4bK{number}\r\n"
        f"From: <sip:{user}@{TARGET}>;tag={number}\r\nTo: <sip:{user}@{TARGET}>\r\n"
        f"Call-ID: {number}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@{source}:5060>\r\n"
        f"Max-Forwards: 70\r\nUser-Agent: friendly-scanner\r\n{extra}"
        + ("Content-Type: application/sdp\r\n" if body else "")
        + f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


def registers(port: int, seconds: float, rate: float) -> int:
    """REGISTER without a password."""
    return flood(lambda n: request("REGISTER", str(n % 1000), port), port, seconds, rate)


def invites(port: int, seconds: float, rate: float) -> int:
    """INVITE to numbers abroad, as toll fraud does."""
    return flood(lambda n: request("INVITE", f"0097059{n:07}", port, body=SDP), port, seconds, rate)


def rooms(port: int, seconds: float, rate: float) -> int:
    """INVITE to a room, never acknowledged."""
    return flood(lambda n: request("INVITE", "4499", port, body=SDP), port, seconds, rate)


def garbage(port: int, seconds: float, rate: float) -> int:
    """Bytes that mean nothing, some of them long."""
    dice = random.Random(5060)
    return flood(lambda n: dice.randbytes(60_000 if n % 50 == 0 else 400), port, seconds, rate)


def everywhere(port: int, seconds: float, rate: float) -> int:
    """INVITE and REGISTER from 250 addresses, as with forged sources."""
    sources = [f"127.0.9.{n}" for n in range(1, 251)]
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(sender(source)) for source in sources]
        sent = 0
        for number in paced(rate, seconds):
            place = number % len(socks)
            method = ("INVITE", "REGISTER")[number // len(socks) % 2]
            data = request(method, "4499", port, body=SDP, source=sources[place])
            with contextlib.suppress(BlockingIOError):
                socks[place].sendto(data, (TARGET, port))
                sent += 1
    return sent


def passwords(port: int, seconds: float, rate: float) -> int:
    """Guess the password of an account, each nonce answered."""
    sent, nonce = 0, "none"
    with sender() as sock:
        for number in paced(min(rate, 500), seconds):
            uri = f"sip:{TARGET}:{port}"
            ha1 = hashlib.md5(f"{ACCOUNT}:sfu:guess{number}".encode()).hexdigest()
            ha2 = hashlib.md5(f"REGISTER:{uri}".encode()).hexdigest()
            proof = hashlib.md5(f"{ha1}:{nonce}:{ha2}".encode()).hexdigest()
            extra = (
                f'Authorization: Digest username="{ACCOUNT}", realm="sfu", nonce="{nonce}",'
                f' uri="{uri}", response="{proof}"\r\n'
            )
            with contextlib.suppress(BlockingIOError):
                sock.sendto(request("REGISTER", ACCOUNT, port, extra=extra), (TARGET, port))
                sent += 1
            with contextlib.suppress(BlockingIOError):
                while found := re.search(rb'nonce="([^"]+)"', sock.recv(4096)):
                    nonce = found[1].decode()
    return sent


def connections(port: int, seconds: float, rate: float) -> int:
    """Open TCP and TLS connections from sixteen addresses, say nothing, keep them all."""
    return held([port, port + 1], [f"127.0.8.{n}" for n in range(1, 17)], seconds, rate)


def slow(port: int, seconds: float, rate: float) -> int:
    """Drip a message a byte at a time over as many connections as we get."""
    return dripped(request("OPTIONS", "x", port), port, seconds, rate)


def huge(port: int, seconds: float, rate: float) -> int:
    """Announce bodies of 900 MB over TCP, and send them as far as they are read."""
    return poured(request("INVITE", "4499", port, length=HUGE), port, seconds)


def pipelined(port: int, seconds: float, rate: float) -> int:
    """Send requests back to back over one connection, as fast as they are read."""
    until, sent = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        with contextlib.suppress(OSError), connect(port) as sock:
            while time.monotonic() < until:
                data = b"".join(request("OPTIONS", "x", port) for _ in range(100))
                sock.sendall(data)
                sent += 100
    return sent


KINDS: dict[str, Callable[[int, float, float], int]] = {
    one.__name__: one
    for one in (
        registers, rooms, invites, everywhere, passwords, garbage, pipelined, huge, connections,
        slow, page, page_connections, page_requests, page_passwords, page_bodies, page_sockets,
        stun, h323_setups, h323_connections, h323_slow, h323_bodies, h323_garbage,
    )
}  # fmt: skip


if sys.argv[1:2] == ["send"]:
    kind, at, lasting, *most = sys.argv[2:]
    if int(at) < 10_000:
        sys.exit("a server under test has its ports from 10000 on")
    print(KINDS[kind](int(at), float(lasting), float(most[0]) if most else 5000.0))

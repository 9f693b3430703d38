"""Attacks on the page's port and the browsers', as `storm` makes them on SIP's."""

import base64
import contextlib
import ssl
import time

from benchmarks.attacker import (
    HUGE,
    connect,
    flood,
    held,
    opened,
    paced,
    poured,
)

AT = 2
"""The page's port, behind that of SIP."""


def page(port: int, seconds: float, rate: float) -> int:
    """Hold the page's port: half agree on no keys, half drip a request's head after it."""
    context, kept, sent = ssl._create_unverified_context(), [], 0
    for number in paced(min(rate, 200), seconds):
        with contextlib.suppress(OSError):
            sock = connect(port + AT, f"127.0.7.{number % 8 + 1}")
            kept.append(sock)
            sent += 1
            if number % 2:
                kept[-1] = context.wrap_socket(sock)
                kept[-1].send(b"GET / HTTP/1.1\r\nX: ")
        if kept:
            with contextlib.suppress(OSError):
                kept[number * 7 % len(kept)].send(b"x")
    for sock in kept:
        sock.close()
    return sent


def page_connections(port: int, seconds: float, rate: float) -> int:
    """Open connections from sixteen addresses, say nothing, keep them all."""
    return held([port + AT], [f"127.0.6.{n}" for n in range(1, 17)], seconds, rate)


def page_requests(port: int, seconds: float, rate: float) -> int:
    """Ask for the page, again as soon as it has come, over one connection."""
    return _asked(port, seconds, rate, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


def page_passwords(port: int, seconds: float, rate: float) -> int:
    """Guess an operator's password, over one connection."""
    sent, head = 0, b"GET /api/v1/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic "
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        guess = base64.b64encode(b"attacked:guess%d" % sent)
        sent += _asked(port, min(left, 0.2), rate, head + guess + b"\r\n\r\n")
    return sent


def page_bodies(port: int, seconds: float, rate: float) -> int:
    """Announce bodies of 900 MB, and send them as far as they are read."""
    head = f"POST /api/v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {HUGE}\r\n\r\n"
    return poured(head.encode(), port + AT, seconds, tls=True)


def page_sockets(port: int, seconds: float, rate: float) -> int:
    """Open WebSockets from eight addresses, say rubbish, and keep them."""
    head = (
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Origin: https://127.0.0.1:{port + AT}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    rubbish, kept, sent = b'\x81\x84\0\0\0\0{"a"', [], 0
    for number in paced(min(rate, 100), seconds):
        with contextlib.suppress(OSError):
            sock = opened(port + AT, tls=True, host=f"127.0.5.{number % 8 + 1}")
            sock.sendall(head + rubbish)
            kept.append(sock)
            sent += 1
    for sock in kept:
        sock.close()
    return sent


def _asked(port: int, seconds: float, rate: float, request: bytes) -> int:
    """Send a request again and again, each when the last is answered."""
    until, sent = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        with contextlib.suppress(OSError), opened(port + AT, tls=True) as sock:
            while time.monotonic() < until:
                sock.sendall(request)
                sent += 1
                if not sock.recv(65536):
                    break
        time.sleep(0.002)
    return sent


def stun(port: int, seconds: float, rate: float) -> int:
    """Binding requests to the browsers' port, of a user nobody is."""
    head = bytes.fromhex("000100142112a442") + bytes(12)
    data = head + bytes.fromhex("00060009") + b"abcd:efgh" + bytes(3)
    return flood(lambda n: data, port + 4, seconds, rate)

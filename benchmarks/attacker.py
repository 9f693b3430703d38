"""What every storm is made of: addresses, a pace, sockets; see `storm`."""

import contextlib
import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator

SCANNER = "127.0.0.66"
TARGET = "127.0.0.1"
HUGE = 900_000_000


def sender(host: str = SCANNER) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


def paced(rate: float, seconds: float) -> Iterator[int]:
    """Count up to `rate` times a second, as long as it lasts."""
    began = time.monotonic()
    for number in itertools.count():
        due = began + number / rate
        now = time.monotonic()
        if now - began > seconds:
            return
        if due > now:
            time.sleep(due - now)
        yield number


def flood(write: Callable[[int], bytes], port: int, seconds: float, rate: float) -> int:
    """Send datagrams from one address, and read no answer."""
    sent = 0
    with sender() as sock:
        for number in paced(rate, seconds):
            with contextlib.suppress(BlockingIOError):
                sock.sendto(write(number), (TARGET, port))
                sent += 1
    return sent


def connect(port: int, host: str = SCANNER) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(1)
    sock.bind((host, 0))
    sock.connect((TARGET, port))
    return sock


def held(ports: list[int], hosts: list[str], seconds: float, rate: float) -> int:
    """Open connections to these ports in turn, from these hosts in turn, say nothing, keep all."""
    made, kept = 0, []
    for number in paced(min(rate, 1000), seconds):
        with contextlib.suppress(OSError):
            kept.append(connect(ports[number % len(ports)], hosts[number % len(hosts)]))
            made += 1
    for sock in kept:
        sock.close()
    return made


def dripped(data: bytes, port: int, seconds: float, rate: float) -> int:
    """Say something a byte at a time over as many connections as we get."""
    kept, sent = [], 0
    for _ in range(200):
        with contextlib.suppress(OSError):
            kept.append(connect(port))
    for number in paced(min(rate, 2000), seconds):
        with contextlib.suppress(OSError, ZeroDivisionError):  # nobody let us in
            sock = kept[number % len(kept)]
            sent += sock.send(data[number // len(kept) % len(data) :][:1])
    for sock in kept:
        sock.close()
    return sent


def poured(head: bytes, port: int, seconds: float, *, tls: bool = False) -> int:
    """Begin what announces more than anybody needs, and send as far as it is read."""
    until, sent = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        with contextlib.suppress(OSError), opened(port, tls=tls) as sock:
            sock.sendall(head)
            sent += len(head)
            while time.monotonic() < until:
                sent += sock.send(bytes(65536))
        time.sleep(0.01)
    return sent


def opened(port: int, *, tls: bool, host: str = SCANNER) -> socket.socket:
    """Connect, and agree on keys where they are asked for."""
    sock = connect(port, host)
    return ssl._create_unverified_context().wrap_socket(sock) if tls else sock

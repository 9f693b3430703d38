"""Ports of this machine, for one test at a time: others go on beside us.

A block is claimed by the name of a Unix socket that lives as long as the claim (abstract: gone with
its process, however that ends).  Only then is it asked whether its ports are free, so two who look
at the same moment never find the same ones.
"""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

SERVERS = range(10_000, 20_000, 1_000)
UNITS = range(22_000, 26_000, 20)
"""Each with its signalling first, then its media; baresip's media are 5,000 above."""


def is_free(port: int) -> bool:
    """Whether nobody has this port, neither UDP nor TCP."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        # a server may bind beside what is left of closed connections (TIME-WAIT)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(low: int) -> int:
    """Return the first free port from here on; for what is started at once."""
    for port in range(low, low + 400):
        if is_free(port):
            return port
    raise OSError(f"no port is free from {low} on")


@contextmanager
def block(blocks: range, leading: int) -> Iterator[int]:
    """Have the first port of a block whose leading ones are free, for oneself alone."""
    first = random.randrange(len(blocks))  # what comes late for the last test finds nobody
    for base in (*blocks[first:], *blocks[:first]):
        with ExitStack() as stack:
            claim = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
            try:
                claim.bind(f"\0sfu-tests-{base}")
            except OSError:
                continue
            if all(is_free(base + n) for n in range(leading)):
                yield base
                return
    raise OSError(f"no block of ports is free in {blocks}")

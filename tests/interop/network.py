"""Networks of one's own: with no way out, or in which large datagrams travel as IP fragments."""

import ctypes
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000
ETHERNET_BYTES = 1500
LOOPBACK_BYTES = 65_536
_libc = ctypes.CDLL(None, use_errno=True)


def in_small_packets(play: Callable[[], None]) -> None:
    """Play in a network namespace whose loopback has the MTU of Ethernet; judge that it counted."""
    fragments: list[int] = []

    def judged() -> None:
        play()
        fragments.append(_reassembled())

    apart(judged, ETHERNET_BYTES)
    assert fragments[0], "no datagram was put together from fragments"


def apart(play: Callable[[], None], mtu: int = LOOPBACK_BYTES) -> None:
    """Play in a network namespace that has loopback and no way out.

    The namespace is that of one thread and of all it starts, and goes with them.
    """
    failed: list[BaseException] = []

    def inside() -> None:
        try:
            if _libc.unshare(CLONE_NEWNET):
                pytest.skip("a network namespace takes root")
            words = ["ip", "link", "set", "lo", "up", "mtu", str(mtu)]
            subprocess.run(words, check=True, timeout=10)
            play()
        except BaseException as error:  # told in the thread of the test
            failed.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _reassembled() -> int:
    """Return how many datagrams this namespace put together (RFC 4293 ipReasmOKs)."""
    # /proc/net is that of the process's first thread
    path = Path(f"/proc/self/task/{threading.get_native_id()}/net/snmp")
    names, values = (line.split() for line in path.read_text().splitlines()[:2])
    return int(values[names.index("ReasmOKs")])


def in_a_lossy_network(play: Callable[[], None]) -> None:
    """Play in a network namespace of one's own, where `lose` may have packets lost."""
    failed: list[BaseException] = []

    def inside() -> None:
        try:
            if _libc.unshare(CLONE_NEWNET):
                pytest.skip("a network namespace takes root")
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=10)
            play()
        except BaseException as error:  # told in the thread of the test
            failed.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def lose(port: int, share: float) -> None:
    """Drop this share of what goes to and from a UDP port of this namespace, each by itself."""
    for way in ("--dport", "--sport"):
        words = ["-p", "udp", way, str(port), "-m", "statistic", "--mode", "random"]
        words += ["--probability", str(share), "-j", "DROP"]
        subprocess.run(["iptables", "-w", "-A", "INPUT", *words], check=True, timeout=10)
